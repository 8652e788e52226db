"""What the report's page says, section by section, from the runs' own figures."""

from collections.abc import Callable
from typing import Any

import yaml

from components.implementations import Implementations
from components.modalities.registry import packed_as
from components.registry.journal import Entry
from components.tasks.registry import task_name, task_of
from pipelines.pages import monitoring, summary
from pipelines.pages.sources import Sources
from pipelines.registry.features_used import reads_features
from pipelines.registry.outcome import outcome
from pipelines.stages.report import learning, lineage, training_health, view_policy

BY_TASK = Implementations[dict[str, Any]](
    "pipelines.stages.report",
    "selfsup.report",
    {
        "classification": "classification:sections",
        "regression": "regression:sections",
        "anomaly": "anomaly:sections",
        "segmentation": "segmentation:sections",
        "ranking": "ranking:sections",
    },
)

# What a task may fill in; its module gives `summary` and `tiles` too. parts: further sections, each with title, text
# (paragraphs), charts (data URIs), head and rows (of a table), samples (HTML `sample` and `text` each).
BLANK: dict[str, Any] = {
    "comparison": [], "comparison_chart": "", "benefit": "", "warnings": [], "candidates": [], "timeline": [],
    "timeline_chart": "", "saving": "", "saving_chart": "", "suspects": "", "suspected": [], "outliers": "",
    "outlier_samples": [], "confusion": "", "classes": [], "mistakes": [], "calibration": "", "reliability": "",
    "explained": [], "sets": "", "protocols": [], "corruptions_chart": "", "parts": [],
    "over": "over test samples and training noise",
}  # fmt: skip


def values(
    sources: Sources,
    measured: dict[str, float | None] | None,
    health: list[dict[str, Any]],
    move: Entry | None,
    points: int,
    seed: int,
) -> dict[str, Any]:
    """The template's names and what stands for them, but for the samples that are shown one by one.

    Args:
        measured: pseudo-labels against the truth, where that is known.
        health: of the pseudo-labels, a row a generation.
        move: that made the champion of now.
        points: of the embedding map.
    """
    outputs, context = sources.outputs, sources.context
    snapshot, found, promoted = outputs["snapshot"], outputs["evaluate"], outputs["promote"]
    asked = sources.manifests["evaluate"].given
    of_task: Callable[..., dict[str, Any]] = BY_TASK[task_name(asked)]
    became = outcome(promoted, move)
    policies = packed_as(sources.samples.packing).policies
    return {
        "title": f"{context.recipe}: what the labels and the unlabelled data gave",
        "subtitle": f"data version {snapshot['version']} · run {context.run}",
        **BLANK,
        "word": task_of(asked).word,
        "plan": monitoring.plan(sources.manifests["plan"]),
        "labels": snapshot["labelled"],
        "tests": f"{found['samples']:,}",
        "near_duplicates": summary.near_duplicates(snapshot),
        "checks": summary.check_rows(promoted["checks"]),
        "outcome": became,
        "pretraining": summary.pretraining(outputs["pretrain"], found["health"]),
        "views": view_policy.rows(outputs["pretrain"], outputs["finetune"], policies),
        "curves": learning.curves(sources),
        "living": training_health.rows(sources),
        "map": learning.map_of(sources, points, seed),
        "clustering": summary.clustering(outputs["pseudo_label"], measured)
        if reads_features(outputs["finetune"])
        else "Nothing of it is used: the detectors look at the columns alone.",
        "health": monitoring.health_rows(health) if len(health) > 1 else [],
        "health_charts": monitoring.health_charts(health),
        "lineage": lineage.rows(sources),
        "stages": lineage.stages(sources),
        "recipe": yaml.safe_dump({s: m.given for s, m in sources.manifests.items()}, sort_keys=False),
        **of_task(sources, measured, became),
    }
