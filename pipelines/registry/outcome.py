"""What became of a version that was judged, in one sentence: the report and the end of a run both say this one.

The promote stage says what the gate decided; the journal of promotions says who is champion now and who made it so,
which may be a person, and later. Imports no MLflow.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from components.registry.journal import Entry


def champion_of(entries: Sequence[Entry]) -> Entry | None:
    """The move that made the champion of now; None where there is none."""
    made = [entry for entry in entries if entry.state == "done" and entry.action != "refuse"]
    return made[-1] if made and made[-1].to_version is not None else None


def outcome(promoted: Mapping[str, Any], move: Entry | None) -> str:
    """promoted: output of the promote stage. move: see champion_of."""
    version, reason = promoted.get("version"), promoted.get("reason") or promoted.get("skipped") or ""
    champion = None if move is None else move.to_version
    if version is None:
        judged = f"No model was judged: {reason or 'there is no classifier'}"
        return f"{judged}. {_champion(champion)}" if champion else f"{judged}."
    if move is not None and champion == version:
        return _is_champion(version, reason, move)
    if promoted.get("waiting"):
        return f"Version {version} passed the gate and waits for a person's approval. {_champion(champion)}"
    if promoted.get("promoted"):
        return f"Version {version} passed the gate and was champion. {_champion(champion)}"
    return f"Version {version} was not promoted: {reason}. {_champion(champion)}"


def _is_champion(version: str, reason: str, move: Entry) -> str:
    before = f"in place of version {move.from_version}" if move.from_version else "the first one"
    match move.action:
        case "override":
            how = f"{move.who} made it so whatever the gate says ({move.reason}); the gate: {reason}"
        case "rollback":
            how = f"{move.who} went back to it ({move.reason})"
        case "found":
            how = f"{move.reason}; the gate: {reason}"
        case _:
            how = move.reason
    return f"Version {version} is the champion, {before}: {how}."


def _champion(version: str | None) -> str:
    return f"Version {version} is the champion." if version else "There is no champion."
