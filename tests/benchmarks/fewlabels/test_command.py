import argparse
import json

import numpy as np
import pytest

from benchmarks.fewlabels import command
from benchmarks.fewlabels.sets import Data
from benchmarks.fewlabels.verdict import pack
from components.encoders.resnet import ResnetConfig
from components.modalities.image.augment import ViewConfig


@pytest.fixture
def asked(monkeypatch, tmp_path):
    """The methods that were trained, with every measurement replaced by a stand-in."""
    look, trained = ViewConfig(size=8), []
    images, labels = np.full((60, 1, 8, 8), 9, np.uint8), np.arange(60) % 2
    images[::2] = 200
    small = ResnetConfig(widths=(4,), blocks=(1,))
    found = Data(images, labels, np.arange(40), np.arange(40, 60), look, look, look, small)
    row = {"right": pack(np.ones(20, dtype=bool)), "seconds": 1.0}
    monkeypatch.setattr(command, "SETS", {"digits": lambda: found})
    monkeypatch.setattr(command, "RESULTS", tmp_path / "rows.json")
    monkeypatch.setattr(command, "peer", lambda data, x, t, name, use: row)
    monkeypatch.setattr(
        command, "measure", lambda *given: trained.append(given[1]) or {**row, "last": 1.0, "best": 1.0}
    )
    return trained


def given(*methods, **other):
    base = {
        "sets": ["digits"],
        "labels": ["10"],
        "seeds": [0],
        "starts": ["scratch"],
        "steps": 9,
        "budget": 60.0,
    }
    base |= {"methods": methods, "encoders": None, "again": False, "quick": True}
    return argparse.Namespace(**{**base, **other})


def test_what_is_in_the_file_is_not_measured_again_unless_asked_for(asked):
    command.fill(given("uda"), command.Kept())
    command.fill(given("uda", "vat"), command.Kept())
    assert asked == ["uda", "vat"]
    command.fill(given("uda", again=True), command.Kept())
    assert asked == ["uda", "vat", "uda"]
    rows = json.loads(command.RESULTS.read_text())
    assert [row["method"] for row in rows if row["start"] == "scratch"] == ["uda", "vat"]
    assert {row["method"] for row in rows if row["start"] == "pixels"} == {
        "SVC (scikit-learn)",
        "logistic regression (scikit-learn)",
    }


def test_no_training_begins_when_the_budget_is_spent(asked, capsys):
    command.fill(given("uda", budget=-1.0), command.Kept())
    assert asked == []
    assert "budget spent" in capsys.readouterr().out
