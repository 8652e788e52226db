"""What is held out of a history is in no view that is trained on."""

import torch

from components.modalities.events.config import FIRST
from components.modalities.events.decode import Event
from tests.components.modalities.events.toys import pack


def letters(view, packing):
    return ["".join(packing.items[k - FIRST] for k in row if k >= FIRST) for row in view.tolist()]


def seen(packed, packing):
    return letters(packed.gather(torch.arange(len(packed))), packing)


def target(packed, packing):
    return "".join("-" if k == 0 else packing.items[k - FIRST] for k in packed.targets().tolist())


def test_last_events():
    packed, packing, _ = pack(["abcd", "ab", "abc", "c"])
    assert seen(packed, packing) == ["ab", "ab", "a", "c"]
    assert seen(packed.before("choose"), packing) == ["ab", "ab", "a", "c"]
    assert target(packed.before("choose"), packing) == "c-b-"
    assert seen(packed.before("test"), packing) == ["abc", "ab", "ab", "c"]
    assert target(packed.before("test"), packing) == "d-c-"
    assert seen(packed.whole(), packing) == ["abcd", "ab", "abc", "c"]
    assert target(packed.whole(), packing) == "----"


def test_by_time():
    a = [Event("a", 0.0), Event("b", 5.0), Event("c", 8.0), Event("d", 8.5)]
    b = [Event("a", float(t)) for t in range(6)]
    new = [Event("b", 8.1), Event("c", 8.2), Event("d", 9.5)]
    late = [Event("a", 0.5), Event("b", 9.0)]
    packed, packing, _ = pack([a, b, new, late], held_out="time", share=0.4)
    assert packing.since == (1.0, 8.0)  # of 15 events in order of time, the 4th and the 10th
    assert seen(packed, packing) == ["a", "a", "", "a"]
    assert target(packed.before("choose"), packing) == "ba--"  # the late one's next event is for testing
    assert seen(packed.before("test"), packing) == ["ab", "aaaaaa", "", "a"]
    assert target(packed.before("test"), packing) == "c--b"  # of the new user nothing is known before


def test_nothing_is_held_out():
    packed, packing, _ = pack(["abcd", "ab"], held_out="none")
    assert seen(packed, packing) == ["abcd", "ab"]
    assert target(packed.before("test"), packing) == "--"


def test_of_a_long_history_the_last_events_are_used():
    packed, packing, _ = pack(["abcdef"], held_out="none", length=3)
    assert seen(packed, packing) == ["def"]
    assert len(packed.row(0)) == 6


def test_part_and_rows_are_kept_by_both_ways_of_choosing():
    packed, packing, _ = pack(["abcd", "bcda", "cdab"])
    assert seen(packed.before("all").select(packed.rows[[2, 0]]), packing) == ["cdab", "abcd"]
    assert seen(packed.select(packed.rows[[2, 0]]).before("test"), packing) == ["cda", "abc"]
