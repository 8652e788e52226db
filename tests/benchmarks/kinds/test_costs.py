import csv

import numpy as np
import pytest

from benchmarks.kinds import million, text_speed


def test_the_table_has_thirty_columns_and_the_same_bytes_again(tmp_path, monkeypatch):
    monkeypatch.setattr(million, "BLOCK", 1000)
    million.make(tmp_path / "a.csv", 2500)
    million.make(tmp_path / "b.csv", 2500)
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()
    with (tmp_path / "a.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["key"] for row in rows] == [f"r{n:07}" for n in range(2500)]
    assert len(rows[0]) == 30 + 2
    gaps = np.mean([row["measure_0"] == "" for row in rows])
    assert 0.07 < gaps < 0.13
    assert all(row["measure_1"] for row in rows)
    assert len({row["kind_5"] for row in rows}) > 20
    assert len({tuple(row.values())[1:] for row in rows}) == 2500


@pytest.mark.slow
def test_both_stages_are_measured(tmp_path):
    found = million.measure(tmp_path / "here", 3000)
    assert found["rows"] == 3000
    for stage in million.STAGES:
        assert found[f"{stage} seconds"] > 0.1
        assert found[f"{stage} cpu"] > 0.1
        assert 30 < found[f"{stage} MB"] < 1000


def test_no_room_is_said_before_anything_is_written(tmp_path):
    with pytest.raises(RuntimeError, match="has no room for a table of 1,000,000,000,000 rows"):
        million.measure(tmp_path / "here", 10**12)
    assert not list((tmp_path / "here").glob("*/*"))


def test_memory_counts_this_process():
    held = np.ones(50_000_000, np.uint8)
    with_it = million.memory()
    del held
    assert with_it - million.memory() == pytest.approx(48, abs=12)


def test_loop_and_bare_loop_see_the_same_texts(tmp_path, monkeypatch):
    monkeypatch.setattr(text_speed, "ENCODERS", {"text_bag": 600})
    monkeypatch.setattr(text_speed, "TURNS", 1)
    texts = [f"a lamp of colour {n % 17} in room {n}" for n in range(700)]
    found = text_speed.measure(texts, tmp_path)
    assert 0.1 < found["text_bag share of a bare loop"] < 1.5
    assert 0 <= found["text_bag waiting for data"] < 1
    assert found["text_bag tokens a second"] > 100


def test_tokens_are_counted(tmp_path):
    samples = text_speed.packed([b"one two", b"one two three four"], tmp_path)
    texts = samples.open()
    assert text_speed.tokens(samples) == np.mean([len(texts.row(0)), len(texts.row(1))])
