import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import retrain as bench
from components.training.warm_start import WarmConfig
from pipelines.recipe import load

FIGURES = ("accuracy", "probe", "pretrain seconds", "steps", "all seconds")


def row(warm: list[int], scratch: list[int], seconds: float = 50, commit: str = "a" * 40) -> dict[str, Any]:
    """Items that are right; champion and probe as scratch; scratch takes 100 seconds and steps."""
    right = {"champion": scratch, "warm": warm, "scratch": scratch}
    figures = {f"{way} {name}": float(np.mean(items)) for way, items in right.items() for name in FIGURES[:2]}
    figures |= {f"{way} {name}": 100.0 for way in right for name in FIGURES[2:]}
    figures |= {f"warm {name}": seconds for name in FIGURES[2:]}
    return {"commit": commit, "warm": WarmConfig().model_dump(), "figures": figures, "right": right}


ONE, TWO = row([1, 1, 1, 0], [1, 1, 0, 0]), row([0, 1, 1, 0], [0, 1, 1, 1], seconds=40)


def test_the_interval_over_seeds_is_students() -> None:
    """1, 2, 3: deviation 1, t of two degrees of freedom 4.303."""
    found = bench.over_seeds([1.0, 2.0, 3.0])
    assert found.value == 2.0
    assert (found.low, found.high) == pytest.approx((2 - 4.3027 / 3**0.5, 2 + 4.3027 / 3**0.5), abs=1e-4)
    assert math.isnan(bench.over_seeds([1.0]).low)


def test_items_are_paired_and_resampled_as_means_over_seeds() -> None:
    """The items' mean differences are 0, 0, .5, -.5: their mean is 0 and a resample's at most .5 from it."""
    found = bench.over_items([ONE, TWO])
    assert found.value == 0
    assert -0.5 <= found.low < 0 < found.high <= 0.5
    same = bench.over_items([row([1, 0] * 50, [1, 0] * 50)])
    assert (same.value, same.low, same.high) == (0, 0, 0)


def test_the_page_says_figures_intervals_commit_and_settings() -> None:
    text = bench.page([ONE, TWO])
    assert "2 seeds" in text
    assert "at commit aaaaaaa; warm start: epochs 0.7, replay 1, rate 1." in text
    lines = text.splitlines()
    accuracy = next(line for line in lines if line.startswith("| accuracy"))
    assert accuracy.split(" | ")[4] == "0.0000 ± 0.3536"
    assert accuracy.split(" | ")[5] == "-3.1766 to +3.1766"  # 12.706 * .3536 / sqrt 2
    seconds = next(line for line in lines if line.startswith("| pretrain seconds"))
    assert seconds.split(" | ")[2:4] == ["45 ± 7", "100 ± 0"]
    assert seconds.endswith("| 0.45 |")
    assert lines[-1] == "| 1 | 0.7500 | 0.5000 | 0.7500 | -0.2500 |"


def test_rows_of_several_commits_are_told() -> None:
    other = row([1, 0], [1, 0], commit="b" * 40 + "+changes")
    assert "at commit aaaaaaa, bbbbbbb+changes;" in bench.page([row([1, 0], [1, 0]), other])


def test_one_seed_has_no_interval() -> None:
    accuracy = next(line for line in bench.page([ONE]).splitlines() if line.startswith("| accuracy"))
    assert accuracy.split(" | ")[4:6] == ["0.2500", ""]


def test_all_ways_are_the_quickstart(tmp_path: Path) -> None:
    recipe = bench.variant(3, tmp_path, 2, None)
    shipped = load(bench.ROOT / "recipes" / "quickstart.yaml")
    assert (recipe.seed, recipe.inbox) == (3, tmp_path)
    assert recipe.sections["pretrain"]["train"]["epochs"] == 2
    assert recipe.sections["pretrain"]["objective"] == shipped.sections["pretrain"]["objective"]
    assert recipe.sections["finetune"]["steps"] == shipped.sections["finetune"]["steps"]
