"""Promotion by hand, on a real registry in SQLite: what moves, what is refused, what is written down."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from components.errors import UserError
from components.registry.alias_moves import MovedError
from components.registry.gate import GateConfig
from components.registry.journal import Entry
from components.registry.mlflow_registry import Registry, connect, experiment
from pipelines.cli import main
from pipelines.engine.context import Context
from pipelines.registry import gate_checks, promotion
from pipelines.settings import Settings
from tests.pipelines.judged import ALWAYS, BESIDE, METRICS, evaluated, registered

ROOT = Path(__file__).resolve().parents[3]
BOUNDS = GateConfig()


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Any]:
    place = tmp_path_factory.mktemp("mlflow")
    uri = f"sqlite:///{place}/mlflow.db"
    return uri, connect(uri, place / "lock")


@dataclass
class Place:
    """One recipe's registry, home and store."""

    settings: Settings
    registry: Registry

    @property
    def name(self) -> str:
        return self.registry.name

    def make(self, right: int, bounds: GateConfig | None = BOUNDS, **model: Any) -> str:
        """A version that has `right` of 100 test items right; bounds None: the gate never saw it."""
        context = Context(store=self.settings.store, settings=self.settings, recipe=self.name)
        client, lock = self.registry.client, self.registry.lock
        where = experiment(client, self.name, self.settings.home / "artifacts", lock)
        run_id = client.create_run(where).info.run_id
        logged = client.create_logged_model(where, "model", run_id)
        version = str(len(self.registry.versions()) + 1)
        metrics = {**METRICS, "accuracy": right / 100}
        tags = {gate_checks.EVALUATE: evaluated(context, f"e{version}", right, metrics=metrics)}
        if bounds is not None:
            tags[gate_checks.BOUNDS] = bounds.model_dump_json()
        reference = registered(context, version, **model)
        made = self.registry.register(
            reference, source=logged.artifact_location, run_id=run_id, model_id=logged.model_id, tags=tags
        )
        assert made == version
        return version

    def aliases(self) -> dict[str, str]:
        found = self.registry.client.get_registered_model(self.name).aliases
        return {alias: str(version) for alias, version in found.items()}

    def promote(self, version: str) -> Entry:
        return promotion.promote(self.name, version, self.settings, "ada")

    def history(self) -> list[tuple[str, str, str | None, str | None]]:
        told = promotion.history(self.name, self.settings)
        return [(entry.who, entry.action, entry.from_version, entry.to_version) for entry in told]

    def environ(self, **extra: str) -> dict[str, str]:
        return {**os.environ, **self.settings.environ(), "PYTHONPATH": str(ROOT), **extra}


@pytest.fixture
def place(database: tuple[str, Any], tmp_path: Path, request: pytest.FixtureRequest) -> Place:
    uri, client = database
    settings = Settings(home=tmp_path / "home", data=tmp_path / "data", recipes=tmp_path, mlflow=uri)
    name = "".join(c if c.isalnum() else "-" for c in request.node.name)[-60:].strip("-")
    return Place(settings, Registry(client, name, settings.home / "mlflow" / "store.lock"))


def test_a_version_that_passes_becomes_champion(place: Place) -> None:
    first, second = place.make(80), place.make(95)
    place.promote(first)
    entry = place.promote(second)
    assert place.aliases() == {"champion": "2", "previous": "1"}
    assert [check["name"] for check in entry.gate] == [*ALWAYS, *BESIDE]
    assert entry.reason == f"all {len([*ALWAYS, *BESIDE])} checks passed"
    assert place.history() == [("ada", "promote", None, "1"), ("ada", "promote", "1", "2")]
    assert place.registry.tags("2")["selfsup.gate"] == "passed"


def test_it_is_judged_against_the_champion_of_now(place: Place) -> None:
    """Version 2 would have passed beside version 1; meanwhile 3 is champion."""
    for right in (80, 85, 99):
        place.make(right)
    place.promote("1")
    place.promote("3")
    with pytest.raises(UserError, match=r"does not pass the gate: champion: .*selfsup override"):
        place.promote("2")
    assert place.aliases() == {"champion": "3", "previous": "1"}
    assert place.registry.tags("2")["selfsup.gate"].startswith("refused: champion: ")


def test_by_the_bounds_of_its_own_run(place: Place) -> None:
    place.make(80, GateConfig(margin=0.2))
    with pytest.raises(UserError, match="baselines: "):
        place.promote("1")


@pytest.mark.parametrize("lost", ["bounds", "run"])
def test_what_cannot_be_judged_is_not_promoted(place: Place, lost: str) -> None:
    place.make(80, None if lost == "bounds" else GateConfig())
    if lost == "run":
        (place.settings.store / "evaluate" / "e1" / "manifest.json").unlink()
    with pytest.raises(UserError, match=r"(never judged|no finished run).*selfsup override"):
        place.promote("1")
    assert place.aliases() == {}
    promotion.override(place.name, "1", place.settings, "Ada", "the run was cleaned away")
    assert place.aliases() == {"champion": "1"}


