"""The candidates of a regression by name, and what is told of the choice among them."""

from components.config import Config

COMMITTEE = "committee"
TOLD = {
    "method": "the method's network",
    "plain": "ridge regression on plain features",
    "boosting": "gradient boosting",
    "knn": "the mean of the nearest labels",
    "probe": "ridge regression on the frozen encoder",
    "alone": "the encoder trained on the labels alone",
}
BASELINE_OF = {"plain": "ridge_plain", "boosting": "boosting_plain", "knn": "knn_plain"}


class NumberRow(Config):
    """A candidate. r2: on held-out labels. weight: in the mean; 0 where it has no part in it."""

    name: str
    r2: float
    weight: float


class NumberPortfolio(Config):
    """served: "committee" for all that have a weight as one network, else the name of a candidate. r2: of what is
    served, on held-out labels."""

    served: str
    reason: str
    rows: list[NumberRow]
    r2: float

    @property
    def itself(self) -> tuple[str, ...]:
        """The baseline that is served as it is, by the name that evaluation gives it."""
        return (BASELINE_OF[self.served],) if self.served in BASELINE_OF else ()
