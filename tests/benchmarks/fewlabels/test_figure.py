import numpy as np
import pytest

from benchmarks.fewlabels.figure import draw, lines
from benchmarks.fewlabels.verdict import Results, pack

HALF, ALL = np.arange(200) % 2 == 0, np.ones(200, dtype=bool)


def row(labels, seed, right, steps=9, method="fixmatch"):
    at = {
        "set": "digits",
        "labels": labels,
        "start": "scratch",
        "steps": steps,
        "method": method,
        "seed": seed,
    }
    return {**at, "right": pack(right)}


def test_a_line_needs_two_numbers_of_labels_with_two_seeds_each_and_takes_the_better_steps(tmp_path):
    rows = [row(labels, seed, HALF) for labels in ("10", "100") for seed in (0, 1)]
    rows += [row("100", 0, ALL, 20), row("100", 1, HALF, 20), row("400", 0, ALL)]
    (points,) = lines(Results(rows), "digits").values()
    assert points[0] == (0, 50, 0)
    assert points[1] == pytest.approx((2, 75, 100 * 0.5 / np.sqrt(2)))
    assert len(points) == 2
    assert lines(Results(rows[:2]), "digits") == {}
    others = [row(labels, seed, ALL, method="uda") for labels in ("10", "100") for seed in (0, 1)]
    assert len(lines(Results([*rows, *others]), "digits")) == 1, "the page alone has the others"
    draw(rows, tmp_path / "page.png")
    assert (tmp_path / "page.png").read_bytes()[:4] == b"\x89PNG"
