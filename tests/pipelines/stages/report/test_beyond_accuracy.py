"""The sentences on what speaks for or against a model: figures in, plain words out."""

from typing import Any

import pytest
from matplotlib.axes import Axes

from pipelines.stages.report import beyond_accuracy

SAVED = {
    "sizes": [10, 32, 100], "ours": [0.5, 0.7, 0.8], "alone": [0.4, 0.5, 0.65], "labels": 26.4, "labels_low": 21.0,
    "labels_high": 33.0, "needed": None, "needed_low": 100.0, "needed_high": None,
}  # fmt: skip


def test_with_so_many_labels_you_have_what_others_need_so_many_for() -> None:
    text = beyond_accuracy.saving(SAVED)
    assert "With 26 labels (95 % interval 21 to 33) the features give" in text
    assert "supervised learning needs all 100 for" in text
    assert text.endswith("takes it more labels than there are (95 % interval from 100 on).")


def test_where_it_is_the_other_way_round_that_is_said() -> None:
    other = {
        **SAVED,
        "labels": None,
        "labels_high": None,
        "needed": 40.0,
        "needed_low": 30.0,
        "needed_high": None,
    }
    text = beyond_accuracy.saving(other)
    assert "With all 100 labels the features do not give what supervised learning gives with them" in text
    assert "with them (95 % interval from 21 on). What they" in text
    assert text.endswith(
        "What they give with all 100 it reaches with 40 (95 % interval 30 to more than 100)."
    )


def test_what_is_out_of_reach_at_both_ends_has_no_interval() -> None:
    nothing = {f"{name}{end}": None for name in ("labels", "needed") for end in ("", "_low", "_high")}
    text = beyond_accuracy.saving({**SAVED, **nothing})
    assert "gives with them. What they give with all 100 takes it more labels than there are." in text
    assert "more than 100 to" not in text


def test_sets_say_what_was_promised_and_what_was_kept() -> None:
    kept = {
        "promised": 0.9, "coverage": {"value": 0.912, "low": 0.9, "high": 0.92}, "size": 1.5, "single": 0.6,
        "single_right": 0.95, "worst_class": "Shirt", "worst_coverage": 0.71,
    }  # fmt: skip
    text = beyond_accuracy.sets(kept)
    for part in (
        "in 90 % of the samples",
        "in 91.2 % of the test",
        "Shirt, 71.0 %",
        "1.50 classes",
        "right in 95.0 %",
    ):
        assert part in text
    assert beyond_accuracy.sets({**kept, "single_right": None}).endswith("never one alone.")


def test_doubtful_labels_and_outliers_are_counted() -> None:
    none: dict[str, Any] = {"checked": 100, "found": 0, "precision": None, "why": ""}
    assert (
        beyond_accuracy.suspects(none)
        == "100 labels, judged by models that had not seen them: none looks wrong."
    )
    assert beyond_accuracy.suspects({**none, "checked": 1}).startswith("1 label, ")
    weak = {**none, "why": "models that had not seen them dispute 45 of 99 labels, which"}
    assert beyond_accuracy.suspects(weak) == f"No label is named as probably wrong: {weak['why']}."
    some = {**none, "precision": 0.834}
    assert beyond_accuracy.suspects({**some, "found": 1}).startswith(
        "1 of 100 labels is probably wrong: models that had not seen it predict another class"
    )
    assert beyond_accuracy.suspects({**some, "found": 30}).endswith("(12 shown).")
    text = beyond_accuracy.suspects({**some, "found": 3})
    assert text.startswith("3 of 100 labels are probably wrong")
    assert "An estimated 83 % of those named are wrong" in text
    alarms = {"value": 0.048, "low": 0.04, "high": 0.056}
    text = beyond_accuracy.outliers({"rate": 0.05, "limit": 15.44, "false_alarms": alarms, "samples": []})
    assert (
        "above 15.4; 5 % of ordinary samples may be, and 4.8 % of the test samples are (4.0 % to 5.6 %)"
        in text
    )


def test_the_figure_has_a_point_with_its_interval_for_each_trained_network(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    drawn = []
    real = Axes.errorbar

    def errorbar(axes: Axes, x: list[float], y: list[float], yerr: list[list[float]], **how: Any) -> Any:
        drawn.append((how["label"], y, yerr))
        return real(axes, x, y, yerr, **how)

    monkeypatch.setattr(Axes, "errorbar", errorbar)
    found = {"model": (0.8, 0.78, 0.83), "alone": (0.7, 0.65, 0.72), "probe": (0.6, 0.5, 0.7)}
    intervals = {name: dict(zip(("value", "low", "high"), f, strict=True)) for name, f in found.items()}
    assert beyond_accuracy.curves(SAVED, intervals).startswith("data:image/png")
    assert [label for label, *_ in drawn] == ["this model", "same encoder, labels alone"]
    (_, y, reach), _ = drawn
    assert y == [0.8]
    assert [r for (r,) in reach] == pytest.approx([0.02, 0.03])


def test_what_was_not_measured_leaves_no_section() -> None:
    assert not any(beyond_accuracy.sections({"skipped": "no labels"}, sources=None).values())  # type: ignore[arg-type]
