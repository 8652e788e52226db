"""The gate's verdict on a registered version: every check, from the manifests of the runs that made it.

Imports no torch. What was judged, and by which bounds, is kept in the version's tags, so that a person can read it in
MLflow and `selfsup promote` can judge again.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from components.errors import UserError
from components.registry import class_checks, comparison, gate
from components.registry.comparison import Answers
from components.registry.gate import Check, GateConfig
from components.registry.mlflow_registry import Registry
from pipelines.engine.artifact import Artifact
from pipelines.engine.context import Context
from pipelines.engine.manifest import Manifest
from pipelines.engine.store import is_finished, read_manifest

VERDICT, BOUNDS, CHECK = "selfsup.gate", "selfsup.bounds", "selfsup.gate."  # tags; the last is a prefix
EVALUATE = "selfsup.evaluate"  # the tag that holds the reference of the version's evaluation
SMOKE_DIFFERENCE = 1e-4  # largest difference of a probability between two processes


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
    metrics, said = evaluated.output.get("metrics") or {}, evaluated.output
    tuned = _above(evaluated, "finetune", context)
    made_of = (tuned.output.get("made_of") if tuned else None) or ()
    checks = [
        comparison.beats_baselines(
            metrics.get("accuracy"), said.get("baselines"), bounds.margin, made_of=made_of
        ),
        class_checks.beyond_chance((said.get("worth") or {}).get("kappa"), said.get("per_class")),
        class_checks.worst_class(said.get("per_class"), bounds),
        *method(said.get("worth")),
        gate.at_most("calibration", metrics.get("ece"), bounds.calibration, "expected calibration error"),
        *alive(evaluated, bounds, context),
        *served(registered, bounds),
    ]
    if champion is None:
        return checks
    ours = answers_of(evaluated, evaluate, context)
    theirs = _champions(champion.get(EVALUATE), context)
    return [
        *checks,
        comparison.beats_champion(ours, theirs, bounds, noise=said.get("training_deviation")),
        comparison.forgetting(ours, theirs, bounds.forgetting),
        class_checks.class_drops(ours, theirs, bounds),
    ]


def method(worth: Mapping[str, Any] | None) -> list[Check]:
    """A method that hurts is refused: with certainty worse than the same encoder with the labels alone, whether all
    of it was trained or a head on it. Nothing where these were all that was learnt from."""
    if worth is None or worth["word"] is None:
        return []
    what = f"accuracy of {worth['method']} less that of the labels alone, upper bound"
    return [gate.at_least("method", (worth["difference"] or {}).get("high"), 0.0, what)]


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


def answers_of(evaluated: Manifest, reference: str, context: Context) -> Answers | None:
    """Test item -> its label, the class answered; None where the evaluation left no predictions."""
    import pyarrow.parquet as pq

    if evaluated.output.get("predictions") is None:
        return None
    artifact = Artifact.model_validate(evaluated.output["predictions"])
    table = pq.read_table(context.file(reference, artifact), columns=["id", "label", "class"]).to_pydict()
    rows = zip(table["id"], table["label"], table["class"], strict=True)
    return {item: (label, answer) for item, label, answer in rows}


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


def _champions(reference: str | None, context: Context) -> Answers | None:
    """The champion's answers in its own evaluation; None where they are lost: the gate then refuses."""
    if reference is None or not is_finished(reference, context.store):
        return None
    try:
        return answers_of(read_manifest(reference, context.store), reference, context)
    except UserError:
        return None
