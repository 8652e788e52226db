"""A history in a page."""

import numpy as np

from components.modalities.events.decode import Event
from components.modalities.events.show import said, snippet
from tests.components.modalities.events.toys import pack


def test_the_last_events_newest_first_and_escaped():
    packed, packing, _ = pack([[Event(f"<i{k}>", float(k)) for k in range(10)]], held_out="none")
    html = snippet(packed.row(0), packing, 64)
    assert "<b>10 events</b> 0 to 9" in html
    assert html.index("&lt;i9&gt;") < html.index("&lt;i2&gt;")
    assert "i1&gt;" not in html
    assert "<b>0 events</b>" in snippet(np.zeros((0, 2)), packing, 64)


def test_times_of_this_century_are_dates():
    assert said(1_700_000_000.0) == "2023-11-14 22:13"
    assert said(12.5) == "12.5"
