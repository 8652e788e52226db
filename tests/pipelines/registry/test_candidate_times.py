"""Times of trainings by candidate, counted by hand."""

import time

import pytest

from components.forks import run_all
from pipelines.registry.candidate_times import Span, figures, read, spans
from tests.pipelines.stages.finetune.meters import meter

TIMES = {
    "views": (2.0, 9.0),
    "plain-0": (0.5, 1.0),
    "plain-1": (0.75, 1.75),
    "cross_alone-0": (9.0, 12.0),
    "cross_alone-1": (10.0, 14.0),
    "alone": (14.0, 15.0),
    "scratch_grid-1-0": (9.0, 10.0),
    "scratch": (20.0, 22.0),
    "cross_fit-0": (15.0, 19.0),
    "finetune": (22.0, 40.0),
    "distill": (40.0, 50.0),
}
EXPECTED = [
    Span("plain", 0.5, 1.75, 1.5, 0.4),
    Span("views", 2.0, 9.0, 7.0),
    Span("alone", 9.0, 15.0, 8.0, 0.5),
    Span("scratch", 9.0, 22.0, 3.0),
    Span("method", 15.0, 40.0, 22.0, 0.75),
    Span("distilled", 40.0, 50.0, 10.0),
]


def test_trainings_of_a_candidate_are_counted_together() -> None:
    assert spans(TIMES, {"plain": 0.4, "alone": 0.5, "method": 0.75}) == EXPECTED


def test_metrics_give_back_the_spans_of_the_last_attempt() -> None:
    logged = figures(EXPECTED)
    assert logged["timeline/alone/seconds"] == 8.0
    assert "timeline/views/accuracy" not in logged
    first = {"step": 0, **figures([Span("knn", 0.0, 1.0, 1.0)])}
    assert read([first, {"step": 3, "loss/total": 1.0}, {"step": 0, "time": 9.0, **logged}]) == EXPECTED
    assert read([{"step": 3, "loss/total": 1.0}]) == []


def test_a_fork_keeps_its_times_where_the_meter_sees_them(tmp_path) -> None:
    made = meter(tmp_path, began=time.monotonic() - 100)

    def job(name: str) -> None:
        with made.timed(name):
            time.sleep(0.05)

    made.announce("probe-0", "probe-1", "never")
    run_all([lambda: job("probe-0"), lambda: job("probe-1")], 2)
    assert set(made.times()) == {"probe-0", "probe-1"}
    for began, ended in made.times().values():
        assert 100 <= began < ended < 160
        assert ended - began >= 0.05


def test_what_failed_has_no_time(tmp_path) -> None:
    made = meter(tmp_path)
    with pytest.raises(ValueError, match="no"), made.timed("views"):
        raise ValueError("no")
    assert made.times() == {}
