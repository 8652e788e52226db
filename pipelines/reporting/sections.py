"""What the report's page says, section by section, from the runs' own figures."""

from typing import Any

import yaml

from components.registry.journal import Entry
from pipelines.outcome import outcome
from pipelines.reporting import (
    candidates,
    evidence,
    judgement,
    learning,
    lineage,
    living,
    protocols,
    story,
    training_times,
    view_policy,
    watching,
)
from pipelines.reporting.sources import Sources


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
    return {
        "title": f"{context.recipe}: what the labels and the unlabelled data gave",
        "subtitle": f"data version {snapshot['version']} · run {context.run}",
        "summary": story.summary(
            snapshot, found, became, labelled["clusters"], outputs["pretrain"]["samples"]
        ),
        "tiles": story.tiles(snapshot, found, labelled, measured),
        "plan": watching.plan(sources.manifests["plan"]),
        "labels": snapshot["labelled"],
        "tests": f"{found['samples']:,}",
        "near_duplicates": story.near_duplicates(snapshot),
        "comparison": story.comparison(found) if rated else [],
        "comparison_chart": judgement.bars(found) if rated else "",
        "checks": story.check_rows(promoted["checks"]),
        "outcome": became,
        "pretraining": story.pretraining(outputs["pretrain"], found["health"]),
        "views": view_policy.rows(outputs["pretrain"], outputs["finetune"]),
        "candidates": candidates.rows(outputs["finetune"]),
        **training_times.section(sources),
        "curves": learning.curves(sources),
        "living": living.rows(sources),
        "maps": learning.maps(sources, points, seed),
        "clustering": story.clustering(labelled, measured),
        "health": watching.health_rows(health) if len(health) > 1 else [],
        "health_charts": watching.health_charts(health),
        "classes": story.class_rows(found["per_class"]),
        "mistakes": judgement.mistakes(sources) if rated else [],
        **judgement.judgement(found, outputs["finetune"], list(snapshot["classes"])),
        **evidence.sections(found, sources),
        **protocols.sections(found),
        "lineage": lineage.rows(sources),
        "stages": lineage.stages(sources),
        "recipe": yaml.safe_dump({s: m.given for s, m in sources.manifests.items()}, sort_keys=False),
    }