def test_an_override_needs_a_name_and_a_reason_and_is_recorded(place: Place) -> None:
    place.make(60)  # below the baselines
    for name, reason in (("", "why"), ("Ada", " ")):
        with pytest.raises(UserError, match="needs a name and a reason"):
            promotion.override(place.name, "1", place.settings, name, reason)
    entry = promotion.override(place.name, "1", place.settings, "Ada", "the old one is broken")
    assert place.aliases() == {"champion": "1"}
    assert (entry.who, entry.action, entry.reason) == ("Ada", "override", "the old one is broken")
    assert [check["name"] for check in entry.gate if not check["passed"]] == ["baselines"]
    assert place.registry.tags("1")["selfsup.override"].endswith("Ada: the old one is broken")


def test_a_version_that_is_not_there(place: Place) -> None:
    with pytest.raises(UserError, match=r"no model .* is registered yet"):
        place.promote("1")
    place.make(80)
    with pytest.raises(UserError, match="has no version 7; its versions: 1"):
        place.promote("7")
    place.promote("1")
    with pytest.raises(UserError, match="is the champion already"):
        place.promote("1")


def test_rollback_swaps_the_two_within_five_seconds(place: Place) -> None:
    for right in (80, 95):
        place.promote(place.make(right))
    began = time.monotonic()
    entry = promotion.rollback(place.name, place.settings, "bob", "complaints")
    assert time.monotonic() - began < 5
    assert (entry.action, entry.reason) == ("rollback", "complaints")
    assert place.aliases() == {"champion": "1", "previous": "2"}
    promotion.rollback(place.name, place.settings, "bob")
    assert place.aliases() == {"champion": "2", "previous": "1"}


def test_no_way_back_is_told(place: Place) -> None:
    place.promote(place.make(80))
    with pytest.raises(UserError, match="no previous champion to go back to"):
        promotion.rollback(place.name, place.settings, "bob")


def test_a_champion_deleted_by_hand(place: Place) -> None:
    for right in (80, 95):
        place.promote(place.make(right))
    place.registry.client.delete_model_version(place.name, "2")
    assert place.history()[-1] == ("unknown", "found", "2", None)
    promotion.rollback(place.name, place.settings, "bob")
    assert place.aliases() == {"champion": "1"}
    place.registry.client.delete_model_version(place.name, "1")
    with pytest.raises(UserError, match=r"no previous champion|no model"):
        promotion.rollback(place.name, place.settings, "bob")


def test_an_alias_moved_by_hand_is_journaled_and_can_be_undone(place: Place) -> None:
    for right in (80, 95, 85):
        place.make(right)
    place.promote("1")
    place.promote("2")
    place.registry.client.set_registered_model_alias(place.name, "champion", "3")
    assert place.history()[-1] == ("unknown", "found", "2", "3")
    promotion.rollback(place.name, place.settings, "bob")
    assert place.aliases() == {"champion": "2", "previous": "3"}


def test_a_refusal_moves_nothing(place: Place) -> None:
    place.promote(place.make(80))
    place.make(95)
    promotion.refuse(place.name, "2", place.settings, "bob", "not before the holidays")
    assert place.aliases() == {"champion": "1"}
    assert place.history()[-1] == ("bob", "refuse", "1", "2")
    assert place.registry.tags("2")["selfsup.gate"] == "refused by bob: not before the holidays"


