"""The gate's verdict on a registered version: every check, from the manifests of the runs that made it. What is checked
of the predictions is the task's.

Imports no torch. What was judged, and by which bounds, is kept in the version's tags, so that a person can read it in
MLflow and `selfsup promote` can judge again.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from components.errors import UserError
from components.implementations import Implementations
from components.registry import gate
from components.registry.gate import Check, GateConfig
from components.registry.mlflow_registry import Registry
from components.tasks.registry import task_name
from pipelines.engine.context import Context
from pipelines.engine.manifest import Manifest
from pipelines.engine.store import is_finished, read_manifest
from pipelines.registry.features_used import reads_features
from pipelines.registry.task_checks import TaskChecks

VERDICT, BOUNDS, CHECK = "selfsup.gate", "selfsup.bounds", "selfsup.gate."  # tags; the last is a prefix
EVALUATE = "selfsup.evaluate"  # the tag that holds the reference of the version's evaluation
SMOKE_DIFFERENCE = 1e-4  # largest difference of a prediction between two processes


BY_TASK = Implementations[TaskChecks](
    "pipelines.registry",
    "selfsup.gate",
    {
        "classification": "classification_checks:Checks",
        "regression": "regression_checks:Checks",
        "anomaly": "anomaly_checks:Checks",
        "segmentation": "segmentation_checks:Checks",
        "ranking": "ranking_checks:Checks",
    },
)


def judge(
    evaluate: str,
    registered: Mapping[str, Any],
    bounds: GateConfig,
    champion: Mapping[str, str] | None,
    context: Context,
) -> list[Check]:
    """All checks of a version.

    Args:
        evaluate: reference of its evaluation. registered: what its register stage gave.
        champion: tags of the version to compare with, None where there is none.

    Raises:
        UserError: a run of this version is not in the store.
    """
    evaluated = read_manifest(evaluate, context.store)
    tuned = _above(evaluated, "finetune", context)
    made_of = tuple((tuned.output.get("made_of") if tuned else None) or ())
    own = BY_TASK[task_name(evaluated.given)](evaluated, evaluate, made_of, bounds, context)
    health = alive(evaluated, bounds, context) if tuned is None or reads_features(tuned.output) else []
    checks = [*own.alone(), *health, *served(registered, bounds)]
    if champion is None:
        return checks
    return [*checks, *_beside(own, champion.get(EVALUATE), context)]


def _beside(own: TaskChecks, reference: str | None, context: Context) -> list[Check]:
    """The checks beside the champion, whose evaluation may be lost, or its file."""
    if reference is None or not is_finished(reference, context.store):
        return own.beside(None, "")
    theirs = read_manifest(reference, context.store)
    try:
        return own.beside(theirs, reference)
    except UserError:
        return own.beside(None, "")


def alive(evaluated: Manifest, bounds: GateConfig, context: Context) -> list[Check]:
    """What needs no labels: the features' health; the prototypes' use, where the objective has any; the clusters'
    stability, where those of an earlier run are continued."""
    health = evaluated.output.get("health") or {}
    rank = health.get("effective_rank_fraction")
    checks = [
        gate.at_least("rank", rank, bounds.rank_fraction, "effective rank of the features, of their width,"),
        gate.at_most("uniformity", health.get("uniformity"), bounds.uniformity, "uniformity of the features"),
    ]
    pretrained = _above(evaluated, "pretrain", context)
    prototypes = pretrained.request.get("objective", {}).get("prototypes") if pretrained else None
    if pretrained and prototypes:
        perplexity = (pretrained.output.get("figures") or {}).get("objective/prototype_perplexity")
        use = None if perplexity is None else perplexity / prototypes
        what = f"perplexity of the use of {prototypes} prototypes, of their number,"
        checks.append(gate.at_least("prototypes", use, bounds.prototype_use, what))
    clustered = _above(evaluated, "pseudo_label", context)
    if clustered and clustered.request.get("previous"):
        what = "share of the old samples whose cluster changed"
        checks.append(gate.at_most("churn", clustered.output.get("churn"), bounds.churn, what))
    return checks


def served(registered: Mapping[str, Any], bounds: GateConfig) -> list[Check]:
    """What the clean process found, and what the model weighs."""
    what = registered.get("smoke_error") or "answer in a clean process, largest difference"
    return [
        gate.at_most("loads", registered.get("smoke_difference"), SMOKE_DIFFERENCE, what),
        gate.at_most("latency", registered.get("latency"), bounds.latency, "seconds a sample"),
        gate.at_most("size", registered.get("bytes"), bounds.size, "bytes of the model"),
    ]


def record(
    registry: Registry, version: str, checks: Sequence[Check], bounds: GateConfig, waits: bool = False
) -> None:
    """The verdict in the version's tags, in place of an earlier one."""
    passed, reason = gate.verdict(checks)
    told = "waits for approval" if waits and passed else "passed" if passed else f"refused: {reason}"[:4000]
    made = {f"{CHECK}{check.name}": check.model_dump_json(exclude={"name"}) for check in checks}
    stale = dict.fromkeys(key for key in registry.tags(version) if key.startswith(CHECK))
    registry.set_tags(version, {**stale, **made, BOUNDS: bounds.model_dump_json(), VERDICT: told})


def recorded_bounds(tags: Mapping[str, str]) -> GateConfig | None:
    """The bounds by which a version was judged, None where it never was."""
    return GateConfig.model_validate(json.loads(tags[BOUNDS])) if BOUNDS in tags else None


def _above(manifest: Manifest, stage: str, context: Context) -> Manifest | None:
    reference = manifest.given.get(stage)
    return None if reference is None else read_manifest(str(reference), context.store)
