"""docs/few-labels.md: what was measured, and what it says.

Letters: T test items.
"""

from statistics import mean

import numpy as np

from benchmarks.fewlabels.verdict import OURS, Cell, Group, Results, Row, accuracy, compared, unpack

CHANCE = 1.5  # times the accuracy of a guess: at or below it nothing was learnt
HEAD = """# Few labels

Written by `benchmarks/few_labels.py` from `benchmarks/few_labels.json`. Accuracy in % on the test items, mean over
seeds of the averaged weights at the end; each seed draws other labels (equally many a class) and another
initialisation, and every method gets the same ones. `last`: mean of the last 3 of 10 evaluations of the live
weights, `best`: the best of them, chosen on the test items and so too good. The verdict is against `supervised`
(the same network, views, steps and labels, no unlabelled samples) from the same start, of peers against that from
scratch, by the 95 % interval of the paired difference (seeds and test items resampled); with one seed it is of
the test items alone. CPU s: of one training, one thread; blank where only wall time was taken.

`scratch`: from a random initialisation. `pretrained`: from an encoder that SimCLR trained on the same unlabelled
samples (one encoder, shared by the seeds), with the head that logistic regression finds on its features, the
encoder at half the head's rate. `pixels`, `features`: what scikit-learn's models see, pixels or the features of the
pretrained encoder. Every step takes 50 labelled and 200 unlabelled samples (Fashion-MNIST and MNIST-1D: 100);
AdamW at 2e-3 (from a pretrained encoder 6e-3) to 0, averaged weights at .99, in every set and for every method;
`fixmatch` has threshold .8, all else its defaults. CPU seconds were taken on a machine busy with other work.
"""


def table(results: Results, cell: tuple[str, str]) -> str:
    lines = []
    for (start, steps, method), found in results.cells[cell].items():
        said = ""
        if not (method == "supervised" and start in OURS):
            against = compared(found, results.base(cell, start, steps))
            said = f"{against[0]} ({against[1]:+.1f} to {against[2]:+.1f})" if against else ""
        own, reached = list(found.values()), accuracy(found)
        middle = [f"{100 * mean(r[k] for r in own):.1f}" if k in own[0] else "" for k in ("last", "best")]
        spread = (
            f" ± {100 * np.std([unpack(r['right']).mean() for r in own], ddof=1):.1f}" if len(own) > 1 else ""
        )
        cpu = f"{mean(r['seconds'] for r in own):.1f}" if all("seconds" in r for r in own) else ""
        cells = [method, start, steps or "", f"{reached:.1f}{spread}", *middle, said, len(own), cpu]
        lines.append((reached, "| " + " | ".join(map(str, cells)) + " |\n"))
    text = "| method | start | steps | accuracy | last | best | against supervised | seeds | CPU s |\n|"
    return text + "---|" * 9 + "\n" + "".join(line for _, line in sorted(lines, key=lambda pair: -pair[0]))


def warnings(results: Results, cell: tuple[str, str], classes: int) -> str:
    """A line for each training of ours at chance, or worse than supervised."""
    text = ""
    for (start, steps, method), found in results.cells[cell].items():
        if start not in OURS:
            continue
        where = f"`{method}`, {start}, {steps} steps"
        if accuracy(found) <= CHANCE * 100 / classes:
            text += f"\n**Warning**: {where}: at chance ({accuracy(found):.1f} %); nothing was learnt.\n"
        against = compared(found, results.base(cell, start, steps)) if method != "supervised" else None
        if against and against[0] == "worse":
            text += f"\n**Warning**: {where}: worse than the labels alone; do not use it here.\n"
    return text


def best(results: Results, cell: tuple[str, str], starts: tuple[str, ...]) -> tuple[Cell, Group] | None:
    """What reached most among those of the largest number of seeds, supervised alone left out of ours."""
    found = {
        at: group
        for at, group in results.cells[cell].items()
        if at[0] in starts and not (at[2] == "supervised" and at[0] in OURS)
    }
    seeds = max((len(group) for group in found.values()), default=0)
    whole = {at: group for at, group in found.items() if len(group) == seeds}
    return max(whole.items(), key=lambda pair: accuracy(pair[1])) if whole else None


def told(found: tuple[Cell, Group] | None) -> str:
    return f"{found[0][2]} {accuracy(found[1]):.1f}" if found else ""


def difference(found: Group, base: Group | None) -> str:
    against = compared(found, base)
    return f"{against[0]} ({against[1]:+.1f} to {against[2]:+.1f}), {against[3]} seeds" if against else ""


def summary(results: Results) -> str:
    """A line a cell: the best peer on pixels, supervised alone, the best of ours, and the differences."""
    text = "\n| set | labels | best peer on pixels | supervised alone | best from scratch | best pretrained |"
    text += " best of ours against that peer | against supervised, scratch |\n|" + "---|" * 8 + "\n"
    for cell in results.cells:
        peer, alone = best(results, cell, ("pixels",)), results.base(cell, "pixels", 0)
        ours = [best(results, cell, (start,)) for start in OURS]
        there = [group for _, group in filter(None, ours)]
        if not there:
            continue
        top = max(there, key=lambda group: (len(group), accuracy(group)))
        cells = [*cell, told(peer), f"{accuracy(alone):.1f}" if alone else "", *map(told, ours)]
        cells += [difference(top, peer[1] if peer else None), difference(top, alone)]
        text += "| " + " | ".join(cells) + " |\n"
    return text


def page(rows: list[Row], notes: str, classes: int = 10) -> str:
    """notes: Markdown that stands between the summary and the tables."""
    results = Results(rows)
    text = (
        HEAD + "\n![Accuracy by number of labels](few-labels.png)\n\n## In short\n" + summary(results) + notes
    )
    for cell in results.cells:
        text += (
            f"\n## {cell[0]}, {cell[1]} labels\n\n" + table(results, cell) + warnings(results, cell, classes)
        )
    return text
