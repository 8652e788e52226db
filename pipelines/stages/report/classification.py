"""The sections of the page that are about classes."""

from typing import Any

from pipelines.pages import summary
from pipelines.pages.sources import Sources
from pipelines.stages.report import beyond_accuracy, candidates, errors, protocols, training_times


def sections(sources: Sources, measured: dict[str, float | None] | None, became: str) -> dict[str, Any]:
    """The names of the template that sections.BLANK leaves empty, and what stands for them.

    Args:
        measured: pseudo-labels against the truth, where that is known. became: what became of the model.
    """
    outputs = sources.outputs
    snapshot, found, labelled = outputs["snapshot"], outputs["evaluate"], outputs["pseudo_label"]
    rated = not found["skipped"]
    return {
        "summary": summary.summary(
            snapshot, found, became, labelled["clusters"], outputs["pretrain"]["samples"]
        ),
        "tiles": summary.tiles(snapshot, found, labelled, measured),
        "comparison": summary.comparison(found) if rated else [],
        "comparison_chart": errors.bars(found) if rated else "",
        "candidates": candidates.rows(outputs["finetune"]),
        **training_times.section(sources),
        "classes": summary.class_rows(found["per_class"]),
        "mistakes": errors.mistakes(sources) if rated else [],
        **errors.judgement(found, outputs["finetune"], list(snapshot["classes"])),
        **beyond_accuracy.sections(found, sources),
        **protocols.sections(found),
    }
