"""Limits on a history."""

from components.modalities.events.check import check_events
from components.modalities.events.config import EventsLimits

TWO = b'[["a",1],["b",2]]'


def test_limits():
    assert check_events([TWO, TWO], EventsLimits()) == [None, None]
    assert check_events([TWO], EventsLimits(min_events=3)) == ["too short: 2 events, needed 3"]
    assert check_events([TWO], EventsLimits(max_events=1)) == [
        "too long: 2 events, allowed 1 (ingest.limits.max_events)"
    ]
    assert check_events([TWO], EventsLimits(max_bytes=10)) == [f"too large: {len(TWO)} bytes, allowed 10"]
