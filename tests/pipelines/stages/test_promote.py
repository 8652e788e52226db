"""The stage on made-up evaluations, with a registry in memory; with MLflow: tests/pipelines/test_promotion.py."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from components.registry import alias_moves
from components.registry.journal import Journal
from pipelines.engine.context import Context
from pipelines.stages import promote
from pipelines.stages.promote import Output, Request, run
from tests.pipelines.judged import ALWAYS, BESIDE, Memory, context_of, evaluated, registered


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Memory:
    memory = Memory()
    monkeypatch.setattr(promote, "registry_of", lambda name, settings: memory)
    return memory


@pytest.fixture
def context(tmp_path: Path) -> Context:
    return context_of(tmp_path)


def journal_of(context: Context) -> Journal:
    return Journal(context.settings.home / "journal" / "toys.jsonl")


def promoted(
    context: Context,
    registry: Memory,
    version: str = "1",
    right: int = 80,
    model: dict[str, Any] | None = None,
    approval: bool = False,
    **changes: Any,
) -> Output:
    evaluation = evaluated(context, f"e{version}", right, **changes)
    registry.kept.setdefault(version, {"selfsup.evaluate": evaluation})
    request = Request(
        snapshot="snapshot/s",
        evaluate=evaluation,
        register=registered(context, version, **(model or {})),
        approval=approval,
    )
    return run(request, context.settings.home, context)


def second(context: Context, registry: Memory, right: int) -> Output:
    """A challenger against a champion with 80 of 100 right."""
    assert promoted(context, registry).promoted
    registry.aliases["challenger"] = "2"
    return promoted(context, registry, "2", right)


def test_the_first_champion_needs_only_to_beat_the_baselines(context: Context, registry: Memory) -> None:
    output = promoted(context, registry)
    assert (output.promoted, output.champion_version, output.previous_version) == (True, "1", None)
    assert [check.name for check in output.checks] == ALWAYS
    assert registry.aliases == {"champion": "1"}
    assert registry.kept["1"]["selfsup.gate"] == "passed"
    entry = journal_of(context).entries()[-1]
    assert (entry.action, entry.state, entry.to_version) == ("promote", "done", "1")
    assert [check["name"] for check in entry.gate] == [check.name for check in output.checks]


def test_one_failed_check_refuses(context: Context, registry: Memory) -> None:
    output = promoted(context, registry, model={"latency": None})
    assert (output.promoted, output.waiting, output.champion_version) == (False, False, None)
    assert output.reason.startswith("latency: ")
    assert registry.aliases == {"challenger": "1"}
    assert registry.kept["1"]["selfsup.gate"] == f"refused: {output.reason}"
    assert not journal_of(context).file.exists()


def test_a_better_challenger_replaces_the_champion(context: Context, registry: Memory) -> None:
    output = second(context, registry, right=95)
    assert (output.promoted, output.champion_version, output.previous_version) == (True, "2", "1")
    assert registry.aliases == {"champion": "2", "previous": "1"}
    assert [check.name for check in output.checks] == [*ALWAYS, *BESIDE]


def test_a_worse_challenger_is_refused_and_the_champion_stays(context: Context, registry: Memory) -> None:
    output = second(context, registry, right=70)
    assert (output.promoted, output.champion_version) == (False, "1")
    assert output.reason.startswith("champion: ")
    assert registry.aliases == {"champion": "1", "challenger": "2"}


def test_with_approval_it_waits_and_nothing_moves(context: Context, registry: Memory) -> None:
    output = promoted(context, registry, approval=True)
    assert (output.promoted, output.waiting, output.reason) == (False, True, "waits for approval")
    assert all(check.passed for check in output.checks)
    assert registry.aliases == {"challenger": "1"}
    assert registry.kept["1"]["selfsup.gate"] == "waits for approval"
    assert not journal_of(context).file.exists()


def test_what_fails_does_not_wait_for_approval(context: Context, registry: Memory) -> None:
    output = promoted(context, registry, approval=True, baselines={})
    assert (output.promoted, output.waiting) == (False, False)
    assert output.reason.startswith("baselines: ")


def test_approved_meanwhile_it_is_the_champion_and_waits_no_more(context: Context, registry: Memory) -> None:
    promoted(context, registry, approval=True)
    registry.aliases["champion"] = "1"
    output = promoted(context, registry, approval=True)
    assert (output.promoted, output.waiting) == (True, False)


def test_what_a_person_rolled_back_is_not_promoted_again_by_a_run(context: Context, registry: Memory) -> None:
    second(context, registry, right=95)
    alias_moves.roll_back(registry, journal_of(context), who="bob", reason="complaints")
    output = promoted(context, registry, "2", right=95)
    assert (output.promoted, output.waiting, output.champion_version) == (False, False, "1")
    assert output.reason.startswith("bob took it back (rollback: complaints)")
    assert registry.aliases == {"champion": "1", "previous": "2"}


def test_run_again_after_a_crash_it_says_the_same_and_moves_nothing(
    context: Context, registry: Memory
) -> None:
    first = second(context, registry, right=95)
    again = promoted(context, registry, "2", right=95)
    assert again == first  # judged against the champion that it replaced, not against itself
    assert len(journal_of(context).entries()) == 4


def test_a_champion_set_meanwhile_is_compared_with_before_it_is_replaced(
    context: Context, registry: Memory
) -> None:
    def nothing(memory: Memory) -> None:
        pass

    def somebody(memory: Memory) -> None:
        memory.aliases["champion"] = "9"
        memory.kept["9"] = {"selfsup.evaluate": evaluated(context, "e9", right=99)}

    registry.meddle = [nothing, nothing, somebody]  # after the decision, before the move
    output = promoted(context, registry)
    assert (output.promoted, output.champion_version) == (False, "9")
    assert output.reason.startswith("champion: ")
    assert [entry.action for entry in journal_of(context).entries()] == ["found"]


def test_a_champion_that_never_rests_is_told(
    context: Context, registry: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    def moved(*args: Any, **kwargs: Any) -> None:
        raise alias_moves.MovedError("champion-moved", "moved")

    monkeypatch.setattr(promote, "move", moved)
    with pytest.raises(ValueError, match="moved 3 times meanwhile"):
        promoted(context, registry)


def test_what_was_skipped_above_is_skipped_here(context: Context, registry: Memory) -> None:
    output = promoted(context, registry, model={"skipped": "there are no labels"})
    assert (output.skipped, output.promoted, output.version) == ("there are no labels", False, None)


def test_it_imports_no_torch() -> None:
    script = (
        "import sys, pipelines.stages.promote; assert not {'torch', 'mlflow', 'pandas'} & set(sys.modules)"
    )
    root = Path(__file__).resolve().parents[3]
    subprocess.run([sys.executable, "-W", "error", "-c", script], cwd=root, check=True)
