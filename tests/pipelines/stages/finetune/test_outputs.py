"""Who is asked how often two models agree, on answers made by hand."""

from types import SimpleNamespace

import numpy as np
import pytest

from components.evaluation.classification.agreement import temperature_for
from pipelines.stages.finetune import outputs


def test_the_methods_own_network_is_asked_not_the_one_that_the_labels_alone_are_part_of(monkeypatch):
    """Of four samples own and alone name two alike, served and alone three."""
    named = {"served": [0, 0, 0, 1], "own": [0, 0, 1, 1], "alone": [0, 0, 0, 0]}
    answers = {name: 3.0 * np.eye(2)[classes] for name, classes in named.items()}
    monkeypatch.setattr(outputs, "logits", lambda network, material, rows: answers[network][rows])
    monkeypatch.setattr(outputs, "final_parts", lambda trained: trained)
    frozen, material = SimpleNamespace(sampled=np.arange(4)), SimpleNamespace(labelled=np.array([9]))
    share, temperature = outputs.agreed("served", "own", "alone", frozen, material)
    assert share == 0.5
    assert temperature == pytest.approx(temperature_for(answers["served"], 0.5))
    assert outputs.agreed("served", "own", None, frozen, material) == (None, None)
    share, temperature = outputs.agreed("served", "own", "alone", frozen, material, most=0.4)
    assert share == 0.5
    assert temperature == pytest.approx(temperature_for(answers["served"], 0.4))
    said = outputs.temperature_note(2.0, 1.5, 0.5, 2.5, most=0.4)
    assert said.endswith("agree on 50.0%, more than the 40.0% that held-out labels leave possible")
