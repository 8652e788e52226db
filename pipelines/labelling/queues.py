"""Which sample an annotator is asked about next.

next       the list of the newest report, then its list for review, then the other samples without a label in random
           order
doubted    labels that the newest evaluation holds for wrong
disputed   samples on which this annotator and another one differ
"""

from collections.abc import Callable, Collection, Iterable

from pipelines.labelling.advice import Advice
from pipelines.labelling.answers import Said
from pipelines.labelling.catalogue import Catalogue

QUEUES = ("next", "doubted", "disputed")
Open = Callable[[str], bool]


class Queue:
    """Ids in their order; those that were skipped come last."""

    def __init__(self, ids: Iterable[str]) -> None:
        self.ids = list(dict.fromkeys(ids))
        self._all = frozenset(self.ids)
        self._skipped: dict[str, None] = {}

    def __contains__(self, id: object) -> bool:
        return id in self._all

    def first(self, is_open: Open) -> str | None:
        """The first id that is open and was not skipped, or else the one that was skipped first."""
        fresh = (id for id in self.ids if id not in self._skipped and is_open(id))
        return next(fresh, None) or next((id for id in self._skipped if is_open(id)), None)

    def skip(self, id: str) -> None:
        """Put an id at the end."""
        self._skipped.pop(id, None)
        self._skipped[id] = None

    def left(self, closed: Collection[str]) -> int:
        """How many ids are not closed."""
        return len(self.ids) - sum(id in self._all for id in closed)


def next_order(catalogue: Catalogue, advice: Advice | None) -> list[str]:
    """The order of the queue `next`."""
    free = catalogue.unlabelled()
    there = frozenset(free)
    first = [*advice.listed, *advice.review()] if advice else []
    return [*(id for id in first if id in there), *free]


def doubted_order(catalogue: Catalogue, advice: Advice | None) -> list[str]:
    """The order of the queue `doubted`: the labels that still stand."""
    doubted = advice.doubted if advice else []
    return [one.id for one in doubted if one.id in catalogue and catalogue.label(one.id) == one.label]


def is_shared(id: str, overlap: float) -> bool:
    """Whether every annotator is asked about a sample. overlap: share of the samples for which this is so; ids are
    hashes, so their first digits are a number drawn at random."""
    return int(id[:8], 16) < overlap * 2**32


def is_open(id: str, said: Said, others: Iterable[Said], overlap: float) -> bool:
    """Whether a sample without a label is still to be asked: this annotator has not answered, and no other has, or the
    sample is one of those that all are asked about."""
    return id not in said.last and (is_shared(id, overlap) or all(id not in other.last for other in others))
