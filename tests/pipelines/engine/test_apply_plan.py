"""What a plan means for the stages after it."""

import json

import pytest

from components.errors import UserError
from pipelines.engine.apply_plan import applied, same_but_plan
from pipelines.engine.manifest import Identity, Manifest

DONE = {"ingest": "ingest/0", "snapshot": "snapshot/new", "plan": "plan/0"}


@pytest.fixture
def planned(tmp_path):
    def finish(reference, **output):
        folder = tmp_path / reference
        folder.mkdir(parents=True)
        stage = reference.split("/")[0]
        manifest = Manifest(
            stage=stage, version=1, recipe="toys", given={}, request={}, observed={}, code="c", output=output,
            started=0.0, seconds=1.0,
        )  # fmt: skip
        (folder / "manifest.json").write_text(manifest.model_dump_json())

    def plan(there=("pretrain/old", "snapshot/old"), **output):
        for reference in there:
            finish(reference)
        finish("plan/0", **{"settled": {}, "parent": None, "previous": None, **output})
        return tmp_path

    return plan


def test_without_a_plan_nothing_is_changed(tmp_path):
    assert applied("score", {"snapshot": "snapshot/0"}, tmp_path) == (None, {"snapshot": "snapshot/0"}, {})


def test_a_settled_stage_is_found_and_the_others_get_the_settled_snapshot(planned):
    store = planned(settled={"pretrain": "pretrain/old", "snapshot": "snapshot/old"})
    assert applied("pretrain", DONE, store).found == "pretrain/old"
    found, done, more = applied("embed", {**DONE, "pretrain": "pretrain/old"}, store)
    assert (found, more) == (None, {})
    assert done == {**DONE, "snapshot": "snapshot/old", "pretrain": "pretrain/old"}


def test_only_pretraining_starts_from_the_parent_and_only_clustering_goes_on_from_the_previous(planned):
    store = planned(parent="pretrain/old", previous="pseudo_label/old", tuned="finetune/old")
    more = {
        stage: applied(stage, DONE, store).more for stage in ("pretrain", "embed", "pseudo_label", "finetune")
    }
    assert {stage: given for stage, given in more.items() if given} == {
        "pretrain": {"start": {"parent": "pretrain/old"}},
        "pseudo_label": {"previous": "pseudo_label/old"},
        "finetune": {"champion": "finetune/old"},
    }
    assert json.dumps(more)  # a request is JSON


def test_a_deleted_champion_is_registered_and_judged_again(planned):
    store = planned(deleted="3")
    asked = {
        stage: applied(stage, DONE, store).more for stage in ("finetune", "register", "promote", "report")
    }
    assert {stage: more for stage, more in asked.items() if more} == {
        "register": {"deleted": "3"},
        "promote": {"deleted": "3"},
    }


def test_a_settled_run_that_is_gone_is_said(planned):
    store = planned(there=(), settled={"pretrain": "pretrain/old"})
    with pytest.raises(
        UserError, match="pretrain/old stands by the plan and is gone from the store; run again"
    ):
        applied("pretrain", DONE, store)


def test_a_report_stands_where_the_plan_is_to_do_nothing(planned):
    store = planned(decision="skip")
    given = {"plan": "plan/first", "promote": "promote/0"}
    made = Identity(
        stage="report", version=2, recipe="toys", given=given, observed={"champion": "1"}, code="c"
    )
    folder = store / made.reference
    folder.mkdir(parents=True)
    manifest = Manifest(**made.model_dump(), request={}, output={}, started=0.0, seconds=1.0)
    (folder / "manifest.json").write_text(manifest.model_dump_json())

    def asked(**changed):
        return made.model_copy(update={"given": {**given, "plan": "plan/0"}, **changed})

    assert same_but_plan(asked(), store) == made.reference
    assert same_but_plan(asked(observed={"champion": "2"}), store) is None
    assert same_but_plan(asked(code="d"), store) is None
    assert same_but_plan(asked(given={**given, "plan": "plan/0", "promote": "promote/1"}), store) is None
    assert same_but_plan(asked(stage="score", given={}), store) is None


def test_a_report_is_made_anew_where_the_plan_is_to_do_something(planned):
    store = planned(decision="labels")
    asked = Identity(
        stage="report", version=2, recipe="toys", given={"plan": "plan/0"}, observed={}, code="c"
    )
    folder = store / "report" / "0"
    folder.mkdir(parents=True)
    made = asked.model_copy(update={"given": {"plan": "plan/first"}})
    manifest = Manifest(**made.model_dump(), request={}, output={}, started=0.0, seconds=1.0)
    (folder / "manifest.json").write_text(manifest.model_dump_json())
    assert same_but_plan(asked, store) is None
