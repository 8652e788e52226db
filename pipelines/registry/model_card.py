"""The model card of a registered version, as Markdown: intended use, data, metrics, baselines, limits, costs, lineage.

Everything in it is read from the manifests of the runs that made the model, so that nothing stands there that was not
measured; what was not measured is named as such.
Source of the sections: Mitchell et al. 2019 (arXiv:1810.03993), model cards for model reporting.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from components.registry.class_checks import recall_limits
from components.tasks.base import Task
from components.tasks.registry import task_of
from components.wording import are, counted
from pipelines.engine.manifest import Manifest
from pipelines.registry.data_card import data_lines, table, title_of

FILE = "model_card.md"
LEVEL = 0.95  # of intervals
BESIDE = ("_low", "_high", "_before")  # ends of names of what belongs to another metric
Made = Mapping[str, tuple[str, Manifest]]  # stage -> reference and manifest


def model_card(
    name: str, made: Made, origin: Mapping[str, str], labels: Mapping[str, tuple[int, int]]
) -> str:
    """The card.

    Args:
        name: of the registered model. made: the runs above it. origin: tags of pipelines.registry.provenance.origin.
        labels: class -> labels for training and for testing.
    """
    outputs = {stage: manifest.output for stage, (_, manifest) in made.items()}
    evaluated = outputs["evaluate"]
    task = task_of(made["evaluate"][1].given)
    snapshot = made["snapshot"][1]
    lines = [f"# Model card: {name}", ""]
    lines += ["## Intended use", "", *_use(task, snapshot, evaluated), ""]
    lines += ["## Data", "", *data_lines(snapshot, labels), ""]
    lines += ["## Metrics", "", *_metrics(task, evaluated), ""]
    if per_class := _per_class(evaluated):
        lines += ["### By class", "", *per_class, ""]
    if baselines := _baselines(task, evaluated):
        lines += ["### Baselines", "", *baselines, ""]
    lines += ["## Limits", "", *_limits(outputs), ""]
    lines += ["## Cost", "", *_cost(made), ""]
    lines += ["## Lineage", "", *_lineage(made, origin), ""]
    return "\n".join(lines)


def _use(task: type[Task[Any]], snapshot: Manifest, evaluated: Mapping[str, Any]) -> Iterator[str]:
    classes = snapshot.output.get("classes") or []
    into = f" of {counted(len(classes), 'class')}" if classes and task.needs_labels else ""
    what = f"{task.learns.capitalize()}{into}"
    yield f"{what} for samples like those of recipe `{snapshot.recipe}`: {title_of(snapshot)}."
    yield (
        "Not intended for samples of another origin: figures below hold for test samples drawn from the same "
        "deliveries as the training samples. Not intended where a single wrong prediction does harm."
    )
    if evaluated.get("skipped"):
        yield f"Nothing was measured: {evaluated['skipped']}."


def _metrics(task: type[Task[Any]], evaluated: Mapping[str, Any]) -> Iterator[str]:
    """Every metric with its interval where there is one."""
    metrics = evaluated.get("metrics") or {}
    if not metrics:
        why = evaluated.get("unmeasured") or evaluated.get("skipped") or "no test samples with a label"
        yield f"Not measured: {why}."
        return
    yield f"On {counted(int(evaluated.get('samples', 0)), 'test sample')}; intervals of {LEVEL:.0%} over test samples."
    yield ""
    plain = [name for name in metrics if not name.endswith(BESIDE) and name not in ("margin", "temperature")]
    first = sorted(plain, key=lambda name: name != task.headline)
    rows = [
        (name, _number(metrics[name]), _interval(metrics.get(f"{name}_low"), metrics.get(f"{name}_high")))
        for name in first
    ]
    yield from table(("metric", "value", "interval"), rows)


def _per_class(evaluated: Mapping[str, Any]) -> list[str]:
    """Recall with its exact interval, precision and number of test samples of each class."""
    found = evaluated.get("per_class") or {}
    if not found:
        return []
    rows = []
    for name, row in found.items():
        count, recall, interval = int(row["support"]), "-", "-"
        if count:
            right = round(row["recall"] * count)
            recall, interval = (
                _number(row["recall"]),
                _interval(*recall_limits(right, count, (1 - LEVEL) / 2)),
            )
        rows.append((name, str(count), recall, interval, _number(row["precision"])))
    return table(("class", "test samples", "recall", "interval", "precision"), rows)


def _baselines(task: type[Task[Any]], evaluated: Mapping[str, Any]) -> list[str]:
    """The same metric of simple models on the same test samples, and the paired difference."""
    found, differences = evaluated.get("baselines") or {}, evaluated.get("differences") or {}
    rows = []
    for name, value in sorted(found.items(), key=lambda item: -(item[1] or 0.0)):
        apart = differences.get(name) or {}
        beside = f"{apart['value']:+.3f}" if apart.get("value") is not None else "-"
        rows.append((name, _number(value), beside, _interval(apart.get("low"), apart.get("high"), "+")))
    return table(("baseline", task.word, "model less baseline", "interval"), rows) if rows else []


def _limits(outputs: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """What is known of where the model is wrong."""
    evaluated, tuned, snapshot = outputs["evaluate"], outputs.get("finetune", {}), outputs["snapshot"]
    if note := tuned.get("note"):
        yield f"- {note[0].upper()}{note[1:]}."
    for warning in (evaluated.get("benefit") or {}).get("warnings", ()):
        yield f"- {warning}"
    metrics = evaluated.get("metrics") or {}
    if (low := metrics.get("margin_low")) is not None and low <= 0:
        yield "- Not certainly better than the best baseline: the interval of the difference includes 0."
    if (unlike := evaluated.get("unlike")) is not None:
        yield f"- {unlike:.1%} of the unlabelled training samples are unlike all labelled ones."
    if (outliers := evaluated.get("outliers")) is not None:
        share, asked = outliers["false_alarms"]["value"], outliers["rate"]
        yield f"- Outliers: {share:.1%} of the test samples are reported as outliers, {asked:.1%} were asked for."
    else:
        yield "- Outliers: whether samples unlike the training samples are noticed was not measured."
    if suspects := evaluated.get("suspects"):
        checked = counted(int(suspects["checked"]), "training label")
        yield f"- Label errors: {suspects['found']} of {checked} are probably wrong."
    if leaked := snapshot.get("leaked_tests"):
        which = f"{counted(int(leaked), 'test sample')} repeated a training sample"
        yield f"- {which} and {are(int(leaked), 'was', 'were')} left out of the test."
    yield "- Fairness between groups of people was not measured: the data name no groups."


def _cost(made: Made) -> Iterator[str]:
    rows = [
        (stage, f"{manifest.seconds:,.1f}", str(manifest.output.get("processes") or "-"))
        for stage, (_, manifest) in made.items()
    ]
    total = sum(manifest.seconds for _, manifest in made.values())
    yield from table(("stage", "seconds", "processes"), [*rows, ("in all", f"{total:,.1f}", "-")])
    yield ""
    yield "Seconds of wall time. Processor time and energy were not measured."


def _lineage(made: Made, origin: Mapping[str, str]) -> Iterator[str]:
    rows = [
        ("recipe", origin["selfsup.recipe"]), ("data version", origin["selfsup.data"]),
        ("git commit", origin["selfsup.commit"]), ("lock file", origin["selfsup.lock"]),
        ("seeds", origin["selfsup.seeds"]),
    ]  # fmt: skip
    if parent := origin.get("selfsup.parent"):
        rows.append(("champion when it was made", f"version {parent}"))
    yield from table(
        ("what", "value"), [*rows, *((stage, reference) for stage, (reference, _) in made.items())]
    )


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.3f}"


def _interval(low: float | None, high: float | None, sign: str = "") -> str:
    return "-" if low is None or high is None else f"{low:{sign}.3f} to {high:{sign}.3f}"
