"""What the report's page says, section by section, from the runs' own figures."""

from typing import Any

import yaml

from components.modalities.registry import packed_as
from components.registry.journal import Entry
from pipelines.pages import monitoring, summary
from pipelines.pages.sources import Sources
from pipelines.registry.outcome import outcome
from pipelines.stages.report import (
    beyond_accuracy,
    candidates,
    errors,
    learning,
    lineage,
    protocols,
    training_health,
    training_times,
    view_policy,
)


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
    labelled, rated = outputs["pseudo_label"], not found["skipped"]
    became = outcome(promoted, move)
    policies = packed_as(sources.samples.packing).policies
    return {
        "title": f"{context.recipe}: what the labels and the unlabelled data gave",
        "subtitle": f"data version {snapshot['version']} · run {context.run}",
        "summary": summary.summary(
            snapshot, found, became, labelled["clusters"], outputs["pretrain"]["samples"]
        ),
        "tiles": summary.tiles(snapshot, found, labelled, measured),
        "plan": monitoring.plan(sources.manifests["plan"]),
        "labels": snapshot["labelled"],
        "tests": f"{found['samples']:,}",
        "near_duplicates": summary.near_duplicates(snapshot),
        "comparison": summary.comparison(found) if rated else [],
        "comparison_chart": errors.bars(found) if rated else "",
        "checks": summary.check_rows(promoted["checks"]),
        "outcome": became,
        "pretraining": summary.pretraining(outputs["pretrain"], found["health"]),
        "views": view_policy.rows(outputs["pretrain"], outputs["finetune"], policies),
        "candidates": candidates.rows(outputs["finetune"]),
        **training_times.section(sources),
        "curves": learning.curves(sources),
        "living": training_health.rows(sources),
        "maps": learning.maps(sources, points, seed),
        "clustering": summary.clustering(labelled, measured),
        "health": monitoring.health_rows(health) if len(health) > 1 else [],
        "health_charts": monitoring.health_charts(health),
        "classes": summary.class_rows(found["per_class"]),
        "mistakes": errors.mistakes(sources) if rated else [],
        **errors.judgement(found, outputs["finetune"], list(snapshot["classes"])),
        **beyond_accuracy.sections(found, sources),
        **protocols.sections(found),
        "lineage": lineage.rows(sources),
        "stages": lineage.stages(sources),
        "recipe": yaml.safe_dump({s: m.given for s, m in sources.manifests.items()}, sort_keys=False),
    }
