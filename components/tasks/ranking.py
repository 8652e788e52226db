"""No labels: the events of a history that are held out are what a model is measured by."""

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import PositiveInt

from components.config import Config
from components.tasks.base import Targets, Task

AT = 10  # items of the list that a model is measured by


class RankingConfig(Config):
    """Which items does a user choose next? The model ranks all items for each user; needs event histories."""

    name: Literal["ranking"] = "ranking"
    """Selects the ranking of items."""

    top: PositiveInt = 10
    """Items that are recommended to a user. Figures are always of the first ten."""

    repeats: bool | None = None
    """Whether an item that is in the history may be recommended again; null: where at least 5 % of the events that are
    trained on are of an item that the user had before."""


class Ranking(Task[RankingConfig]):
    """Needs no labels and takes none."""

    config: RankingConfig
    headline = "ndcg"
    word = "NDCG@10"
    share = False
    figures: ClassVar[Mapping[str, str]] = {"hit_rate": "HR@10", "coverage": "coverage of the items"}
    clusters = False
    needs_labels = False
    takes_labels = False
    learns = "a ranking of items"

    def targets(self, labels: Mapping[str, str], style: str = "") -> Targets:
        """{"a": "x"}: refused."""
        why = "the task ranking takes no labels: what a user chooses next is in the events; leave label files out"
        return Targets(refused=dict.fromkeys(labels, why))
