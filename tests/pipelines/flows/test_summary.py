"""What is said at the end of a run, from made-up manifests."""

from components.registry.journal import Entry, Journal
from pipelines.engine.journal import StageLine
from pipelines.engine.manifest import Manifest
from pipelines.flows.summary import summary
from pipelines.settings import Settings

PLAN = {"decision": "skip", "reason": "No new labels, and no new samples: version 3 stays.", "champion": "3"}
PROMOTE = {"version": "2", "champion_version": "2", "promoted": True, "reason": "better"}


def told(tmp_path, statuses, **outputs):
    settings, lines = Settings(home=tmp_path), []
    for stage, status in statuses.items():
        folder = settings.store / stage / "0"
        folder.mkdir(parents=True)
        manifest = Manifest(
            stage=stage, version=1, recipe="toys", given={}, request={}, observed={}, code="c",
            output=outputs.get(stage, {}), started=0.0, seconds=30.0,
        )  # fmt: skip
        (folder / "manifest.json").write_text(manifest.model_dump_json())
        lines.append(StageLine(stage=stage, reference=f"{stage}/0", status=status, started=0, seconds=1.0))
    return "\n".join(summary(lines, 60.0, settings))


def test_the_plan_is_said_and_that_it_ran(tmp_path):
    said = told(tmp_path, {"plan": "ran", "pretrain": "found"}, plan=PLAN)
    assert "plan: skip. No new labels, and no new samples: version 3 stays." in said
    assert "0 steps trained: nothing changed; ran: plan; 1 stage found in 1:00 min" in said
    assert "0 steps trained: nothing changed; 1 stage found" in told(tmp_path / "b", {"pretrain": "found"})


def test_the_champion_of_now_counts_where_promotion_was_found(tmp_path):
    outputs = {"plan": PLAN, "promote": PROMOTE, "register": {"name": "toys", "version": "2"}}
    found = {"plan": "ran", "register": "found", "promote": "found"}
    Journal(tmp_path / "a" / "journal" / "toys.jsonl").append(
        Entry.now("ana", "promote", "done", "2", "3", "why")
    )
    said = told(tmp_path / "a", found, **outputs)
    assert "toys: Version 2 passed the gate and was champion. Version 3 is the champion." in said
    assert "  model = mlflow.pyfunc.load_model('models:/toys@champion')" in said
    assert f"mlflow.set_tracking_uri('sqlite:///{tmp_path / 'a' / 'mlflow' / 'mlflow.db'}')" in said
    Journal(tmp_path / "b" / "journal" / "toys.jsonl").append(
        Entry.now("ana", "promote", "done", None, "2", "better")
    )
    assert "toys: Version 2 is the champion, the first one: better." in told(tmp_path / "b", found, **outputs)


def test_a_margin_may_be_below_zero(tmp_path):
    figures = {"accuracy": 0.7, "accuracy_low": 0.6, "accuracy_high": 0.8, "margin": -0.065}
    said = told(tmp_path, {"evaluate": "ran"}, evaluate={"metrics": figures, "best_baseline": "knn_plain"})
    assert (
        "accuracy on the test samples: 0.700 [0.600, 0.800]; 0.065 below the best baseline, knn_plain" in said
    )


def test_a_baseline_that_is_served_is_named_beside_the_margin_that_leaves_it_out(tmp_path):
    found = {
        "metrics": {"accuracy": 0.82, "margin": 0.12},
        "best_baseline": "scratch",
        "baselines": {"scratch": 0.7, "logistic_plain": 0.82},
    }
    served = {"made_of": ["logistic_plain"]}
    said = told(tmp_path, {"finetune": "found", "evaluate": "found"}, finetune=served, evaluate=found)
    end = "; served within the model, and so left out of the margin: logistic_plain 0.820"
    assert f"0.120 above the best baseline, scratch{end}" in said


def test_what_the_method_was_worth_and_the_warnings_are_said(tmp_path):
    benefit = {
        "line": "fixmatch: worse than the labels alone",
        "warnings": ["[model-at-chance]: the model is at chance"],
    }
    said = told(tmp_path, {"evaluate": "ran"}, evaluate={"metrics": {"accuracy": 0.5}, "benefit": benefit})
    assert "fixmatch: worse than the labels alone\nwarning [model-at-chance]: the model is at chance" in said
    assert "warning" not in told(
        tmp_path / "b", {"evaluate": "ran"}, evaluate={"metrics": {}, "benefit": None}
    )


def test_work_is_what_trains_and_embeds(tmp_path):
    said = told(
        tmp_path, {"plan": "ran", "pretrain": "ran", "report": "ran"}, plan={**PLAN, "decision": "warm"}
    )
    assert "pretrain: 30 s, 50% of the wall time" in said
    assert "score: 30 s, 50% of the wall time" in told(tmp_path / "c", {"snapshot": "found", "score": "ran"})
    assert "0 steps trained; ran: plan, report; 0 stages found" in told(
        tmp_path / "b", {"plan": "ran", "report": "ran"}, plan=PLAN
    )
