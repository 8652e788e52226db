"""The champion moved by a person: promote, roll back, override, refuse, and what happened so far.

Every move goes through components.registry.alias_moves and is in the journal. RECIPE is the path of a recipe, or a
name: of a recipe in the folders of the settings, else of a registered model whose recipe is gone.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from components.errors import UserError
from components.registry import alias_moves, gate
from components.registry.gate import Check, GateConfig
from components.registry.journal import Entry, Journal
from components.registry.mlflow_registry import REFERENCE, Registry
from pipelines import recipe_folders
from pipelines.engine.context import Context
from pipelines.engine.store import read_manifest
from pipelines.recipe import load
from pipelines.registry import gate_checks
from pipelines.registry.model_summary import OVERRIDE
from pipelines.registry.registry import journal_of, registry_of
from pipelines.settings import Settings


def promote(recipe: str | Path, version: str, settings: Settings, who: str, reason: str = "") -> Entry:
    """Make a version that passes the gate, judged against the champion of now, the champion.

    Raises:
        UserError: there is no such version, it does not pass, or it cannot be judged.
        MovedError: somebody else moved the champion meanwhile; nothing was changed.
    """
    registry, journal = _opened(recipe, settings)
    champion = _rival(registry, journal, version)
    way_out = f"`selfsup override {recipe} {version} --name NAME --reason REASON` promotes it all the same"
    try:
        checks, bounds = _judged(registry, version, champion, settings)
    except UserError as error:
        raise UserError("version-not-judged", f"{error}; {way_out}") from None
    gate_checks.record(registry, version, checks, bounds)
    passed, why = gate.verdict(checks)
    if not passed:
        raise UserError(
            "gate-refused", f"{registry.name} version {version} does not pass the gate: {why}; {way_out}"
        )
    because = f"{reason}; {why}" if reason else why
    return alias_moves.move(
        registry, journal, version,
        expected=champion, who=who, action="promote", reason=because, gate=_dumped(checks),
    )  # fmt: skip


def override(recipe: str | Path, version: str, settings: Settings, name: str, reason: str) -> Entry:
    """Make a version the champion whatever the gate says, in somebody's name and for a reason; both are recorded.

    Raises:
        UserError: the name or the reason is empty, or there is no such version.
        MovedError: somebody else moved the champion meanwhile; nothing was changed.
    """
    if not name.strip() or not reason.strip():
        raise UserError(
            "override-unexplained",
            "an override needs a name and a reason, for whoever asks later: --name NAME --reason REASON",
        )
    registry, journal = _opened(recipe, settings)
    champion = _rival(registry, journal, version)
    try:
        checks, _ = _judged(registry, version, champion, settings)
    except UserError:  # what cannot be judged is what an override is for
        checks = []
    made = alias_moves.move(
        registry, journal, version,
        expected=champion, who=name.strip(), action="override", reason=reason.strip(), gate=_dumped(checks),
    )  # fmt: skip
    registry.set_tags(version, {OVERRIDE: f"{made.time} {made.who}: {made.reason}"})
    return made


def rollback(recipe: str | Path, settings: Settings, who: str, reason: str = "") -> Entry:
    """Make the previous champion the champion again; a second one undoes the first.

    Raises:
        UserError: there is no previous champion.
    """
    registry, journal = _opened(recipe, settings)
    return alias_moves.roll_back(registry, journal, who=who, reason=reason or "asked for")


def refuse(recipe: str | Path, version: str, settings: Settings, who: str, reason: str) -> Entry:
    """Write down that a person, or the end of the time that he had, did not let a version become champion.

    Raises:
        UserError: there is no such version.
    """
    registry, journal = _opened(recipe, settings)
    registry.tags(version)
    made = alias_moves.refuse(registry, journal, version, who=who, reason=reason)
    registry.set_tags(version, {gate_checks.VERDICT: f"refused by {who}: {reason}"})
    return made


def history(recipe: str | Path, settings: Settings) -> list[Entry]:
    """The journal, oldest first; a champion that was moved outside it is noticed, and in it."""
    registry, journal = _opened(recipe, settings)
    alias_moves.settle(registry, journal)
    return [entry for entry in journal.entries() if entry.state != "begun"]


def describe(made: Entry) -> str:
    """One line of a move that was made."""
    before = f"version {made.from_version} was it" if made.from_version else "there was none"
    return f"version {made.to_version} is the champion ({before}): {made.reason}"


def table(entries: Sequence[Entry]) -> list[str]:
    """The journal for a person to read, a line a move."""
    rows = [("time (UTC)", "who", "action", "from", "to", "reason")]
    for entry in entries:
        broken = entry.state == "abandoned" and entry.action != "refuse"
        action = f"{entry.action}, broken off" if broken else entry.action
        time = entry.time[:19].replace("T", " ")
        rows.append(
            (time, entry.who, action, entry.from_version or "-", entry.to_version or "-", entry.reason)
        )
    widths = [max(len(row[k]) for row in rows) for k in range(5)]
    return [
        "  ".join([*(cell.ljust(n) for cell, n in zip(row, widths, strict=False)), row[5]]) for row in rows
    ]


def model_name(recipe: str | Path, settings: Settings) -> str:
    """The registered model's name.

    Raises:
        UserError: a path was given, and there is no recipe or a wrong one.
    """
    if recipe_folders.is_path(recipe):
        return load(Path(recipe)).model
    named = recipe_folders.scheduled(settings)[0].get(str(recipe))
    return named.model if named else str(recipe)


def _opened(recipe: str | Path, settings: Settings) -> tuple[Registry, Journal]:
    name = model_name(recipe, settings)
    registry, journal = registry_of(name, settings), journal_of(name, settings)
    if not registry.versions() and not journal.file.exists():
        raise UserError(
            "no-such-model",
            f"no model {name!r} is registered yet: a RECIPE is needed that was run to its end",
        )
    return registry, journal


def _rival(registry: Registry, journal: Journal, version: str) -> str | None:
    """The champion that `version` is to replace."""
    registry.tags(version)
    champion = alias_moves.settle(registry, journal)
    if champion == version:
        raise UserError("already-champion", f"{registry.name} version {version} is the champion already")
    return champion


def _judged(
    registry: Registry, version: str, champion: str | None, settings: Settings
) -> tuple[list[Check], GateConfig]:
    tags = registry.tags(version)
    bounds = gate_checks.recorded_bounds(tags)
    if bounds is None or REFERENCE not in tags or gate_checks.EVALUATE not in tags:
        raise UserError(
            "version-not-judged",
            f"{registry.name} version {version} was never judged by the gate; run its recipe",
        )
    context = Context(store=settings.store, settings=settings, recipe=registry.name)
    registered = read_manifest(tags[REFERENCE], context.store).output
    theirs = None if champion is None else registry.tags(champion)
    return gate_checks.judge(tags[gate_checks.EVALUATE], registered, bounds, theirs, context), bounds


def _dumped(checks: Sequence[Check]) -> list[dict[str, Any]]:
    return [check.model_dump() for check in checks]
