"""Was the representation alive while it was learnt? Each figure of the training beside what it is at best and dead."""

from typing import Any

from components.evaluation.representation.collapse import Level, levels, own_levels
from pipelines.engine.context import read_metrics
from pipelines.pages.sources import Sources
from pipelines.stages.report.learning import readable

MEANING = {
    "diagnostics/rank": "directions that the features use",
    "diagnostics/centred_rank": "the same, of the features less their mean",
    "diagnostics/lidar": "directions that tell samples apart, and not views of one",
    "diagnostics/decay": "how fast further directions fade; far above 1 few carry all, 0 is noise",
    "diagnostics/spread": "how far apart the samples lie",
    "diagnostics/embedding_spread": "the same of what the loss looks at",
    "diagnostics/correlation": "how much of what one direction says others repeat",
    "diagnostics/alignment": "how far apart two views of a sample lie; small is good while uniformity is far from 0",
    "diagnostics/uniformity": "how evenly samples cover the sphere",
    "diagnostics/churn": "share of samples that lie elsewhere than at the last look",
    "objective/prototype_perplexity": "prototypes in use",
    "objective/teacher_entropy": "how undecided the teacher is, in nats",
    "objective/teacher_information": "how much the teacher's answers tell, in nats",
    "objective/divergence": "how far the student is from the teacher, in nats",
}


def rows(sources: Sources) -> list[dict[str, str]]:
    """A row for each figure that the training logged: at its first and its last look, healthy and collapsed."""
    known = bounds(sources.outputs["pretrain"], sources.manifests["pretrain"].request)
    records = read_metrics(sources.context.store / sources.references["pretrain"])
    found = []
    for name, meaning in MEANING.items():
        values = [record[name] for record in records if name in record]
        level = known[name.rpartition("/")[2]]
        if values:
            found.append(
                {
                    "name": readable(name),
                    "first": figure(values[0]),
                    "last": figure(values[-1]),
                    "healthy": figure(level.healthy),
                    "collapsed": " or ".join(
                        figure(v) for v in (level.collapsed, level.also) if v is not None
                    )
                    or "–",
                    "meaning": meaning,
                }
            )
    return found


def bounds(pretrained: dict[str, Any], request: dict[str, Any]) -> dict[str, Level]:
    """By the size of the features and the outputs of the objective. pretrained, request: of the stage pretrain."""
    asked = request.get("objective") or {}
    outputs = asked.get("prototypes") or asked.get("outputs")
    return levels(pretrained.get("feature_dim", 1)) | own_levels(outputs)


def figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"
