"""Which models could have been served, what the labels said of each, and what would change the choice."""

from typing import Any

from pipelines.pages.wording import percent
from pipelines.registry.candidates import COMMITTEE, METHOD, TOLD

CHANGES = {
    METHOD: "More unlabelled samples of the same kind make it better still.",
    "plain": "More unlabelled samples give the encoder more to learn from, and from about 100 labels a class on "
    "networks usually pass it.",
    "boosting": "More unlabelled samples give the encoder more to learn from; on tables boosting often stays ahead.",
    "knn": "More labels let networks, and regression, pass it.",
    "probe": "More labels let all layers be trained.",
    "alone": "More unlabelled samples of the same kind as the labelled ones give the method more to learn from.",
    "published": "It was trained on other images; with more unlabelled samples of your own the own encoder catches up.",
    "scratch": "The encoder has learnt little that helps here: more unlabelled samples, other views or a longer "
    "pretraining change that.",
}


def rows(finetune: dict[str, Any]) -> list[dict[str, str]]:
    """A row a candidate, the best first, then what is served and why; none where there was no choice."""
    told = finetune.get("portfolio")
    if not told:
        return []
    ordered = sorted(told["rows"], key=lambda row: (-row["accuracy"], row["loss"]))
    made = [{"name": TOLD[row["name"]], "text": _judged(row)} for row in ordered]
    if told["served"] == COMMITTEE:
        mean = f"{percent(told['accuracy'])} of the held-out labels right, {told['loss']:.2f} nats."
        made.append({"name": "their mean", "text": mean})
    served = told["reason"][0].upper() + told["reason"][1:] + "."
    made.append({"name": "served", "text": f"{served} {CHANGES.get(told['served'], '')}".strip()})
    if start := finetune.get("start"):
        made.append({"name": "start", "text": start[0].upper() + start[1:] + "."})
    return made


def _judged(row: dict[str, Any]) -> str:
    weight = f"weight {percent(row['weight'])}" if row["weight"] else "no part"
    return f"{percent(row['accuracy'])} of the held-out labels right, {row['loss']:.2f} nats; {weight}."
