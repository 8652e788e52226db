import numpy as np

from benchmarks.fewlabels.page import page
from benchmarks.fewlabels.verdict import pack

AT = {
    "set": "digits",
    "labels": "40",
    "start": "scratch",
    "steps": 9,
    "seconds": 1.0,
    "last": 0.5,
    "best": 0.6,
}


def row(method, seed, right, **other):
    return {**AT, "method": method, "seed": seed, "right": pack(np.asarray(right)), **other}


ALL, HALF, NONE = np.ones(200, dtype=bool), np.arange(200) % 2 == 0, np.zeros(200, dtype=bool)


def lines(rows):
    return page(rows, "\n").splitlines()


def test_the_page_compares_what_was_measured_on_the_same_seeds():
    found = lines(
        [
            row("supervised", 0, HALF),
            row("fixmatch", 0, ALL, last=0.9, best=1.0),
            row("fixmatch", 1, HALF, last=0.7, best=0.8),
        ]
    )
    assert "## digits, 40 labels" in found
    assert found[-2].startswith("| fixmatch | scratch | 9 | 75.0 ± 35.4 | 80.0 | 90.0 | better (+43")
    assert found[-1].startswith("| supervised | scratch | 9 | 50.0 | 50.0 | 60.0 |  | 1 | 1.0 |")


def test_peers_are_compared_with_supervised_from_scratch_and_a_start_with_its_own():
    found = lines(
        [
            row("supervised", 0, HALF),
            row("supervised", 0, ALL, start="pretrained"),
            row("uda", 0, HALF, start="pretrained"),
            row("SVC", 0, ALL, start="pixels", steps=0),
        ]
    )
    assert any(line.startswith("| SVC | pixels |  | 100.0 |") and "| better (" in line for line in found)
    assert any(line.startswith("| uda | pretrained | 9 | 50.0 |") and "| worse (" in line for line in found)


def test_what_hurts_or_learnt_nothing_is_warned_of_and_nothing_else():
    rows = [
        row("supervised", 0, HALF),
        row("uda", 0, ALL),
        row("m2", 0, np.arange(200) % 3 == 0),
        row("vat", 0, NONE),
    ]
    found = [line for line in lines(rows) if line.startswith("**Warning**")]
    assert [line.split("`")[1] for line in found] == ["m2", "vat", "vat"]
    assert "worse than the labels alone" in found[0]
    assert "at chance (0.0 %)" in found[1]


def test_the_summary_takes_the_best_of_those_with_most_seeds():
    rows = [row("supervised", seed, HALF) for seed in (0, 1)]
    rows += [row("uda", seed, np.arange(200) % 4 > 0) for seed in (0, 1)]
    rows += [row("vat", 0, ALL)]  # one seed: not judged
    rows += [row("SVC", seed, np.arange(200) % 5 > 1, start="pixels", steps=0) for seed in (0, 1)]
    (line,) = [line for line in lines(rows) if line.startswith("| digits | 40 |")]
    assert line.startswith("| digits | 40 | SVC 60.0 | 50.0 | uda 75.0 |  | better (+")
    assert line.count("2 seeds") == 2
