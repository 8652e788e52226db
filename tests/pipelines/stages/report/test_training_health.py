"""The table of what a living and a dead representation come to."""

import math
from types import SimpleNamespace

from components.evaluation.representation.diagnostics import FIGURES
from pipelines.engine.context import append_metrics
from pipelines.stages.report import training_health
from pipelines.stages.report.learning import CURVES


def found(tmp_path, objective, *records):
    folder = tmp_path / "pretrain" / "0"
    folder.mkdir(parents=True)
    for record in records:
        append_metrics(folder, record)
    sources = SimpleNamespace(
        outputs={"pretrain": {"feature_dim": 64}},
        manifests={"pretrain": SimpleNamespace(request={"objective": objective})},
        context=SimpleNamespace(store=tmp_path),
        references={"pretrain": "pretrain/0"},
    )
    return {row["name"]: row for row in training_health.rows(sources)}


def test_first_and_last_look_beside_the_best_and_the_worst(tmp_path):
    made = found(
        tmp_path, {"name": "swav", "prototypes": 60},
        {"step": 1, "diagnostics/rank": 3.0, "objective/prototype_perplexity": 12.0},
        {"step": 2, "loss/total": 1.0},
        {"step": 3, "diagnostics/rank": 41.25, "objective/prototype_perplexity": 55.97},
    )  # fmt: skip
    rank, used = made["effective rank (RankMe)"], made["prototype perplexity"]
    assert [rank[k] for k in ("first", "last", "healthy", "collapsed")] == ["3", "41.25", "64", "1"]
    assert [used[k] for k in ("first", "last", "healthy", "collapsed")] == ["12", "55.97", "60", "1"]
    assert len(made) == 2


def test_a_teacher_has_two_ways_to_be_dead(tmp_path):
    made = found(tmp_path, {"name": "dino", "outputs": 256}, {"step": 1, "objective/teacher_entropy": 2.5})
    assert made["teacher entropy"]["collapsed"] == f"0 or {math.log(256):.4g}"
    assert made["teacher entropy"]["healthy"] == "–"


def test_every_figure_has_a_row_and_a_meaning():
    drawn = {name for name in CURVES["pretrain"] if name.startswith("diagnostics/")}
    assert drawn <= set(training_health.MEANING)
    known = training_health.bounds({"feature_dim": 8}, {})
    assert {name.rpartition("/")[2] for name in training_health.MEANING} == set(known) - {"scale"}
    assert {f"diagnostics/{name}" for name in FIGURES if name != "scale"} <= set(training_health.MEANING)
