"""Bytes of a history and back."""

import pytest

from components.modalities.events.decode import Event, NotEvents, decode, encode


def test_canonical_bytes():
    events = [Event("a", 1.0), Event('"ü"', 2.5, "buy")]
    assert encode(events) == '[["a",1],["\\"ü\\"",2.5,"buy"]]'.encode()
    assert decode(encode(events)) == events


def test_events_are_put_in_order_of_time_and_those_of_one_time_stay():
    assert [event.item for event in decode(b'[["c", 5], ["a", 1], ["d", 5], ["b", 1]]')] == [
        "a",
        "b",
        "c",
        "d",
    ]


def test_items_may_be_numbers_and_kinds_may_be_null():
    assert decode(b"[[7, 1, null]]") == [Event("7", 1.0)]


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b" ", "empty"),
        (b"hello", "not a history"),
        (b"[]", "no events"),
        (b'[["a", NaN]]', "no time"),
        (b'[["a", true]]', "no time"),
        (b"[[true, 1]]", "no item"),
        (b'[["a", 1, "x", "y"]]', "not a history"),
        (b'["ab"]', "not a history"),
    ],
)
def test_what_is_refused(data, kind):
    with pytest.raises(NotEvents) as error:
        decode(data)
    assert str(error.value).split(":")[0] == kind
