"""The report's sentences and tables, from the outputs of the stages. Plain values in, plain values out."""

from collections.abc import Mapping, Sequence
from typing import Any

NAMES = {
    "model": "this model",
    "logistic_pixels": "logistic regression on pixels",
    "knn_pixels": "nearest neighbours on pixels",
    "scratch": "same network, random start, labels only",
    "alone": "same encoder, labels alone",
    "teacher": "the model before distillation",
    "probe": "linear probe on the frozen features",
    "knn": "nearest neighbours on the frozen features",
}

WORDS = {
    "skip": "nothing to train",
    "labels": "what depends on labels was made anew",
    "warm": "warm start from the champion",
    "scratch": "training from scratch",
}


def percent(value: float | None, digits: int = 1) -> str:
    return "unknown" if value is None else f"{100 * value:.{digits}f} %"


def summary(
    snapshot: Mapping[str, Any], found: Mapping[str, Any], promoted: Mapping[str, Any], clusters: int
) -> str:
    """What happened, in one paragraph."""
    unlabelled = snapshot["samples"] - snapshot["labelled"] - snapshot["tests"]
    data = f"From {unlabelled:,} unlabelled samples and {snapshot['labelled']} labels"
    if found.get("skipped"):
        return f"{data}: {clusters} clusters, and no classifier, because {found['skipped']}."
    m, best = found["metrics"], found["best_baseline"]
    margin = (
        f"{100 * m['margin']:+.1f} points ({100 * m['margin_low']:+.1f} to {100 * m['margin_high']:+.1f})"
    )
    verdict = (
        f"It is champion as version {promoted['champion_version']}."
        if promoted.get("promoted")
        else f"It was not promoted: {promoted.get('reason') or promoted.get('skipped')}."
    )
    return (
        f"{data}, a model that is right on {percent(m['accuracy'])} of {found['samples']:,} held-out test samples "
        f"(95 % interval {percent(m['accuracy_low'])} to {percent(m['accuracy_high'])}): {margin} against the better "
        f"baseline, {NAMES[best]}, which had the same labels. {verdict}"
    )


def near_duplicates(snapshot: Mapping[str, Any]) -> str:
    """Whether images that were saved again blur the line between training and test."""
    count, leaked = snapshot.get("near_duplicates", 0), snapshot.get("leaked_tests", 0)
    if not count:
        return "No sample is a near-duplicate of another (the same image saved again)."
    line = (
        f"{count:,} samples are near-duplicates of earlier ones (the same image saved again): they share a split, and "
        "of those in the test set one is measured."
    )
    if not leaked:
        return line
    return f"{line} {leaked:,} test samples have one in the training set all the same, because the labels name it so."


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
            {"value": f"{100 * m['margin']:+.1f}", "text": "points over the better baseline"},
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
        f"{pretrained['steps']:,} steps over {pretrained['epochs']} passes through {pretrained['samples']:,} training "
        f"samples, {pretrained['samples_per_second']:,.0f} samples a second, "
        f"{percent(pretrained['data_wait_share'])} of the time waiting for data. The features use an effective "
        f"{health['effective_rank']:.0f} of {health['dimensions']:.0f} dimensions (1 would be a collapse), and the "
        f"spread of the normalised features is {health['spread']:.2f} (1: even; 0: all in one point)."
    )


def clustering(labelled: Mapping[str, Any], truth: Mapping[str, float | None] | None) -> str:
    """What the clusters are worth, by the labels' own evidence and by the truth where it is known."""
    text = f"{labelled['clusters']} clusters ({labelled['repaired']} were empty on the way and were filled again)."
    if labelled["churn"] is not None:
        text += f" Against the run before, {percent(labelled['churn'])} of the samples changed their cluster."
    if not labelled["named"]:
        return text + f" They have no class: {labelled['note'] or 'there are no labels'}."
    text += (
        f" {labelled['kept']:,} pseudo-labels are kept ({percent(labelled['kept_share'])} of the training samples), "
        f"those of confidence {labelled['threshold'] or 0:.2f} and more; held-out labels say that "
        f"{percent(labelled['estimated_precision'])} of them are right."
    )
    if truth:
        text += (
            f" The true labels, kept apart from training, say {percent(truth['kept_accuracy'])}; and "
            f"{percent(truth['all_accuracy'])} if all {truth['known']:,.0f} were kept."
        )
    return text


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


def planned(plan: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The figures behind the plan's decision, as rows of a table."""
    rows = [
        ("decision", WORDS[plan["decision"]]),
        ("champion at that time", f"version {plan['champion']}" if plan["champion"] else "none"),
        ("new samples", f"{plan['new_samples']:,} beside {plan['old_samples']:,} that it was trained on"),
        ("new or changed labels", f"{plan['new_labels']:,}"),
    ]
    if plan["drift"]:
        rows.append(("drift", "yes" if plan["drifted"] else "no"))
    if plan["age_days"] is not None:
        rows.append(("age of the champion", f"{plan['age_days']:.1f} days"))
    return rows


def rival(promoted: Mapping[str, Any]) -> str:
    """Who stood against whom."""
    if promoted["version"] is None:
        return "No model was judged."
    if promoted["promoted"]:
        before = promoted["previous_version"]
        whom = f"in place of version {before}" if before else "as the first champion"
        return f"Version {promoted['version']} was judged and is champion {whom}."
    stays = promoted["champion_version"]
    return f"Version {promoted['version']} was judged; " + (
        f"version {stays} stays champion." if stays else "there is no champion."
    )
