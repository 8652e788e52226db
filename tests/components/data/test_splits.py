"""The split of a sample: a pure function of its id, right in share, steady as the share or the data grow."""

import hashlib

import pytest

from components.data.splits import split_of, splits_of

IDS = [hashlib.sha256(str(i).encode()).hexdigest() for i in range(20_000)]
ALONE = range(len(IDS))  # groups: nobody has a near-duplicate
TRAIN, TEST = "f" * 64, "0" * 64  # ids that the hash puts there


@pytest.mark.parametrize(
    ("tail", "share", "split"),
    [
        ("0" * 16, 0.0, "train"),
        ("0" * 16, 1e-9, "test"),
        ("7" + "f" * 15, 0.5, "test"),
        ("8" + "0" * 15, 0.5, "train"),
        ("f" * 16, 0.999, "train"),
        ("f" * 16, 1.0, "test"),
    ],
)
def test_the_last_16_digits_decide(tail: str, share: float, split: str) -> None:
    assert split_of("a" * 48 + tail, share, {}) == split
    assert split_of("b" * 48 + tail, share, {}) == split


@pytest.mark.parametrize("share", [0.1, 0.25, 0.9])
def test_the_share_is_met(share: float) -> None:
    found = splits_of(IDS, share, {}, ALONE).count("test") / len(IDS)
    assert found == pytest.approx(share, abs=4 * (share * (1 - share) / len(IDS)) ** 0.5)


def test_a_larger_share_keeps_every_test_item() -> None:
    small, large = splits_of(IDS, 0.1, {}, ALONE), splits_of(IDS, 0.2, {}, ALONE)
    assert all(b == "test" for a, b in zip(small, large, strict=True) if a == "test")


def test_what_is_named_wins_over_the_hash() -> None:
    assert split_of(IDS[0], 1.0, {IDS[0]: "train"}) == "train"
    assert split_of(IDS[0], 0.0, {IDS[0]: "test"}) == "test"


def test_where_test_items_are_named_no_others_are_drawn() -> None:
    assert splits_of(IDS[:3], 1.0, {IDS[1]: "test"}, ALONE[:3]) == ["train", "test", "train"]
    assert splits_of(IDS[:3], 1.0, {IDS[1]: "train"}, ALONE[:3]) == ["test", "train", "test"]


def test_a_near_duplicate_follows_the_one_that_arrived_first() -> None:
    assert splits_of([TRAIN, TEST, TEST], 0.5, {}, [0, 0, 2]) == ["train", "train", "test"]
    assert splits_of([TEST, TRAIN, TRAIN], 0.5, {}, [0, 0, 2]) == ["test", "test", "train"]


def test_a_near_duplicate_follows_a_named_one_and_test_wins() -> None:
    ids = ["a" * 64, "b" * 64, "c" * 64, "d" * 64]
    assert splits_of(ids, 0.5, {ids[1]: "test"}, [0, 0, 2, 2]) == ["test", "test", "train", "train"]
    assert splits_of([TEST, ids[1]], 0.5, {ids[1]: "train"}, [0, 0]) == ["train", "train"]
    both = {ids[0]: "train", ids[1]: "test"}  # a person's word stands; the third one is not trained on
    assert splits_of(ids, 0.5, both, [0, 0, 0, 3]) == ["train", "test", "test", "train"]


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_an_impossible_share_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match="0 to 1"):
        split_of(IDS[0], share, {})
