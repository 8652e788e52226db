"""The candidates by name, and what is told of the choice among them."""

from components.config import Config

METHOD, COMMITTEE = "method", "committee"
TOLD = {
    METHOD: "the method's network",
    "plain": "logistic regression on plain features",
    "boosting": "gradient boosting",
    "knn": "nearest neighbours on plain features",
    "caption": "logistic regression on the captions",
    "probe": "a head on the frozen encoder",
    "alone": "the encoder trained on the labels alone",
    "scratch": "the network from random, trained on the labels alone",
    "published": "a head on the published encoder",
}
BASELINE_OF = {
    "plain": "logistic_plain",
    "boosting": "boosting_plain",
    "knn": "knn_plain",
    "caption": "caption_plain",
    "scratch": "scratch",
    "alone": "alone",
    "probe": "probe",
}


class Row(Config):
    """A candidate. accuracy, loss (nats): of held-out labels. weight: in the mean; 0 where it has no part in it."""

    name: str
    accuracy: float
    loss: float
    weight: float


class Portfolio(Config):
    """served: "committee" for all that have a weight as one network, else the name of a candidate. accuracy, loss:
    of the mean, on held-out labels."""

    served: str
    reason: str
    rows: list[Row]
    accuracy: float
    loss: float

    @property
    def itself(self) -> tuple[str, ...]:
        """The baseline that is served as it is, by the name that evaluation gives it. Several as one have to be
        better than each of them."""
        return (BASELINE_OF[self.served],) if self.served in BASELINE_OF else ()
