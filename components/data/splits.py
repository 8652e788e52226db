"""Which split a sample belongs to: a pure function of its id, so that no retraining can move a test item.

A share is taken of *all* samples, labelled or not: were it taken of the labelled ones only, a sample trained
on while it had no label could become a test item on the day it gets one.
"""

from collections.abc import Iterable, Mapping

SPLITS = ("train", "test")


def split_of(id: str, share: float, named: Mapping[str, str]) -> str:
    """ "train" or "test". id: sha256, hex. share: of test items, 0 to 1, by hash. named: id -> split, by a
    person.

    What a person named wins over the hash. The id is a hash itself; its last 16 digits are a number that is
    uniform below 2^64: an id that ends in sixteen zeros is a test item for every share above 0, one that ends
    in f for none but 1.

    Raises:
        ValueError: share is not within 0 to 1.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"the share of test items must be 0 to 1, got {share}")
    if id in named:
        return named[id]
    return "test" if int(id[-16:], 16) < share * 2.0**64 else "train"


def splits_of(ids: Iterable[str], share: float, named: Mapping[str, str]) -> list[str]:
    """split_of each id; where a person named any test item, those are the test set, and no share is taken."""
    share = 0.0 if "test" in named.values() else share
    return [split_of(id, share, named) for id in ids]
