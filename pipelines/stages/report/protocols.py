"""The protocols that the recipe asked for: a sentence each, and a figure of accuracy against damage."""

from typing import Any

import numpy as np

from pipelines.pages import charts
from pipelines.pages.wording import percent

Figures = dict[str, float]
SEVERITIES = (1, 2, 3, 4, 5)

LEARNT = {
    "fine_tuning": "all layers, each nearer to the pixels at three quarters of the rate",
    "freezing": "the head alone",
    "lora": "low-rank deltas of rank 8 beside each layer, and the head",
}


def sections(found: dict[str, Any]) -> dict[str, Any]:
    """The values of the page; found: the output of evaluate."""
    given = found.get("protocols") or {"figures": {}, "left_out": {}}
    figures: dict[str, Figures] = given["figures"]
    rows = [{"name": readable(name), "text": sentence(name, one)} for name, one in figures.items()]
    rows += [{"name": readable(name), "text": f"left out: {why}"} for name, why in given["left_out"].items()]
    damaged = figures.get("corruptions")
    return {"protocols": rows, "corruptions_chart": falling(damaged) if damaged else ""}


def sentence(name: str, of: Figures) -> str:
    """What a protocol found, for a person."""
    if name == "retrieval":
        return (
            f"The nearest of the other test samples is of the same class in {percent(of['recall_1'])}, one of the ten "
            f"nearest in {percent(of['recall_10'])}; mAP@R {of['map_at_r']:.3f} ({_of(of)}, frozen features)."
        )
    if name == "clustering":
        return (
            f"As many clusters as classes, made without labels, name {percent(of['accuracy'])} right at best; NMI "
            f"{of['nmi']:.3f}, ARI {of['ari']:.3f} ({_of(of)})."
        )
    if name == "corruptions":
        return (
            f"Accuracy is {percent(of['clean'])} on the pictures as they are and {percent(of['mean'])} on average over "
            f"four kinds of damage at five severities ({_of(of)}, the fine-tuned model)."
        )
    if name == "low_shot":
        each = [
            f"{percent(of[f'accuracy_{n}_percent'])} (± {percent(of[f'deviation_{n}_percent'])}) with {n} % of the "
            f"labels, which is {of[f'labels_{n}_percent']:.0f}"
            for n in (1, 10)
        ]
        return f"A linear probe on frozen features is right in {', and in '.join(each)}."
    if name in LEARNT:
        return f"{LEARNT[name].capitalize()}, trained on {of['labels']:.0f} labels: right in {percent(of['accuracy'])}."
    if name == "pair_retrieval":
        each = [
            f"the {sought} of {asking} is the first of {of['samples']:.0f} in {_share(of, f'{way}_1')}, among the "
            f"first ten in {_share(of, f'{way}_10')} (ridge regression between both encoders "
            f"{percent(of[f'ridge_{way}_10'])}, between pixels and tf-idf {percent(of[f'plain_{way}_10'])})"
            for way, asking, sought in (
                ("image_to_text", "an image", "caption"),
                ("text_to_image", "a caption", "image"),
            )
        ]
        return f"Among test pairs {', and '.join(each)}."
    if name == "zero_shot":
        return (
            f"By the names of the classes alone, without a label, {_share(of, 'accuracy')} of the images are right; "
            f"the most frequent class would be in {percent(of['most_frequent'])}."
        )
    if name == "segmentation":
        return (
            f"A linear layer on frozen maps names the pixels of {of['scenes']:.0f} composed scenes with a mean overlap "
            f"of {of['mean_iou']:.3f}; {of['nothing']:.3f} would come of answering background."
        )
    return (
        f"A small head on frozen maps finds the objects of {of['scenes']:.0f} composed scenes with an average "
        f"precision of {of['average_precision']:.3f}."
    )


def _share(of: Figures, name: str) -> str:
    """A share with its interval."""
    return f"{percent(of[name])} ({percent(of[f'{name}_low'])} to {percent(of[f'{name}_high'])})"


def falling(of: Figures) -> str:
    """Accuracy against severity, a line a kind of damage; severity 0 is the picture as it is."""
    kinds = [name.removesuffix("_1") for name in of if name.endswith("_1")]
    with charts.drawing(4.6, 2.9) as (figure, axes):
        for kind, colour in zip(kinds, charts.COLOURS, strict=False):
            values = [of["clean"], *(of[f"{kind}_{s}"] for s in SEVERITIES)]
            axes.plot(np.arange(6), values, color=colour, marker="o", markersize=3.5, label=kind)
        axes.set_ylim(0, 1)
        axes.set_xlabel("severity of the damage")
        axes.set_ylabel("accuracy on test samples")
        axes.legend(fontsize=7)
        return charts.uri(figure)


def readable(name: str) -> str:
    return {"lora": "LoRA", "low_shot": "1 % and 10 % of the labels"}.get(name, name.replace("_", "-"))


def _of(figures: Figures) -> str:
    return f"{figures['samples']:,.0f} test samples"
