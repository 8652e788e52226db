"""The timeline of fine-tuning as the report shows it."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from pipelines.pages.sources import Sources
from pipelines.registry.candidate_times import Span
from pipelines.stages.report.training_times import began, bought, rows, section

MADE = [
    Span("plain", 1.0, 2.0, 1.5, 0.5),
    Span("views", 2.0, 12.0, 10.0),
    Span("alone", 12.0, 20.0, 14.0, 0.6),
    Span("scratch", 12.0, 25.0, 20.0, 0.55),
    Span("method", 25.0, 60.0, 50.0, 0.6),
]
MEAN = {"served": "committee", "accuracy": 0.65}


def test_each_candidate_is_compared_with_the_best_before_it() -> None:
    found = rows(MADE, MEAN)
    assert [row["bought"] for row in found] == [
        "50.0 %, the first",
        "",
        "60.0 %, 10.0 points more than the best before it",
        "55.0 %, 5.0 points less than the best before it",
        "60.0 %, as much as the best before it",
        "65.0 %, 5.0 points more than the best before it",
    ]
    assert found[0]["name"] == "logistic regression on plain features"
    assert [found[2][key] for key in ("began", "ended", "seconds")] == ["12.0", "20.0", "14.0"]
    assert found[-1]["name"] == "their mean"
    assert len(rows(MADE, {**MEAN, "served": "plain"})) == len(rows(MADE, None)) == 5
    assert rows([], MEAN) == []
    assert bought(0.4, 0.0) == "40.0 %, 40.0 points more than the best before it"


def of(folder: Path, lines: list[dict[str, Any]]) -> dict[str, Any]:
    at = folder / "finetune" / "0"
    at.mkdir(parents=True)
    (at / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    context = SimpleNamespace(store=folder)
    outputs = {"finetune": {"portfolio": None}}
    made = SimpleNamespace(context=context, references={"finetune": "finetune/0"}, outputs=outputs)
    return section(cast(Sources, made))


def test_the_times_come_from_the_metrics_of_the_stage(tmp_path: Path) -> None:
    line = {"step": 0, "timeline/probe/began": 1, "timeline/probe/ended": 3, "timeline/probe/seconds": 4}
    found = of(tmp_path, [{"step": 5, "loss/total": 1.0}, line])
    (row,) = found["timeline"]
    assert row == {
        "name": "a head on the frozen encoder", "began": "1.0", "ended": "3.0", "seconds": "4.0", "bought": "",
    }  # fmt: skip
    assert found["timeline_chart"].startswith("data:image/png")


def test_without_times_there_is_no_timeline(tmp_path: Path) -> None:
    assert of(tmp_path, [{"step": 5, "loss/total": 1.0}]) == {"timeline": [], "timeline_chart": ""}


def test_when_a_stage_began_is_a_date() -> None:
    assert began(86_400.0 + 3661) == "1970-01-02 01:01:01"
