from datetime import UTC, datetime
from pathlib import Path

import pytest

from components.errors import UserError
from pipelines import recipe
from pipelines.graph import GRAPH
from pipelines.recipe import next_time

TOP = "name: q\nseed: 3\nmodality: {name: image, size: 28}\ninbox: ../inbox\n"
MODALITY = {"name": "image", "size": 28}


@pytest.fixture
def written(tmp_path):
    def write(text, name="q.yaml"):
        folder = tmp_path / "recipes"
        folder.mkdir(exist_ok=True)
        (folder / name).write_text(text)
        return folder / name

    return write


def test_the_inbox_is_relative_to_the_file(written, tmp_path, monkeypatch):
    monkeypatch.chdir("/")
    assert recipe.load(written(TOP)).inbox == tmp_path / "inbox"


def test_a_request_is_section_shared_values_and_references(written):
    read = recipe.load(written(TOP + "pretrain: {epochs: 2}\nfinetune: {seed: 9}\n"))
    done = {stage: f"{stage}/0" for stage in GRAPH}
    assert read.request("pretrain", done) == {
        "seed": 3, "modality": MODALITY, "epochs": 2, "snapshot": "snapshot/0",
    }  # fmt: skip
    assert read.request("snapshot", done) == {"modality": MODALITY}
    assert "modality" not in read.request("pseudo_label", done)  # which sees features and labels alone
    assert read.request("ingest", done)["inbox"] == str(read.inbox)
    assert read.request("finetune", done)["seed"] == 9  # what a section says itself counts


def test_a_task_is_asked_of_the_stages_that_need_it_and_the_usual_one_of_none(written):
    """Left out where it is the usual one: runs are named as they were before there were tasks."""
    done = {stage: f"{stage}/0" for stage in GRAPH}
    usual = [recipe.load(written(TOP)), recipe.load(written(TOP + "task: classification\n"))]
    for stage in GRAPH:
        assert usual[0].request(stage, done) == usual[1].request(stage, done)
        assert "task" not in usual[0].request(stage, done)
    read = recipe.load(written(TOP + "task: regression\n"))
    asked = {stage for stage in GRAPH if read.request(stage, done).get("task") == {"name": "regression"}}
    assert asked == set(GRAPH) - {"pretrain", "embed"}  # which see no labels
    assert read.request("plan", done)["asked"]["finetune"]["task"] == {"name": "regression"}


def test_an_empty_section_is_all_defaults(written):
    assert recipe.load(written(TOP + "pretrain:\n")).sections == {"pretrain": {}}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (TOP + "pretrian: {}\n", "unknown key 'pretrian'; did you mean 'pretrain'"),
        (TOP + "sed: 1\n", "unknown key 'sed'; did you mean 'seed'"),
        (TOP + "embed: 3\n", "embed: a mapping is needed"),
        (TOP + "embed: {pretrain: pretrain/0}\n", "embed.pretrain: is filled in by the run"),
        (TOP.replace("seed: 3", "seed: -3"), "seed: .*greater than or equal to 0"),
        (TOP.replace("name: q", "name: ../q"), "name: "),
        (TOP.replace("inbox: ../inbox\n", ""), "inbox: .*required"),
        (TOP + "schedule: daily\n", "schedule: a cron expression of five fields"),
        (TOP + "schedule: 0 25 * * *\n", r"schedule: a cron expression .* \(got '0 25 \* \* \*'"),
        (TOP + "schedule: '@dayly'\n", "schedule: .*@daily.* \\(got '@dayly'\\)"),
        (TOP + "schedule: 0 0 31 2 *\n", "schedule: a cron expression"),  # a day that never comes
        (TOP + "schedule: 0 3 * * * *\n", "schedule: a cron expression of five fields"),
        (TOP + "timezone: Europe/Berlln\n", "timezone: .*did you mean 'Europe/Berlin'"),
        (TOP + "timezone: ../zone\n", "timezone: a time zone such as"),
        ("name: [1\n", "line 2: not valid YAML"),
        ("- a\n", "a mapping of names to values is needed, not list"),
        ("", "a mapping of names to values is needed, not NoneType"),
        (TOP + "file: x\n", "unknown key 'file'"),
    ],
)
def test_a_mistake_is_one_line_that_names_it(written, text, message):
    with pytest.raises(UserError, match=message) as caught:
        recipe.load(written(text))
    assert "\n" not in str(caught.value)
    assert "q.yaml" in str(caught.value)


