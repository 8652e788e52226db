"""Promote: the gate decides whether the challenger becomes the champion; the journal says who decided what.

A refused challenger is no error: the champion stays, and the reason is told. Imports no torch.
"""

import getpass
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from components.config import Config
from components.errors import UserError
from components.registry import gate
from components.registry.gate import Check, GateConfig
from components.registry.journal import CHAMPION, PREVIOUS, Journal, MovedError, move
from components.registry.store import Registry, connect
from pipelines.store import Artifact, Context, Manifest, is_finished, read_manifest

VERSION = 1
ATTEMPTS = 3  # decisions, where the champion is moved by somebody else meanwhile
SMOKE_DIFFERENCE = 1e-4  # largest difference of a probability between two processes


with warnings.catch_warnings():
    warnings.simplefilter("ignore", UserWarning)  # hides ABCMeta.register, which nobody calls

    class Request(Config):
        snapshot: str
        evaluate: str
        register: str
        gate: GateConfig = GateConfig()


class Output(Config):
    skipped: str | None = None
    version: str | None = None
    promoted: bool = False
    checks: tuple[Check, ...] = ()
    champion_version: str | None = None  # after this stage
    previous_version: str | None = None
    reason: str = ""


def run(request: Request, folder: Path, context: Context) -> Output:
    registered = read_manifest(request.register, context.store).output
    if reason := registered.get("skipped"):
        return Output(skipped=str(reason), reason=str(reason))
    version = str(registered["version"])
    settings = context.settings
    registry = Registry(
        connect(settings.mlflow, lock := settings.home / "mlflow" / "store.lock"), registered["name"], lock
    )
    journal = Journal(settings.home / "journal" / f"{registry.name}.jsonl")
    for _ in range(ATTEMPTS):
        champion = registry.alias(CHAMPION)
        checks = decide(request, context, registry, None if champion == version else champion)
        passed, reason = gate.verdict(checks)
        dumped = [check.model_dump() for check in checks]
        if passed:
            try:
                move(
                    registry, journal, version,
                    expected=champion, who=getpass.getuser(), action="promote", reason=reason, gate=dumped,
                )  # fmt: skip
            except MovedError as error:
                context.say(str(error))
                continue
            registry.set_alias("challenger", None)
        registry.set_tags(version, {"selfsup.gate": "passed" if passed else f"refused: {reason}"[:4000]})
        promoted = registry.alias(CHAMPION) == version
        context.say(f"version {version} {'is the champion' if promoted else 'is refused'}: {reason}")
        return Output(
            version=version,
            promoted=promoted,
            checks=tuple(checks),
            champion_version=registry.alias(CHAMPION),
            previous_version=registry.alias(PREVIOUS),
            reason=reason,
        )
    raise UserError(f"the champion of {registry.name} was moved {ATTEMPTS} times meanwhile; run again")


def decide(request: Request, context: Context, registry: Registry, champion: str | None) -> list[Check]:
    """All checks of the challenger; `champion` is the version to compare with, None where there is none."""
    evaluated = read_manifest(request.evaluate, context.store)
    registered = read_manifest(request.register, context.store).output
    bounds = request.gate
    metrics = evaluated.output.get("metrics") or {}
    health = evaluated.output.get("health") or {}
    checks = [
        gate.beats_baselines(metrics.get("accuracy"), evaluated.output.get("baselines"), bounds.margin),
        gate.worst_class(evaluated.output.get("per_class"), bounds.class_floor),
        gate.at_most("calibration", metrics.get("ece"), bounds.calibration, "expected calibration error"),
        gate.at_least("health", rank_fraction(health), bounds.rank_fraction, "effective rank of features"),
        _loads(registered),
    ]
    if champion is not None:
        theirs = registry.tags(champion).get("selfsup.evaluate")
        answers = answers_of(evaluated, request.evaluate, context)
        checks.append(gate.beats_champion(answers, _champions(theirs, context), bounds))
    return checks


def answers_of(evaluated: Manifest, reference: str, context: Context) -> dict[str, bool] | None:
    """Test item -> was it right; None where the evaluation left no predictions."""
    import pyarrow.parquet as pq

    if evaluated.output.get("predictions") is None:
        return None
    artifact = Artifact.model_validate(evaluated.output["predictions"])
    table = pq.read_table(context.file(reference, artifact), columns=["id", "label", "class"]).to_pydict()
    rows = zip(table["id"], table["label"], table["class"], strict=True)
    return {item: label == answer for item, label, answer in rows}


def rank_fraction(health: Mapping[str, Any]) -> float | None:
    """Effective rank of the features as a share of their width."""
    found = health.get("effective_rank_fraction")
    return None if found is None else float(found)


def _champions(reference: str | None, context: Context) -> dict[str, bool] | None:
    """The champion's answers in its own evaluation; None where they are lost: the gate then refuses."""
    if reference is None or not is_finished(reference, context.store):
        return None
    try:
        return answers_of(read_manifest(reference, context.store), reference, context)
    except UserError:
        return None


def _loads(registered: Mapping[str, Any]) -> Check:
    what = registered.get("smoke_error") or "answer in a clean process, largest difference"
    return gate.at_most("loads", registered.get("smoke_difference"), SMOKE_DIFFERENCE, what)
