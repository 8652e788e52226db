import numpy as np
import pytest

from benchmarks import few_labels as bench
from components.semisupervised import METHODS


def data():
    labels = np.arange(120) % 4
    some = bench.ViewConfig(size=8)
    images = np.zeros((120, 1, 8, 8), dtype=np.uint8)
    return bench.Data(images, labels, np.arange(100), np.arange(100, 120), some, some, bench.ResnetConfig())


def test_right_and_wrong_are_packed_without_loss():
    right = np.random.default_rng(0).random(77) < 0.5
    assert np.array_equal(bench.unpack(bench.pack(right)), right)


def test_labels_are_drawn_equally_by_class_and_anew_for_each_seed():
    use = bench.draw(data(), "20", 0)
    assert np.bincount(data().labels[use]).tolist() == [5] * 4
    assert np.array_equal(use, bench.draw(data(), "20", 0))
    assert not np.array_equal(use, bench.draw(data(), "20", 1))
    assert len(bench.draw(data(), "all", 3)) == 100
    assert use.max() < 100


def test_the_verdict_follows_the_interval():
    rng = np.random.default_rng(1)
    base = [rng.random(500) < 0.7 for _ in range(3)]
    better = [b | (rng.random(500) < 0.5) for b in base]
    word, low, high = bench.verdict(better, base)
    assert word == "better"
    assert 0 < low < 0.15 < high
    assert bench.verdict(base, better)[0] == "worse"
    assert bench.verdict(base, base) == ("equal", 0.0, 0.0)
    one_lucky_seed = [better[0], *base[1:]]  # the other two seeds are equal: nothing is shown
    assert bench.verdict(one_lucky_seed, base)[0] == "equal"


def test_the_page_compares_what_was_measured_on_the_same_seeds():
    right, worse = np.ones(200, dtype=bool), np.arange(200) % 2 == 0
    at = {"set": "digits", "labels": "40", "start": "scratch", "steps": 9, "seconds": 1.0}
    ours = {**at, "method": "fixmatch"}
    rows = [
        {**at, "method": "supervised", "seed": 0, "last": 0.5, "best": 0.6, "right": bench.pack(worse)},
        {**ours, "seed": 0, "last": 0.9, "best": 1.0, "right": bench.pack(right)},
        {**ours, "seed": 1, "last": 0.7, "best": 0.8, "right": bench.pack(worse)},
    ]
    lines = bench.page(rows).splitlines()
    assert "## digits, 40 labels, scratch, 9 steps" in lines
    assert lines[-2].startswith("| fixmatch | 75.0 | 80.0 | 90.0 | better (+43")
    assert lines[-1].startswith("| supervised | 50.0 | 50.0 | 60.0 |  | 1 |")


@pytest.mark.parametrize("name", METHODS)
def test_every_method_has_a_configuration_here(name):
    assert bench.method_of(name, data()).name == name
