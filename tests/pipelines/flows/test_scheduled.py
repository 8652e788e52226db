"""What the tasks of a scheduled run do, without Airflow: which recipes there are, what a run keeps, what is new."""

import json
import os
import time
from pathlib import Path

import pytest

from components.errors import PassingError, UserError
from pipelines.engine import journal
from pipelines.engine.execute import StageError
from pipelines.flows import scheduled
from pipelines.flows.due import looked
from pipelines.flows.scheduled import Asked
from pipelines.recipe import load
from pipelines.settings import Settings

TEXT = "name: small\nmodality: {name: image}\ninbox: inbox\npretrain: {train: {epochs: 3, batch_size: 8}}\n"


@pytest.fixture
def place(tmp_path: Path) -> tuple[Settings, Path]:
    """Settings of a home of its own, and a recipe."""
    (tmp_path / "recipes").mkdir()
    file = tmp_path / "recipes" / "small.yaml"
    file.write_text(TEXT)
    return Settings(home=tmp_path / "home", recipes=tmp_path / "recipes"), file


def driven(settings: Settings, run: str) -> None:
    """The head that `selfsup run` writes after it has checked the recipe."""
    journal.append(journal.journal_file(settings.home, run), {"run": run})


def made(
    settings: Settings, stage: str, key: str, started: float, recipe: str = "small", **given: str
) -> str:
    folder = settings.store / stage / key
    folder.mkdir(parents=True)
    manifest = dict(
        stage=stage, version=1, recipe=recipe, given=given, observed={}, code="c", request={}, output={},
        started=started, seconds=1.0,
    )  # fmt: skip
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return f"{stage}/{key}"


def saw(settings: Settings, run: str, reference: str, status: str = "found") -> None:
    stage = reference.partition("/")[0]
    line = dict(stage=stage, reference=reference, status=status, started=1.0, seconds=0.0)
    journal.append(journal.journal_file(settings.home, run), line)


def test_a_run_keeps_its_recipe_as_it_was_until_it_has_ended(place) -> None:
    settings, file = place
    driven(settings, "run-1")
    asked = Asked(overrides={"pretrain": {"train": {"epochs": 9}}, "seed": 4}, force="warm")
    first = scheduled.keep(file, "run-1", asked, settings, "train")
    assert first.sections["pretrain"] == {"train": {"epochs": 9, "batch_size": 8}}
    assert (first.seed, first.sections["plan"]) == (4, {"force": "warm"})

    file.write_text(TEXT.replace("epochs: 3", "epochs: 7"))
    assert scheduled.keep(file, "run-1", Asked(), settings, "train") == first
    driven(settings, "run-2")
    other = scheduled.keep(file, "run-2", Asked(), settings, "train")
    assert other.sections["pretrain"]["train"]["epochs"] == 7

    file.unlink()
    assert [recipe.name for recipe in scheduled.recipes(settings)] == ["small"]  # so its DAG is still there
    assert scheduled.keep(file, "run-1", Asked(), settings, "train") == first
    with pytest.raises(UserError, match="there is no recipe"):
        scheduled.keep(file, "run-3", Asked(), settings, "train")

    scheduled.close("small", "run-1", settings, driven=True)
    scheduled.close("small", "run-2", settings, driven=True)
    assert scheduled.recipes(settings) == []


def test_only_a_training_is_forced(place) -> None:
    settings, file = place
    driven(settings, "run-1")
    kept = scheduled.keep(file, "run-1", Asked(force="scratch"), settings, "ingest")
    assert "plan" not in kept.sections


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"pretrian": {}}, "unknown key 'pretrian'; did you mean 'pretrain'"),
        ({"name": "other"}, "overrides: name cannot be changed for one run"),
        (
            {"schedule": "@daily", "deadline": 1},
            "overrides: deadline, schedule cannot be changed for one run",
        ),
        ({"seed": -1}, "seed: "),
        ({"pretrain": 3}, "pretrain: a mapping is needed"),
    ],
)
def test_a_wrong_override_is_said_before_anything_runs(place, overrides, message) -> None:
    settings, file = place
    driven(settings, "run-1")
    with pytest.raises(UserError, match=message):
        scheduled.keep(file, "run-1", Asked(overrides=overrides), settings, "train")
    assert not list((settings.home / "runs").glob("*.recipe.json"))


def test_what_is_named_anew_replaces_the_whole(place) -> None:
    _, file = place
    file.write_text(TEXT + "embed: {objective: {name: simclr, temperature: 0.2}, batch: 4}\n")
    recipe = load(file)
    other = recipe.with_overrides({"embed": {"objective": {"name": "swav"}}})
    assert other.sections["embed"] == {"objective": {"name": "swav"}, "batch": 4}
    same = recipe.with_overrides({"embed": {"objective": {"temperature": 0.1}}})
    assert same.sections["embed"]["objective"] == {"name": "simclr", "temperature": 0.1}
    assert recipe.with_overrides({}) == recipe
    assert recipe.with_overrides({"seed": 0}) == recipe


