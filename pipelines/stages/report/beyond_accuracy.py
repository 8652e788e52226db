"""What else speaks for or against the model, in words and pictures: its method's worth, labels saved, sets of
classes, doubtful labels, strange samples."""

from typing import Any

from components.wording import counted
from pipelines.pages import charts
from pipelines.pages.sources import Sources
from pipelines.pages.wording import percent

Found = dict[str, Any]  # the output of evaluate, or a part of it
SHOWN = 12
POINTS = (
    ("model", "this model", charts.INK),
    ("alone", "same encoder, labels alone", charts.ACCENT),
    ("scratch", "same network from random", charts.SECOND),
)


def sections(found: Found, sources: Sources) -> dict[str, Any]:
    """The values of the page; empty where something was not measured."""
    saved, kept, benefit = found.get("saving"), found.get("sets"), found.get("benefit") or {}
    doubted, strange = found.get("suspects"), found.get("outliers")
    return {
        "benefit": benefit.get("line", ""),
        "warnings": benefit.get("warnings", []),
        "saving": saving(saved) if saved else "",
        "saving_chart": curves(saved, found["intervals"]) if saved else "",
        "sets": sets(kept) if kept else "",
        "suspects": suspects(doubted) if doubted else "",
        "suspected": [
            _picture(
                sources,
                s["row"],
                f"{s['label']}; rather {s['likely']}? (wrong with probability {s['wrong']:.2f})",
            )
            for s in (doubted or {"worst": []})["worst"][:SHOWN]
        ],
        "outliers": outliers(strange) if strange else "",
        "outlier_samples": [
            _picture(sources, s["row"], f"{s['score']:.1f}")
            for s in (strange or {"samples": []})["samples"][:SHOWN]
        ],
    }


def saving(saved: Found) -> str:
    """With so many labels you have what supervised learning needs so many for; and what is out of reach."""
    every = saved["sizes"][-1]
    text = (
        "The same labels again, fewer of them. The two curves are of one kind of classifier, logistic regression, once "
        "on the frozen features learnt without labels and once on the pixels; the networks that were trained on "
        f"through all layers are the points at {every}, with their 95 % intervals. "
    )
    if saved["labels"] is None:
        text += f"With all {every} labels the features do not give what supervised learning gives with them"
        text += f"{_from(saved, 'labels')}. "
    else:
        text += (
            f"With {saved['labels']:.0f} labels ({_between(saved, 'labels', every)}) the features give what "
        )
        text += f"supervised learning needs all {every} for. "
    if saved["needed"] is None:
        return f"{text}What they give with all {every} takes it more labels than there are{_from(saved, 'needed')}."
    return (
        f"{text}What they give with all {every} it reaches with {saved['needed']:.0f} "
        f"({_between(saved, 'needed', every)})."
    )


def curves(saved: Found, intervals: Found) -> str:
    """Accuracy over the number of labels of both regressions; the trained networks as points with their intervals."""
    sizes = saved["sizes"]
    with charts.drawing(4.8, 3.1) as (figure, axes):
        for name, label, colour in (
            ("ours", "features", charts.ACCENT),
            ("alone", "plain features", charts.SECOND),
        ):
            axes.plot(sizes, saved[name], color=colour, marker="o", markersize=3.5, label=label)
        for place, (name, label, colour) in enumerate(POINTS):
            if name in intervals:
                f = intervals[name]
                reach = [[f["value"] - f["low"]], [f["high"] - f["value"]]]
                axes.errorbar(
                    [sizes[-1] * 1.1**place], [f["value"]], yerr=reach, color=colour, marker="*", linestyle="",
                    capsize=2, label=label,
                )  # fmt: skip
        axes.set_xscale("log")
        axes.set_xticks(sizes, [str(size) for size in sizes])
        axes.minorticks_off()
        axes.set_xlabel("labels")
        axes.set_ylabel("accuracy on the test samples")
        axes.legend(fontsize=7)
        return charts.uri(figure)


def sets(kept: Found) -> str:
    cover = kept["coverage"]
    text = (
        f"Where one class is too bold, the model names several: sets that hold the true class in "
        f"{percent(kept['promised'], 0)} of the samples were promised, and hold it in {percent(cover['value'])} of the "
        f"test samples ({percent(cover['low'])} to {percent(cover['high'])}; least often for {kept['worst_class']}, "
        f"{percent(kept['worst_coverage'])}). They have {kept['size']:.2f} classes on average"
    )
    if kept["single_right"] is None:
        return f"{text}, and never one alone."
    return f"{text}; {percent(kept['single'])} have one alone, which is right in {percent(kept['single_right'])}."


def suspects(doubted: Found) -> str:
    """How many labels are probably wrong and how many of these are, by estimate; or why none is named."""
    found, checked = doubted["found"], counted(doubted["checked"], "label")
    if doubted["why"]:
        return f"No label is named as probably wrong: {doubted['why']}."
    if not found:
        return f"{checked}, judged by models that had not seen them: none looks wrong."
    shown = min(SHOWN, found)
    return (
        f"{found} of {checked} {'is' if found == 1 else 'are'} probably wrong: models that had not seen "
        f"{'it' if found == 1 else 'them'} predict another class more often than their own errors explain. "
        f"An estimated {percent(doubted['precision'], 0)} of those named are wrong, the others are hard samples. "
        f"Look at these first{_first(shown, found)}."
    )


def outliers(strange: Found) -> str:
    alarms = strange["false_alarms"]
    return (
        f"A sample counts as an outlier where its distance to every group of samples is above {strange['limit']:.1f}; "
        f"{percent(strange['rate'], 0)} of ordinary samples may be, and {percent(alarms['value'])} of the test samples "
        f"are ({percent(alarms['low'])} to {percent(alarms['high'])}). The most unusual training samples, with their "
        "distance: damaged, foreign, or rare."
    )


def _picture(sources: Sources, row: int, text: str) -> dict[str, str]:
    return {"sample": sources.sheet([row]), "text": text}


def _count(value: float | None, every: int) -> str:
    return f"more than {every}" if value is None else f"{value:.0f}"


def _from(saved: Found, name: str) -> str:
    """Where the interval of what is out of reach begins within reach."""
    low = saved[f"{name}_low"]
    return "" if low is None else f" (95 % interval from {low:.0f} on)"


def _between(saved: Found, name: str, every: int) -> str:
    low, high = (_count(saved[f"{name}_{side}"], every) for side in ("low", "high"))
    return f"95 % interval {low} to {high}"


def _first(shown: int, found: int) -> str:
    return "" if shown == found else f" ({shown} shown)"
