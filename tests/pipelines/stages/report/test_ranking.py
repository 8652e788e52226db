"""The page of a ranking: figures, candidates, users, and no list of what to label."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from components.tasks.ranking import RankingConfig
from pipelines.engine.context import Context
from pipelines.stages.pseudo_label import stage as pseudo_label
from pipelines.stages.report.ranking import called
from tests.pipelines.stages.evaluate import test_ranking as evaluated
from tests.pipelines.stages.report.test_stage import CHAMPION, PLAN, REFUSED, finish, plain, reported
from tests.pipelines.stages.shopping import USERS

TASK = RankingConfig()


def prepare(home: Path) -> Context:
    output, _, here = evaluated.made(home)
    clustered = here.store / "pseudo_label" / "0"
    clustered.mkdir(parents=True)
    here.outputs["pseudo_label/0"] = pseudo_label.run(
        pseudo_label.Request(snapshot="snapshot/0", embed="embed/0", task=TASK), clustered, here
    )
    counts = {"samples": USERS, "labelled": 0, "tests": 0, "version": "abc.dir"}
    above = {
        name: {key: plain(v) for key, v in vars(here.outputs[f"{name}/0"]).items()}
        for name in ("snapshot", "embed")
    }
    trained = {"steps": 8, "epochs": 2, "samples": 240, "samples_per_second": 99.0, "data_wait_share": 0.01}
    finish(here, "ingest", {})
    finish(here, "snapshot", {**above["snapshot"], **counts})
    finish(here, "plan", PLAN, level=0.01, needed=2, windows=3)
    finish(here, "pretrain", {**trained, "encoder": plain(here.outputs["pretrain/0"].encoder)}, seed=7)
    finish(here, "embed", above["embed"], pretrain="pretrain/0")
    finish(here, "pseudo_label", plain(here.outputs["pseudo_label/0"]), embed="embed/0", previous=None)
    finish(here, "finetune", plain(here.outputs["finetune/0"]))
    finish(here, "evaluate", plain(output), task=TASK.model_dump(mode="json"))
    finish(here, "register", {"name": "shopping", "version": "2", "digest": "d" * 64, "skipped": None})
    finish(here, "promote", REFUSED)
    return Context(
        store=here.store, settings=here.settings, recipe="shopping", run="a-run", observed=CHAMPION
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, str, Path]:
    return reported(prepare(tmp_path_factory.mktemp("home")), task=TASK)


def test_sections(made: tuple[Any, str, Path]) -> None:
    output, page, _ = made
    for title in ("How good is it?", "Which model is served?", "What users are recommended"):
        assert f"<h2>{title}</h2>" in page, title
    assert "what follows the last item (Markov chain)" in page
    assert "EASE, penalty 50" in page
    assert "NDCG@10" in output.summary
    assert f"of {USERS} users" in output.summary
    assert "chosen: <b>" in page
    assert "recommended again" in page


def test_nobody_is_asked_for_labels(made: tuple[Any, str, Path]) -> None:
    output, page, _ = made
    assert output.asked == 0
    assert "What to label next" not in page


def test_no_model(tmp_path: Path) -> None:
    context = prepare(tmp_path)
    for stage in ("finetune", "evaluate"):
        file = context.store / stage / "0" / "manifest.json"
        manifest = json.loads(file.read_text())
        manifest["output"] |= {"skipped": "no users"} | ({"metrics": {}} if stage == "evaluate" else {})
        file.write_text(json.dumps(manifest))
    output, page, _ = reported(dataclasses.replace(context), task=TASK)
    assert output.summary == f"From {USERS} users no ranking, because of no users."
    assert "Which model is served?" not in page


def test_names_of_candidates() -> None:
    assert called("ease 250") == "EASE, penalty 250"
    assert called("item_knn") == "item-kNN"
