"""What suits the data that a survey found: the values, and the recipe that says them with their reasons."""

import re
from collections.abc import Sequence

import yaml

from components.errors import UserError
from components.training.defaults import defaults, learning_rate
from pipelines.onboarding.survey import Found

Values = dict[str, int | float | None]
UNUSED = "  # the least: detectors look at the columns alone, unless finetune.features says otherwise"
TEST_SHARE = 0.2  # of all samples
BUDGET = 360.0  # seconds of a whole run to aim at, on two cores
PRETRAINING, TUNING = 1 / 3, 0.4  # of them; the rest is for the views, the candidates and what measures them
STEPS, FEWEST = 400, 150  # of fine-tuning, at most and at least
VIEWS = (
    1.75 * 450
)  # a step: 50 labels with four unlabelled samples in two views each; folds take three quarters more


def seconds_of(text: str) -> float:
    """Of a budget: "90 s": 90; "6 min": 360; "1.5 h": 5,400.

    Raises:
        UserError: another text.
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(s|min|h)\s*", text)
    if found is None or float(found[1]) == 0:
        raise UserError(
            "invalid-option", f"a budget is a number above 0 and s, min or h, such as '6 min'; got {text!r}"
        )
    return float(found[1]) * {"s": 1, "min": 60, "h": 3600}[found[2]]


def suited(found: Found, budget: float = BUDGET) -> Values:
    """Values that suit the data, for a whole run of `budget` seconds on two cores; the rule is
    components.training.defaults. The longest pretraining of few samples, and the shortest of many, may take it beyond
    that."""
    classes, samples = len(found.labels.classes), found.samples
    train, speed = int(samples * 0.8), found.look.suited(samples).speed
    unused = _unused(found)
    rule = defaults(train, classes=classes or None, speed=speed, seconds=budget * PRETRAINING)
    labels = found.labels.total - found.labels.tests
    return {
        "batch_size": rule.batch_size,
        "epochs": 1 if unused else rule.epochs,
        "seconds": rule.seconds / rule.epochs if unused else rule.seconds,
        "budget": budget,
        "steps": max(FEWEST, min(STEPS, round(budget * TUNING * 2 * speed / VIEWS))),
        "learning_rate": learning_rate("adamw", rule.batch_size),
        "prototypes": rule.numbers.prototypes,
        "queue": rule.numbers.queue,
        "freeze": rule.numbers.freeze,
        "epsilon": rule.numbers.epsilon,
        "clusters": max(2, min(3 * classes, train // 10)) if classes >= 2 else None,
        "label_batch": max(2, min(50, labels) // 2 * 2) if labels else None,
        "test_share": 0 if found.labels.unused else TEST_SHARE,
        "max_bad_share": 0.05 if found.bad_share <= 0.04 else min(1.0, round(2 * found.bad_share + 0.01, 2)),
    }


def render(
    name: str,
    inbox: str,
    found: Found,
    values: Values,
    policies: Sequence[str],
    table: str | None = None,
    task: str = "",
) -> str:
    """The recipe as text, with the reasons as comments. policies: of views of this kind of data. task: its line, empty
    for classes."""
    own, classes = found.look.suited(found.samples), len(found.labels.classes)
    whence = {
        "file": "label files, or a column label",
        "folders": "a file's folder is its class; a label file corrects it",
        None: "no labels yet",
    }
    reason = (
        f"about three for each of {classes} classes" if values["clusters"] else "by the number of samples"
    )
    swav = ", ".join(f"{name}: {values[name]}" for name in ("prototypes", "queue", "freeze", "epsilon"))
    tests = (
        "unused: test items are named"
        if found.labels.split
        else "of each sample a part is held out, and no sample as a whole"
        if found.labels.unused
        else "of all samples, never trained on"
    )
    extra = f"  table: {_quoted(table)}  # new rows in it arrive at each ingest\n" if table else ""
    if found.labels.ignored:
        words = ", ".join(_quoted(word) for word in dict.fromkeys(w.lower() for w in found.labels.ignored))
        extra += (
            f"  unlabelled: [{words}]  # folders and labels that mean no label; take out what is a class\n"
        )
    extra += _links(found)
    steps = int(values["steps"] or 0)
    lines = (
        [f"batch_size: {values['label_batch']}  # labels a step", *own.finetune]
        if values["label_batch"] and not (found.labels.detected or found.labels.masks)
        else []
    )
    if lines and steps < STEPS:
        folds = f"fold_steps: {steps // 2}" if found.labels.numbers else f"cross_fit: {{steps: {steps // 4}}}"
        lines += [f"steps: {steps}", folds]
    tuning = "\nfinetune:\n" + "".join(f"  {line}\n" for line in lines) if lines else ""
    others = [name for name in ("measured", *policies) if name != own.views]
    return f"""\
# Written by `selfsup init` from {found.samples} samples; yours to change. `selfsup check` tells of mistakes.
# For {_duration(float(values["budget"] or 0))} a run on two cores; for another, `selfsup init --budget '20 min'`.
name: {name}
seed: 0
modality: {own.modality}  # {own.why}
{task}inbox: {_quoted(inbox)}
schedule: null  # or a cron expression

ingest:
  labels_from: {found.labels.labels_from or "file"}  # {whence.get(found.labels.labels_from or "", "none yet")}
{extra}  max_bad_share: {values["max_bad_share"]}  # a larger share of bad samples in a delivery, if many, stops the run

snapshot:
  test_share: {values["test_share"]}  # {tests}

pretrain:
  objective: {own.objective}  # or swav with {swav}; `selfsup choose` compares
  views: {own.views}  # or {", ".join(others)}; finetune.views says the same of fine-tuning
  encoder: {own.encoder}
  train:  # {_duration(float(values["seconds"] or 0))} on two cores
    epochs: {values["epochs"]}{UNUSED if _unused(found) else ""}
    batch_size: {values["batch_size"]}
    optimiser: {{name: adamw, learning_rate: {values["learning_rate"]}}}

pseudo_label:
  clusters: {values["clusters"] or "auto"}  # {reason}
{tuning}"""


def _unused(found: Found) -> bool:
    """Whether nothing will look at what pretraining learns."""
    return found.labels.detected and found.look.suited(found.samples).plain_detection


def _links(found: Found) -> str:
    if not found.links:
        return ""
    return f"  links: [{', '.join(_quoted(str(place)) for place in found.links)}]  # where links may lead\n"


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"about {max(1, round(seconds))} s"
    if seconds < 5400:
        return f"about {max(1, round(seconds / 60))} min"
    return f"about {seconds / 3600:.0f} h"


def _quoted(text: str) -> str:
    return yaml.safe_dump(text, width=10_000).removesuffix("\n...\n").strip()
