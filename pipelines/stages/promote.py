"""Promote: the gate decides whether the challenger becomes the champion; the journal says who decided what.

A refused challenger is no error: the champion stays, and the reason is told. Imports no torch.
"""

from pathlib import Path

from pydantic import Field

from components.config import Config
from components.crash import point
from components.errors import UserError
from components.registry import gate
from components.registry.alias_moves import MovedError, move, settle
from components.registry.gate import Check, GateConfig
from components.registry.journal import CHAMPION, PREVIOUS, Journal, person
from components.registry.mlflow_registry import Registry
from components.tasks.registry import USUAL, TaskConfig
from pipelines.engine.context import Context
from pipelines.engine.store import read_manifest
from pipelines.registry import gate_checks
from pipelines.registry.registry import journal_of, registry_of

VERSION = 2
ATTEMPTS = 3  # decisions, where the champion is moved by somebody else meanwhile
WAITS = "waits for approval"


class Request(Config):
    """What the stage promote is given."""

    task: TaskConfig = USUAL
    """What labels mean."""

    snapshot: str
    """Reference of the finished snapshot; the run fills it in."""

    evaluate: str
    """Reference of the finished evaluate; the run fills it in."""

    registered: str = Field(alias="register")
    """Reference of the finished register; the run fills it in."""

    gate: GateConfig = GateConfig()
    """Bounds of the gate checks."""

    approval: bool = False
    """A challenger that passes the gate waits until a person promotes it."""

    deleted: str | None = None
    """Version of a champion that somebody deleted and that is made anew; the plan fills it in."""


class Output(Config):
    """waiting: the checks passed, and a person has to approve. The versions: as they are after this stage."""

    skipped: str | None = None
    version: str | None = None
    promoted: bool = False
    waiting: bool = False
    checks: tuple[Check, ...] = ()
    champion_version: str | None = None
    previous_version: str | None = None
    reason: str = ""


def run(request: Request, folder: Path, context: Context) -> Output:
    """Raises UserError where the champion is moved by somebody else again and again."""
    registered = read_manifest(request.registered, context.store).output
    if reason := registered.get("skipped"):
        return Output(skipped=str(reason), reason=str(reason))
    name, version = str(registered["name"]), str(registered["version"])
    registry, journal = registry_of(name, context.settings), journal_of(name, context.settings)
    for _ in range(ATTEMPTS):
        champion = settle(registry, journal)
        rival = champion if champion != version else _replaced(version, registry, journal)
        theirs = None if rival is None else registry.tags(rival)
        checks = gate_checks.judge(request.evaluate, registered, request.gate, theirs, context)
        passed, reason = gate.verdict(checks)
        back = journal.taken_back(version) if champion != version else None
        waits = passed and request.approval and champion != version and back is None
        if passed and back is not None:
            reason = (
                f"{back.who} took it back ({back.action}: {back.reason}); `selfsup promote` would move to it"
            )
        elif passed and not waits:
            dumped = [check.model_dump() for check in checks]
            try:
                move(
                    registry, journal, version,
                    expected=champion, who=person(), action="promote", reason=reason, gate=dumped,
                )  # fmt: skip
            except MovedError as error:
                context.say(str(error))
                continue
            point("promote.done")
        gate_checks.record(registry, version, checks, request.gate, waits)
        return _outcome(registry, version, checks, WAITS if waits else reason, context)
    raise UserError(
        "champion-moved", f"the champion of {name} was moved {ATTEMPTS} times meanwhile; run again"
    )


def _replaced(version: str, registry: Registry, journal: Journal) -> str | None:
    """The champion that this one replaced: after a crash it is judged against the same version again."""
    made = [e for e in journal.entries() if e.state == "done" and e.to_version == version]
    by = [entry.from_version for entry in made if entry.action in ("promote", "override")]
    return by[-1] if by and by[-1] is not None and registry.exists(by[-1]) else None


def _outcome(registry: Registry, version: str, checks: list[Check], reason: str, context: Context) -> Output:
    champion = registry.alias(CHAMPION)
    promoted, waiting = champion == version, reason == WAITS
    how = "is the champion" if promoted else "passes the gate" if waiting else "is refused"
    context.say(f"version {version} {how}: {reason}")
    return Output(
        version=version,
        promoted=promoted,
        waiting=waiting,
        checks=tuple(checks),
        champion_version=champion,
        previous_version=registry.alias(PREVIOUS),
        reason=reason,
    )
