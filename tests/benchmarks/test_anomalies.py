"""The benchmark of anomalies: what it reads, and that its methods see no test label."""

import csv

import numpy as np
import pytest

from benchmarks import anomalies


def write(file, rows=120, odd=12):
    random = np.random.default_rng(0)
    with file.open("w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(["a", "b", "kind"])
        for row in range(rows):
            far = row < odd
            writer.writerow([*(random.normal(size=2) + 6 * far).round(4), "odd" if far else "usual"])
    return file


def test_what_is_read_and_how_a_class_becomes_rare(tmp_path):
    file = write(tmp_path / "set.csv")
    x, odd = anomalies.read(file, "kind", "odd", None)
    assert x.shape == (120, 2)
    assert odd.sum() == 12
    fewer, rare = anomalies.read(file, "kind", "odd", 5)
    assert (len(fewer), rare.sum()) == (113, 5)


def test_all_methods_on_one_split(tmp_path):
    found = anomalies.one(*anomalies.read(write(tmp_path / "set.csv"), "kind", "odd", None), seed=0)
    assert list(found) == ["isolation forest", "ECOD", "no label", "1 % labelled", "best detector"]
    assert found["no label"] > 0.8
    assert all(0 < value <= 1 for value in found.values())


def test_the_example(tmp_path):
    x, odd = anomalies.example()
    assert x.shape == (6000, 9)
    assert odd.mean() == pytest.approx(0.0758, abs=1e-3)
