"""The gate's verdict on made-up evaluations, with a registry in memory and with MLflow."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.registry.journal import Journal
from pipelines.settings import Settings
from pipelines.stages import promote
from pipelines.stages.promote import Output, Request, run
from pipelines.store import Artifact, Context, Manifest

METRICS = {"accuracy": 0.8, "ece": 0.05}
EVALUATED: dict[str, Any] = {
    "metrics": METRICS,
    "baselines": {"logistic_pixels": 0.7, "scratch": 0.65},
    "per_class": {"bag": {"recall": 0.9, "support": 50}, "shirt": {"recall": 0.7, "support": 50}},
    "health": {"effective_rank_fraction": 0.3},
}


class Memory:
    """A registry without MLflow; `meddle` is called before each read of the champion."""

    def __init__(self) -> None:
        self.name = "toys"
        self.aliases: dict[str, str] = {"challenger": "1"}
        self.versions: dict[str, dict[str, str]] = {}
        self.meddle: list[Any] = []

    def alias(self, alias: str) -> str | None:
        if alias == "champion" and self.meddle:
            self.meddle.pop(0)(self)
        return self.aliases.get(alias)

    def set_alias(self, alias: str, version: str | None) -> None:
        self.aliases.pop(alias, None)
        if version is not None:
            self.aliases[alias] = version

    def tags(self, version: str) -> dict[str, str]:
        return self.versions.get(version, {})

    def set_tags(self, version: str, tags: dict[str, str]) -> None:
        self.versions.setdefault(version, {}).update(tags)


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Memory:
    memory = Memory()
    monkeypatch.setattr(promote, "connect", lambda uri, lock: None)
    monkeypatch.setattr(promote, "Registry", lambda client, name, lock: memory)
    return memory


@pytest.fixture
def context(tmp_path: Path) -> Context:
    settings = Settings(home=tmp_path / "home", data=tmp_path / "data")
    return Context(store=settings.store, settings=settings, recipe="toys")


def finish(context: Context, stage: str, key: str, output: dict[str, Any]) -> str:
    folder = context.store / stage / key
    folder.mkdir(parents=True, exist_ok=True)
    manifest = Manifest(
        stage=stage, version=1, recipe="toys", given={}, request={}, observed={}, code="c", output=output,
        started=0.0, seconds=1.0,
    )  # fmt: skip
    (folder / "manifest.json").write_text(manifest.model_dump_json())
    return f"{stage}/{key}"


def evaluated(context: Context, key: str, right: int = 80, **changes: Any) -> str:
    """An evaluation of 100 test items, the first `right` of them answered right."""
    folder = context.store / "evaluate" / key
    folder.mkdir(parents=True, exist_ok=True)
    table = {
        "id": [f"item{i}" for i in range(100)],
        "label": ["bag"] * 100,
        "class": ["bag"] * right + ["shirt"] * (100 - right),
    }
    pq.write_table(pa.table(table), folder / "predictions.parquet")
    artifact = Artifact.of(folder / "predictions.parquet", folder).model_dump()
    return finish(context, "evaluate", key, {**EVALUATED, "predictions": artifact, **changes})


def promoted(
    context: Context,
    version: str = "1",
    right: int = 80,
    registered: dict[str, Any] | None = None,
    **changes: Any,
) -> Output:
    given = {"name": "toys", "version": version, "smoke_difference": 1e-7, **(registered or {})}
    request = Request(
        snapshot="snapshot/s",
        evaluate=evaluated(context, f"e{version}", right, **changes),
        register=finish(context, "register", f"r{version}", given),
    )
    return run(request, context.settings.home, context)


def second(context: Context, registry: Memory, right: int) -> Output:
    """A challenger against a champion with 80 of 100 right."""
    assert promoted(context).promoted
    registry.versions["1"]["selfsup.evaluate"] = "evaluate/e1"
    registry.aliases["challenger"] = "2"
    return promoted(context, "2", right)


def test_the_first_champion_needs_only_to_beat_the_baselines(context: Context, registry: Memory) -> None:
    output = promoted(context)
    assert (output.promoted, output.champion_version, output.previous_version) == (True, "1", None)
    assert [check.name for check in output.checks] == [
        "baselines",
        "classes",
        "calibration",
        "health",
        "loads",
    ]
    assert registry.aliases == {"champion": "1"}
    assert registry.versions["1"]["selfsup.gate"] == "passed"
    entry = Journal(context.settings.home / "journal" / "toys.jsonl").entries()[-1]
    assert (entry.action, entry.state, entry.to_version) == ("promote", "done", "1")
    assert [check["name"] for check in entry.gate] == [check.name for check in output.checks]


@pytest.mark.parametrize(
    ("failing", "changes"),
    [
        ("baselines", {"metrics": {**METRICS, "accuracy": 0.7}}),
        ("baselines", {"metrics": {"ece": 0.05}}),
        ("baselines", {"baselines": {}}),
        ("classes", {"per_class": {"bag": {"recall": 0.9}, "shirt": {"recall": 0.1}}}),
        ("classes", {"per_class": {}}),
        ("calibration", {"metrics": {**METRICS, "ece": 0.3}}),
        ("calibration", {"metrics": {"accuracy": 0.8}}),
        ("health", {"health": {"effective_rank_fraction": 0.01}}),
        ("health", {"health": {}}),
        ("loads", {"registered": {"smoke_difference": 0.1}}),
        ("loads", {"registered": {"smoke_difference": None, "smoke_error": "no module named components"}}),
    ],
)
def test_each_check_refuses_alone(
    context: Context, registry: Memory, failing: str, changes: dict[str, Any]
) -> None:
    output = promoted(context, **changes)
    assert [check.name for check in output.checks if not check.passed] == [failing]
    assert not output.promoted
    assert output.reason.startswith(f"{failing}: ")
    assert registry.aliases == {"challenger": "1"}
    assert registry.versions["1"]["selfsup.gate"] == f"refused: {output.reason}"
    assert not (context.settings.home / "journal").exists()


def test_a_better_challenger_replaces_the_champion(context: Context, registry: Memory) -> None:
    output = second(context, registry, right=95)
    assert (output.promoted, output.champion_version, output.previous_version) == (True, "2", "1")
    assert registry.aliases == {"champion": "2", "previous": "1"}
    assert "100 common items" in output.checks[-1].why


def test_a_worse_challenger_is_refused_and_the_champion_stays(context: Context, registry: Memory) -> None:
    output = second(context, registry, right=70)
    assert (output.promoted, output.champion_version) == (False, "1")
    assert output.reason.startswith("champion: ")
    assert registry.aliases == {"champion": "1", "challenger": "2"}


@pytest.mark.parametrize("lost", ["tag", "run", "file"])
def test_a_champion_whose_answers_are_lost_is_not_replaced(
    context: Context, registry: Memory, lost: str
) -> None:
    assert promoted(context).promoted
    registry.versions["1"]["selfsup.evaluate"] = "evaluate/gone" if lost == "run" else "evaluate/e1"
    if lost == "tag":
        registry.versions["1"].clear()
    if lost == "file":
        (context.store / "evaluate" / "e1" / "predictions.parquet").unlink()
    output = promoted(context, "2", right=99)
    assert not output.promoted
    assert "missing: the champion's answers" in output.reason


def test_run_again_it_finds_itself_champion_and_moves_nothing(context: Context, registry: Memory) -> None:
    promoted(context)
    output = promoted(context)
    assert (output.promoted, output.champion_version) == (True, "1")
    assert len(Journal(context.settings.home / "journal" / "toys.jsonl").entries()) == 2


def test_a_champion_set_meanwhile_is_compared_with_before_it_is_replaced(
    context: Context, registry: Memory
) -> None:
    def nothing(memory: Memory) -> None:
        pass

    def somebody(memory: Memory) -> None:
        memory.aliases["champion"] = "9"
        memory.versions["9"] = {"selfsup.evaluate": evaluated(context, "e9", right=99)}

    registry.meddle = [nothing, somebody]  # after the decision, before the move
    output = promoted(context)
    assert (output.promoted, output.champion_version) == (False, "9")
    assert output.reason.startswith("champion: ")


def test_what_was_skipped_above_is_skipped_here(context: Context, registry: Memory) -> None:
    output = promoted(context, registered={"skipped": "there are no labels"})
    assert (output.skipped, output.promoted, output.version) == ("there are no labels", False, None)


def test_it_imports_no_torch() -> None:
    script = (
        "import sys, pipelines.stages.promote; assert not {'torch', 'mlflow', 'pandas'} & set(sys.modules)"
    )
    root = Path(__file__).resolve().parents[3]
    subprocess.run([sys.executable, "-W", "error", "-c", script], cwd=root, check=True)