def test_a_move_between_the_decision_and_ours_is_a_conflict(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    for right in (80, 95, 96):
        place.make(right)
    place.promote("1")
    through = gate_checks.judge

    def meanwhile(*args: Any) -> Any:
        monkeypatch.setattr(gate_checks, "judge", through)
        promotion.promote(place.name, "3", place.settings, "bob")
        return through(*args)

    monkeypatch.setattr(gate_checks, "judge", meanwhile)
    with pytest.raises(MovedError, match="was version 1 when this was decided, and is version 3 now"):
        place.promote("2")
    assert place.aliases() == {"champion": "3", "previous": "1"}


def test_the_history_is_a_table() -> None:
    def entry(time: str, state: Any = "done", **more: Any) -> Entry:
        given = {
            "who": "ada",
            "action": "promote",
            "from_version": None,
            "to_version": "1",
            "reason": "better",
        }
        return Entry(time=f"{time}.123+00:00", state=state, **{**given, **more})

    told = promotion.table(
        [
            entry("2026-01-02T03:04:05"),
            entry("2026-01-03T03:04:05", "abandoned", from_version="1", to_version="12"),
            entry("2026-01-04T03:04:05", who="bo", action="rollback", from_version="12", reason="no good"),
        ]
    )
    assert told == [
        "time (UTC)           who  action               from  to  reason",
        "2026-01-02 03:04:05  ada  promote              -     1   better",
        "2026-01-03 03:04:05  ada  promote, broken off  1     12  better",
        "2026-01-04 03:04:05  bo   rollback             12    1   no good",
    ]


def test_the_models_name(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home", recipes=tmp_path / "recipes")
    settings.recipes.mkdir()
    text = "name: {name}\nmodality: {{name: image}}\ninbox: inbox\n"
    (settings.recipes / "a.yaml").write_text("name: [broken")
    file = settings.recipes / "b.yaml"
    file.write_text(text.format(name="shoes") + "register: {name: Shoes.v2}\n")
    for given in ("shoes", file, str(file)):
        assert promotion.model_name(given, settings) == "Shoes.v2"
    assert promotion.model_name("gone", settings) == "gone"
    with pytest.raises(UserError, match="there is no recipe"):
        promotion.model_name(settings.recipes / "c.yaml", settings)


def test_the_commands(
    place: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in place.settings.environ().items():
        monkeypatch.setenv(name, value)
    for right in (80, 95, 60):
        place.make(right)

    def selfsup(*arguments: str) -> tuple[int, str]:
        code = main.main(arguments)
        said = capsys.readouterr()
        return code, said.out + said.err

    assert selfsup("history", place.name) == (0, "no version was ever champion\n")
    code, said = selfsup("promote", place.name, "1", "--reason", "first")
    assert (code, said) == (0, "version 1 is the champion (there was none): first; all 9 checks passed\n")
    assert selfsup("promote", place.name, "2")[0] == 0
    code, said = selfsup("promote", place.name, "3")
    assert code == 2
    assert "does not pass the gate: baselines" in said
    code, said = selfsup("override", place.name, "3", "--name", "Ada", "--reason", "a test")
    assert (code, said) == (0, "version 3 is the champion (version 2 was it): a test\n")
    code, said = selfsup("rollback", place.name)
    assert (code, said) == (0, "version 2 is the champion (version 3 was it): asked for\n")
    code, said = selfsup("history", place.name)
    assert code == 0
    assert [line.split()[3] for line in said.splitlines()[1:]] == [
        "promote",
        "promote",
        "override",
        "rollback",
    ]


RACE = """
import sys, time
from pathlib import Path
from pipelines.registry import gate_checks, promotion
from pipelines.settings import Settings
name, version, mine, other = sys.argv[1:]
through = gate_checks.record
def both(*given):
    through(*given)
    Path(mine).touch()
    while not Path(other).exists():
        time.sleep(0.01)
gate_checks.record = both
try:
    promotion.promote(name, version, Settings.load(), version)
    print("won")
except promotion.alias_moves.MovedError as error:
    print(error)
"""


@pytest.mark.slow
def test_of_two_processes_one_wins_and_the_other_gets_a_conflict(place: Place, tmp_path: Path) -> None:
    """Both have judged their version against version 1 before either of them moves."""
    for right in (80, 95, 96):
        place.make(right)
    place.promote("1")
    marks = [str(tmp_path / mark) for mark in "ab"]
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", RACE, place.name, version, *order],
            cwd=ROOT, env=place.environ(), stdout=subprocess.PIPE, text=True,
        )
        for version, order in (("2", marks), ("3", marks[::-1]))
    ]  # fmt: skip
    said = [racer.communicate(timeout=300)[0].strip() for racer in racers]
    winner = ["2", "3"][said.index("won")]
    loser = next(text for text in said if text != "won")
    assert loser == (
        f"the champion was version 1 when this was decided, and is version {winner} now: decide again"
    )
    assert place.aliases() == {"champion": winner, "previous": "1"}
    assert place.history() == [("ada", "promote", None, "1"), (winner, "promote", "1", winner)]


@pytest.mark.slow
@pytest.mark.parametrize("at", ["promote.begun", "promote.champion", "promote.previous"])
def test_killed_within_a_move_the_journal_and_the_aliases_agree_again(place: Place, at: str) -> None:
    for right in (80, 95):
        place.make(right)
    place.promote("1")
    command = [sys.executable, "-m", "pipelines.cli.main", "promote", place.name, "2"]
    ended = subprocess.run(
        command, cwd=ROOT, env=place.environ(SELFSUP_CRASH=at), capture_output=True, text=True
    )
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    moved = at != "promote.begun"
    assert len(place.history()) == 2  # it reconciles: done, or broken off
    assert place.aliases() == ({"champion": "2", "previous": "1"} if moved else {"champion": "1"})
    if not moved:
        place.promote("2")
    assert place.aliases() == {"champion": "2", "previous": "1"}
    promotion.rollback(place.name, place.settings, "bob")
    assert place.aliases() == {"champion": "1", "previous": "2"}