def failed_with(error: Exception, attempts: range, driven: bool = False) -> list[bool]:
    return [scheduled.worth_retrying(error, attempt, driven) for attempt in attempts]


def test_what_may_pass_by_itself_is_tried_again_and_a_mistake_is_not() -> None:
    tries = range(1, 5)
    assert failed_with(UserError("labels-too-few", "no labels"), tries) == [False] * 4
    assert failed_with(ValueError("a wrong override"), tries) == [False] * 4
    assert failed_with(StageError("KeyError"), tries) == [True, True, False, False]
    assert failed_with(StageError("was killed", passing=True), tries) == [True] * 4
    assert failed_with(PassingError("disk-full", "the disk is full"), tries) == [True] * 4
    assert failed_with(ConnectionError("no answer"), tries) == [
        True,
        True,
        False,
        False,
    ]  # execute() makes it one
    # a person waits at a terminal
    assert failed_with(StageError("was killed", passing=True), tries, driven=True) == [
        True,
        True,
        False,
        False,
    ]


def test_a_person_hears_once_that_a_stage_is_tried_again(place, caplog) -> None:
    settings, _ = place
    caplog.set_level("INFO")
    for attempt in range(1, 6):
        error = StageError("pretrain: was killed", passing=True)
        scheduled.retrying(error, attempt, "small", "pretrain", "run-1", settings)
    told = [record.message for record in caplog.records]
    assert told == ["small retrying: pretrain: was killed; it failed 3 times and is tried again"]


def test_an_inbox_is_looked_at_by_its_schedule_and_a_missed_look_is_made_up_for(place) -> None:
    settings, _ = place
    ask = ("small", "0 * * * *", "UTC", settings)
    assert scheduled.seconds_to_look(*ask) == 0  # nobody has looked yet
    file = looked("small", settings)
    file.parent.mkdir(parents=True)
    file.touch()
    now = time.time()
    assert scheduled.seconds_to_look(*ask) == pytest.approx(3600 - now % 3600, abs=5)
    os.utime(file, (now - 7200, now - 7200))
    assert scheduled.seconds_to_look(*ask) <= -3600
    os.utime(file, (now + 1e6, now + 1e6))  # the clock was set back
    assert 0 <= scheduled.seconds_to_look(*ask) <= 3600


def test_who_waits_for_a_persons_word(place, caplog) -> None:
    settings, _ = place
    caplog.set_level("INFO")
    reference = made(settings, "promote", "a" * 16, 1.0)
    assert scheduled.waiting(reference, "small", 24, "run-1", settings) is None
    file = settings.store / reference / "manifest.json"
    output = {"waiting": True, "version": "7", "reason": "all checks passed"}
    file.write_text(json.dumps({**json.loads(file.read_text()), "output": output}))
    assert scheduled.waiting(reference, "small", 24, "run-1", settings) == ("7", "all checks passed")
    assert "may version 7 become champion? all checks passed; no answer within 24 h is a no" in caplog.text


def test_an_action_needs_its_version(place) -> None:
    settings, _ = place
    with pytest.raises(UserError, match="promote: a version is needed; `selfsup history small`"):
        scheduled.act("promote", "small", None, "me", "why", "run-1", settings)
    with pytest.raises(UserError, match="the action is promote, rollback, override or refuse"):
        scheduled.act("demote", "small", "3", "me", "why", "run-1", settings)


def test_a_delivery_partly_in_quarantine_is_told_once(place, monkeypatch: pytest.MonkeyPatch) -> None:
    settings, file = place
    told: list[tuple[str, str]] = []
    monkeypatch.setattr(
        scheduled, "notify", lambda settings, event, text, recipe, run: told.append((event, text))
    )
    reference = made(settings, "ingest", "0123456789abcdef", 1.0)
    manifest = settings.store / reference / "manifest.json"
    output = {"alerts": ["delivery a: 3 of 20 samples are bad"]}
    manifest.write_text(json.dumps({**json.loads(manifest.read_bytes()), "output": output}))
    for run, status in (("run-1", "ran"), ("run-2", "found")):
        driven(settings, run)
        saw(settings, run, reference, status)
        monkeypatch.setattr(scheduled, "execute", lambda *given: reference)
        scheduled.step("ingest", file, {}, run, Asked(), settings, "ingest")
    assert told == [("quarantined", "delivery a: 3 of 20 samples are bad")]


def test_a_person_hears_the_code_of_the_mistake_behind_a_failed_task(place, caplog) -> None:
    """A task that is not tried again raises Airflow's error in place of the user's."""
    settings, _ = place
    caplog.set_level("INFO")

    def task() -> None:
        try:
            raise UserError("labels-too-few", "finetune: no labels")
        except UserError as mistake:
            raise RuntimeError(str(mistake)) from None

    with pytest.raises(RuntimeError) as caught:
        task()
    scheduled.fail(caught.value, "small", "finetune", "run-1", settings)
    assert [record.message for record in caplog.records] == [
        "small failed [labels-too-few]: finetune: no labels"
    ]
