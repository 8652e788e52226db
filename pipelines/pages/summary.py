"""The report's sentences and tables, from the outputs of the stages. Plain values in, plain values out."""

from collections.abc import Mapping, Sequence
from typing import Any

from components.wording import are, counted
from pipelines.pages.wording import percent

NAMES = {
    "model": "this model",
    "logistic_plain": "logistic regression on plain features",
    "boosting_plain": "gradient boosting",
    "knn_plain": "nearest neighbours on plain features",
    "caption_plain": "logistic regression on the captions",
    "scratch": "same network, random start, labels only",
    "alone": "same encoder, labels alone",
    "own": "the method's own network",
    "probe": "linear probe on the frozen features",
    "knn": "nearest neighbours on the frozen features",
}

WORDS = {
    "skip": "nothing to train",
    "labels": "what depends on labels was made anew",
    "warm": "warm start from the champion",
    "scratch": "training from scratch",
}


def summary(
    snapshot: Mapping[str, Any], found: Mapping[str, Any], outcome: str, clusters: int, trained: int
) -> str:
    """What happened, in one paragraph. outcome: see pipelines.registry.outcome. trained: samples, labelled or not."""
    unlabelled = counted(trained - snapshot["labelled"], "unlabelled sample")
    data = f"From {unlabelled} and {counted(snapshot['labelled'], 'label')}"
    if found.get("skipped"):
        return f"{data}: {counted(clusters, 'cluster')}, and no classifier, because {found['skipped']}."
    m, best = found["metrics"], found["best_baseline"]
    margin = (
        f"{100 * m['margin']:+.1f} points ({100 * m['margin_low']:+.1f} to {100 * m['margin_high']:+.1f} over test "
        "samples and training noise)"
    )
    return (
        f"{data}, a model that is right on {percent(m['accuracy'])} of "
        f"{counted(found['samples'], 'held-out test sample')} "
        f"(95 % interval {percent(m['accuracy_low'])} to {percent(m['accuracy_high'])}): {margin} against the better "
        f"baseline, {NAMES[best]}, which had the same labels. {outcome}"
    )


def near_duplicates(snapshot: Mapping[str, Any]) -> str:
    """Whether samples that were saved again blur the line between training and test."""
    count, leaked = snapshot.get("near_duplicates", 0), snapshot.get("leaked_tests", 0)
    if not count:
        return "No sample is a near-duplicate of another (the same content saved again)."
    line = (
        f"Near-duplicates of earlier samples (the same content saved again): {counted(count, 'sample')}. They share "
        f"a split, and "
        "of those in the test set one is measured."
    )
    if not leaked:
        return line
    many = f"{counted(leaked, 'test sample')} {are(leaked, 'has', 'have')}"
    return f"{line} {many} one in the training set, because the labels name both, and {are(leaked)} not measured."


def tiles(
    snapshot: Mapping[str, Any],
    found: Mapping[str, Any],
    labelled: Mapping[str, Any],
    measured: Mapping[str, float | None] | None,
) -> list[dict[str, str]]:
    """The figures at the top."""
    rows = [
        {"value": f"{snapshot['samples']:,}", "text": "samples"},
        {"value": f"{snapshot['labelled']:,}", "text": "labels to learn from"},
        {"value": f"{labelled['clusters']}", "text": "clusters"},
    ]
    if not found["skipped"]:
        m = found["metrics"]
        rows += [
            {"value": percent(m["accuracy"]), "text": "accuracy"},
            {"value": f"{100 * m['margin']:+.1f}", "text": "points against the better baseline"},
            {"value": f"{m['ece']:.3f}", "text": "calibration error"},
        ]
    if measured and measured["kept_accuracy"] is not None:
        rows.append({"value": percent(measured["kept_accuracy"]), "text": "of kept pseudo-labels are right"})
    return rows


def comparison(found: Mapping[str, Any]) -> list[dict[str, str]]:
    """Rows of the table of accuracies: the model first, the others from good to bad."""
    values = found["intervals"]
    others = sorted((n for n in values if n != "model"), key=lambda n: -values[n]["value"])
    rows = []
    for name in ["model", *others]:
        f, d = values[name], found["differences"].get(name)
        text = (
            "" if d is None else f"{100 * d['value']:+.1f} ({100 * d['low']:+.1f} to {100 * d['high']:+.1f})"
        )
        interval = f"{100 * f['low']:.1f} to {100 * f['high']:.1f}"
        rows.append(
            {"name": NAMES[name], "value": percent(f["value"]), "interval": interval, "difference": text}
        )
    return rows


