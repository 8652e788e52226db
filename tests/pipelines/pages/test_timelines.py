"""What a chart shows is looked at through matplotlib, before it becomes a picture."""

import base64
from collections.abc import Callable

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pipelines.pages import timelines

Axis = Callable[[], Axes]


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> Axis:
    figures: list[Figure] = []

    def keep(figure: Figure) -> str:
        figure.canvas.draw()
        figures.append(figure)
        return "data:,"

    monkeypatch.setattr(timelines, "uri", keep)
    return lambda: figures[-1].axes[0]


def test_a_small_p_is_a_high_bar_of_another_colour(drawn: Axis) -> None:
    timelines.tests(["a", "b"], [0.1, 0.001], 0.01)
    low, high = drawn().patches
    assert (low.get_height(), high.get_height()) == pytest.approx((1, 3))
    assert low.get_facecolor() != high.get_facecolor()
    assert drawn().get_lines()[0].get_ydata()[0] == pytest.approx(2)


def test_lines_leave_out_what_is_not_known(drawn: Axis) -> None:
    timelines.lines({"kept": [0.5, 0.6], "churn": [None, 0.1], "none": [None, None]}, "health")
    assert [line.get_xydata().tolist() for line in drawn().get_lines()] == [[[0, 0.5], [1, 0.6]], [[1, 0.1]]]


def test_mixes_stand_side_by_side(drawn: Axis) -> None:
    timelines.mixes(["x", "y"], {"old": [0.5, 0.5], "new": [0.9, 0.1]}, "mix")
    assert [bar.get_height() for bar in drawn().patches] == [0.5, 0.5, 0.9, 0.1]
    left = [bar.get_x() for bar in drawn().patches]
    assert left[0] < left[2] < left[1] < left[3]


def test_histograms_are_shares(drawn: Axis) -> None:
    timelines.histograms({"old": [1, 3], "new": [0, 0]}, "confidence")
    first, second = drawn().patches
    assert first.get_data().values.tolist() == [0.25, 0.75]
    assert np.asarray(second.get_data().values).tolist() == [0, 0]


def test_spans_are_bars_from_begin_to_end_the_first_on_top(drawn: Axis) -> None:
    timelines.spans([("a", 1.0, 3.0, "50.0 %"), ("b", 2.0, 7.0, "")], "t")
    first, second = drawn().patches
    assert (first.get_x(), first.get_width()) == (1.0, 2.0)
    assert (second.get_x(), second.get_width()) == (2.0, 5.0)
    assert drawn().yaxis_inverted()
    assert drawn().texts[0].get_text() == "50.0 %"


def test_every_chart_is_a_png() -> None:
    made = [
        timelines.tests(["a"], [0.5], 0.01),
        timelines.lines({"a": [1, 2]}, "t", log=True),
        timelines.mixes(["x"], {"a": [1]}, "t"),
        timelines.histograms({"a": [1, 2]}, "t"),
        timelines.spans([("a", 0.0, 1.0, "")], "t"),
    ]
    for chart in made:
        head, _, data = chart.partition(",")
        assert head == "data:image/png;base64"
        assert base64.b64decode(data).startswith(b"\x89PNG")