def test_a_missing_file_is_named_with_what_lies_beside_it(written):
    file = written(TOP)
    with pytest.raises(UserError, match=r"no recipe .*nosuch\.yaml; in that folder: q\.yaml"):
        recipe.load(file.with_name("nosuch.yaml"))


def test_check_names_every_mistake_of_every_stage_in_one_line(project):
    file = project.recipe("first: {sise: 3}\nsecond: {factor: many}\n")
    code, out, err = project.selfsup("check", str(file))
    assert code == 2
    assert out == ""
    assert "first: unknown key 'sise'; did you mean 'size'?" in err
    assert "second: factor: " in err
    assert err.count("\n") == 1


def test_a_good_recipe_passes_the_check(project):
    file = project.recipe("first: {size: 4}\n")
    (file.parent / "inbox").mkdir(exist_ok=True)
    found = project.selfsup("check", str(file))
    assert found[0] == 0, found


def test_the_plan_is_told_what_is_asked_of_the_stages_that_it_may_settle(written):
    read = recipe.load(
        written(TOP + "pretrain: {epochs: 2}\nregister: {name: best}\nplan: {new_share: 0.2}\n")
    )
    asked = read.request("plan", {"snapshot": "snapshot/0"})
    assert asked["asked"] == {
        "pretrain": {"seed": 3, "modality": MODALITY, "epochs": 2},
        "embed": {"modality": MODALITY},
        "pseudo_label": {"seed": 3},
        "finetune": {"seed": 3, "modality": MODALITY},
        "evaluate": {"seed": 3, "modality": MODALITY},
        "register": {"modality": MODALITY, "name": "best"},
    }
    assert (asked["model"], asked["new_share"], asked["snapshot"]) == ("best", 0.2, "snapshot/0")
    assert "force" not in asked


def test_force_is_for_one_run_and_not_for_a_file(written):
    read = recipe.load(written(TOP + "plan: {new_share: 0.2}\n"))
    done = {"snapshot": "snapshot/0"}
    assert read.forced("warm").request("plan", done) == {**read.request("plan", done), "force": "warm"}
    assert read.forced(None) is read
    with pytest.raises(UserError, match="force is warm or scratch"):
        read.forced("often")


@pytest.mark.parametrize(
    "text",
    [
        "plan: {force: warm}\n",
        "plan: {asked: {}}\n",
        "pretrain: {start: {}}\n",
        "pseudo_label: {previous: x}\n",
    ],
)
def test_what_the_run_fills_in_is_in_no_recipe(written, text):
    with pytest.raises(UserError, match="is filled in by the run; leave it out"):
        recipe.load(written(TOP + text))


def test_a_flow_that_is_not_there_is_said_with_the_nearest_one():
    assert recipe.flow_stages("ingest") == ("ingest", "snapshot")
    with pytest.raises(UserError, match="flow: unknown name 'trian'; did you mean 'train'"):
        recipe.flow_stages("trian")


@pytest.mark.parametrize("schedule", [*recipe.PRESETS, "*/10 * * * *", "0 3 * * 1-5", "30 2 1 jan,jul *"])
def test_schedules_that_airflow_takes(written, schedule):
    assert recipe.load(written(TOP + f"schedule: '{schedule}'\n")).schedule == schedule


def test_the_short_names_are_airflows():
    from airflow.utils.dates import cron_presets

    assert cron_presets == recipe.PRESETS


def test_what_is_shipped_never_runs_unasked():
    shipped = [recipe.load(file) for file in (Path(__file__).parents[2] / "recipes").glob("*.yaml")]
    names = {
        "anomaly",
        "events",
        "pair",
        "quickstart",
        "regression",
        "segmentation",
        "series",
        "sound",
        "table",
        "text",
    }
    assert {one.name for one in shipped} == names
    assert {(one.schedule, one.retrain) for one in shipped} == {(None, "manual")}


def test_the_time_of_a_schedule_is_that_of_its_zone() -> None:
    """Three in the morning in Berlin is one o'clock UTC in summer and two in winter."""
    noon = datetime(2026, 7, 1, 12, tzinfo=UTC).timestamp()
    found = next_time("0 3 * * *", "Europe/Berlin", noon)
    assert datetime.fromtimestamp(found, UTC) == datetime(2026, 7, 2, 1, tzinfo=UTC)
    winter = next_time("0 3 * * *", "Europe/Berlin", datetime(2026, 12, 1, 12, tzinfo=UTC).timestamp())
    assert datetime.fromtimestamp(winter, UTC) == datetime(2026, 12, 2, 2, tzinfo=UTC)
    assert next_time("@hourly", "UTC", noon) == noon + 3600