def pretraining(pretrained: Mapping[str, Any], health: Mapping[str, float]) -> str:
    """What pretraining did, and whether its features are alive."""
    return (
        f"{counted(pretrained['steps'], 'step')} over {counted(pretrained['epochs'], 'pass')} through "
        f"{counted(pretrained['samples'], 'training sample')}, {pretrained['samples_per_second']:,.0f} samples a "
        f"second, "
        f"{percent(pretrained['data_wait_share'])} of the time waiting for data. The features use an effective "
        f"{health['effective_rank']:.0f} of {health['dimensions']:.0f} dimensions (1 would be a collapse), and the "
        f"spread of the normalised features is {health['spread']:.2f} (1: even; 0: all in one point)."
    )


def clustering(labelled: Mapping[str, Any], truth: Mapping[str, float | None] | None) -> str:
    """What the clusters are worth, by the labels' own evidence and by the truth where it is known."""
    text = counted(labelled["clusters"], "cluster")
    if repaired := labelled["repaired"]:
        text += f" ({repaired} {'was' if repaired == 1 else 'were'} empty on the way and filled again)"
    text += "."
    if labelled["churn"] is not None:
        text += f" Against the run before, {percent(labelled['churn'])} of the samples changed their cluster."
    if not labelled["named"]:
        return text + f" They have no class: {labelled['note'] or 'there are no labels'}."
    if labelled["threshold"] is None:
        text += f" No pseudo-label is kept beside the labels: {labelled['note']}."
    else:
        text += (
            f" Labels and pseudo-labels of confidence {labelled['threshold']:.2f} and more are kept, "
            f"{labelled['kept']:,} in all ({percent(labelled['kept_share'])} of the training samples); "
        )
        text += _estimated(labelled["estimated_precision"])
    return f"{text} {_by_truth(truth)}" if truth else text


def _estimated(precision: float | None) -> str:
    if precision is None:
        return "how many of these pseudo-labels are right is not known, as too few labels could be held out."
    return f"by labels held out in turn {percent(precision)} of the pseudo-labels are right."


def _by_truth(truth: Mapping[str, float | None]) -> str:
    """The same by true labels that were kept apart from training."""
    known, every = counted(int(truth["known"] or 0), "pseudo-label"), percent(truth["all_accuracy"])
    if truth["kept_accuracy"] is None:
        return f"Of {known} the true label is known: {every} are right, and none is kept."
    kept = percent(truth["kept_accuracy"])
    return f"By the true labels, kept apart from training, {kept} of those kept are right; {every} if all {known} were."


def check_rows(checks: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    def shown(value: float | None) -> str:
        return "missing" if value is None else f"{value:.4g}"

    return [{**check, "figure": shown(check["figure"]), "bound": shown(check["bound"])} for check in checks]


def class_rows(per_class: Mapping[str, Mapping[str, Any]]) -> list[dict[str, str]]:
    return [
        {"name": name, "support": str(row["support"])}
        | {key: f"{row[key]:.3f}" for key in ("precision", "recall", "f1")}
        for name, row in per_class.items()
    ]


def drift(drifted: bool, p: Sequence[float], level: float, needed: int, windows: int) -> str:
    """Whether there is drift, and why by the rule of components.monitoring.drift. p: of the deliveries, oldest first,
    one or more."""
    last = [value <= level for value in p[-windows:]]
    apart, sign = sum(last), f"(p at most {level:g})"
    if len(last) == 1:
        seen = f"the only delivery is {'' if apart else 'not '}unlike old samples {sign}"
        return f"{'yes' if drifted else 'no'}: {seen}" + f", and {needed} are needed" * (
            apart and not drifted
        )
    verb = "are" if apart > 1 else "is"
    seen = f"{apart or 'none'} of the last {len(last)} deliveries {verb} unlike old samples {sign}"
    if drifted:
        return f"yes: {seen}, the newest among them"
    if not apart:
        return f"no: {seen}"
    return f"no: {seen}, and {f'{needed} are needed' if last[-1] else 'the newest is not'}"


def planned(plan: Mapping[str, Any], rule: tuple[float, int, int]) -> list[tuple[str, str]]:
    """The figures behind the plan's decision, as rows of a table. rule: level, needed, windows of its request."""
    rows = [
        ("decision", WORDS[plan["decision"]]),
        ("champion at that time", f"version {plan['champion']}" if plan["champion"] else "none"),
        ("new samples", f"{plan['new_samples']:,} beside {plan['old_samples']:,} that it was trained on"),
        ("new or changed labels", f"{plan['new_labels']:,}"),
    ]
    if plan["drift"]:
        rows.append(("drift", drift(plan["drifted"], [w["p"] for w in plan["drift"]], *rule)))
    if plan["age_days"] is not None:
        rows.append(("age of the champion", f"{plan['age_days']:.1f} days"))
    return rows
