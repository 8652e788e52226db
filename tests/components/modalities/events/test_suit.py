"""What suits somebody's histories."""

from components.modalities.events.config import EventsConfig
from components.modalities.events.decode import encode
from components.modalities.events.suit import EventsLook
from tests.components.modalities.events.toys import history


def looked(words, **config):
    look = EventsLook(EventsConfig(**config))
    assert look.add([encode(history(word)) for word in words]) == [None] * len(words)
    return look


def test_what_is_said():
    look = looked(["abca", "ab", "abcabc"])
    assert look.lines() == [
        "histories of 2 to 6 events, median 4; 3 items; 33 % of the events repeat an item of the user"
    ]
    assert look.useless is None
    assert look.notes(3) == []


def test_the_window_holds_most_histories_whole():
    assert looked(["ab"] * 10).window() == 10
    assert looked(["a" * 34] * 9 + ["a" * 400]).window() == 80
    assert looked(["a" * 500]).window() == 100
    assert "window: 10}" in looked(["ab"] * 10).suited(10).encoder


def test_one_item_and_short_histories():
    assert "one item" in looked(["aa", "a"]).useless
    assert looked(["ab", "ab", "abc"]).notes(3) == [
        "most users have fewer than 3 events: little can be measured"
    ]
    assert looked(["ab", "ab", "abc"], held_out="time").notes(3) == []
