"""Which items are known, and what becomes of the others."""

import numpy as np
import pytest

from components.errors import UserError
from components.modalities.events.config import FIRST, UNKNOWN
from components.modalities.events.decode import Event
from tests.components.modalities.events.toys import history, pack

ALL = {"held_out": "none"}


def test_items_are_numbered_by_how_often_they_occur():
    packed, packing, written = pack(["ba", "bca", "b"], **ALL)
    assert packing.items == ("b", "a", "c")
    assert packed.row(1).tolist() == [[FIRST, 100], [FIRST + 2, 101], [FIRST + 1, 102]]
    assert written.notes[0] == "6 events of 3 items"


def test_rare_items_are_unknown():
    assert pack(["ba", "bca", "b"], **ALL, vocabulary=2)[1].items == ("b", "a")
    packed, packing, _ = pack(["ba", "bca", "b"], **ALL, fewest=2)
    assert packing.items == ("b", "a")
    assert packed.row(1)[:, 0].tolist() == [FIRST, UNKNOWN, FIRST + 1]


def test_an_item_that_comes_later_is_unknown(tmp_path):
    _, first, _ = pack(["ab", "ba"], **ALL)
    packed, later, written = pack(["ab", "zz"], before=first, **ALL)
    assert later.items == first.items
    assert packed.row(1)[:, 0].tolist() == [UNKNOWN, UNKNOWN]
    assert "50 % of the events are of unknown items" in written.notes[1]
    assert later.reads(first)
    assert not later.reads(pack(["ac", "ca"], **ALL)[1])


def test_kinds_that_do_not_count_are_left_out():
    events = [Event("a", 1.0, "view"), Event("b", 2.0, "buy"), Event("c", 3.0)]
    packed, packing, written = pack([events, [Event("a", 1.0, "view")], "bc"], **ALL, kinds=("buy",))
    assert set(packing.items) == {"b", "c"}
    assert len(packed.row(0)) == 2
    assert written.unreadable == {1: "no events: of the kinds in modality.kinds"}


def test_what_cannot_be_read_has_no_row_and_costs_no_other():
    packed, _, written = pack(["ab", b"hello", "cd"], **ALL)
    assert list(written.unreadable) == [1]
    assert len(packed) == 2
    assert packed.row(1)[:, 1].tolist() == [100, 101]


def test_one_item_is_none_to_predict():
    with pytest.raises(UserError, match="at least two known items, got 1"):
        pack(["aa", "a"], **ALL)


def test_the_newest_events_are_held_out_by_time():
    whole = [Event("ab"[k % 2], float(k)) for k in range(100)]
    packed, packing, _ = pack([whole[:50], whole[50:]], held_out="time", share=0.1)
    assert packing.since == (80.0, 90.0)
    assert [len(packed.before(part).known(1)) for part in ("train", "choose", "test", "all")] == [
        30,
        30,
        40,
        50,
    ]


def test_users_with_fewer_than_three_events_are_counted():
    assert "2 users with fewer than 3 events, who are not measured" in pack(["ab", "abc", "b"])[2].notes
    assert len(pack(["ab", "abc", "b"], **ALL)[2].notes) == 1


def test_time_order_of_a_history_is_mended():
    packed, _, _ = pack([list(reversed(history("abc"))), "abc"], **ALL)
    np.testing.assert_array_equal(packed.row(0), packed.row(1))
