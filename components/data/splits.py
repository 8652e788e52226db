"""Which split a sample belongs to: a pure function of its id and of the near-duplicates that arrived before it, so that
no retraining can move a test item.

A share is taken of *all* samples, labelled or not: were it taken of the labelled ones only, a sample trained
on while it had no label could become a test item on the day it gets one.
"""

from collections.abc import Mapping, Sequence

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


def splits_of(ids: Sequence[str], share: float, named: Mapping[str, str], groups: Sequence[int]) -> list[str]:
    """split_of each id, with near-duplicates in one split; where a person named any test item, those are the test set,
    and no share is taken.

    groups: of each sample, the position of the first member of its group of near-duplicates (components.data.
    near_duplicates). Who was not named follows a named member, "test" before "train"; without one the member that
    arrived first, so that later copies move nobody. Two members that a person named differently stay as named.
    """
    share = 0.0 if "test" in named.values() else share
    splits = [split_of(id, share, named) for id in ids]
    side = {first: splits[first] for first in groups}
    for wins in ("train", "test"):  # the later one overrides
        side |= {first: wins for id, first in zip(ids, groups, strict=True) if named.get(id) == wins}
    return [named.get(id, side[first]) for id, first in zip(ids, groups, strict=True)]
