"""Who leads while a fine-tuning runs, and which model can be used meanwhile, on answers made by hand."""

from pathlib import Path

import numpy as np
import torch

from components.encoders import build_encoder
from components.encoders.resnet import ResnetConfig
from components.modalities.image.config import image_packing
from components.registry.model import ModelConfig, load_classifier
from components.training.finetune import Network
from pipelines.stages.finetune.cross_fit import Held
from pipelines.stages.finetune.lead import EARLY, Leaderboard, leading
from tests.pipelines.stages.finetune.meters import meter

ENCODER = ResnetConfig(widths=(4,), blocks=(1,))
MODEL = ModelConfig(encoder=ENCODER, packing=image_packing(1, size=8), classes=["a", "b"])


def held(right: int, of: int = 100, sure: float = 1.0) -> Held:
    """The first `right` of so many labels of class 0 answered right, the others not."""
    answers = np.where(np.arange(of) < right, 0, 1)
    zeros = np.zeros(of, dtype=np.int64)
    return Held(sure * np.eye(2)[answers], zeros, np.arange(of), zeros)


def network(seed: int):
    torch.manual_seed(seed)
    encoder = build_encoder(ENCODER, MODEL.packing)
    return lambda: (Network(encoder, torch.nn.Linear(encoder.feature_dim, 2)), ENCODER)


def test_the_leader_is_told_first_and_what_comes_next() -> None:
    said = leading({"probe": held(65), "plain": held(71), "alone": held(60)}, "fixmatch from random")
    assert said == (
        "so far logistic regression on plain features leads with 71.0% of held-out labels (a head on the "
        "frozen encoder 65.0%, "
        "the encoder trained on the labels alone 60.0%); tried next: fixmatch from random"
    )
    assert leading({"plain": held(71)}, "x") == (
        "so far logistic regression on plain features leads with 71.0% of held-out labels; tried next: x"
    )
    even = {"alone": held(71, sure=5.0), "probe": held(71)}  # as many right, and less sure of its errors
    assert leading(even, "x").startswith("so far a head on the frozen encoder leads")


def test_the_best_that_has_a_network_can_be_used_until_the_stage_ends(tmp_path: Path) -> None:
    """alone leads first, and has no network of all labels; then one comes; then the method leads without one."""
    made = meter(tmp_path)
    lead, context = Leaderboard(MODEL, made), made.context
    lead.tell({"plain": held(50), "probe": held(60)}, {"plain": network(0), "probe": network(1)}, "x")
    first = tmp_path / EARLY / "probe"
    lead.tell({"alone": held(70)}, {}, "x")
    lead.tell({"scratch": held(40)}, {"alone": network(2)}, "x")
    lead.tell({"method": held(80)}, {}, "x")
    expected = [
        ("a head on the frozen encoder", first, 0.6),
        ("a head on the frozen encoder", first, 0.7),
        ("the encoder trained on the labels alone", tmp_path / EARLY / "alone", 0.7),
        ("the encoder trained on the labels alone", tmp_path / EARLY / "alone", 0.8),
    ]
    assert [
        (told["model"], Path(told["folder"]), max(told["candidates"].values())) for told in context.leads
    ] == expected
    last = context.leads[-1]
    assert list(last["candidates"].items())[:2] == [
        ("the method's network", 0.8), ("the encoder trained on the labels alone", 0.7),
    ]  # fmt: skip
    assert 0 <= last["seconds"] < 60
    kept = [text for text in context.said if "model, " in text]
    assert [text.partition(" model")[0] for text in kept] == ["a first", "a better"]
    assert f"lies in {first} while this stage runs" in kept[0]

    classifier, (own, _) = load_classifier(first), network(1)()
    assert classifier.config.classes == ["a", "b"]
    assert classifier.config.temperature == held(60).temperature
    x = torch.rand(3, 1, 8, 8)
    with torch.no_grad():
        assert torch.equal(classifier.encoder(x), own.encoder.eval()(x))
    assert lead.accuracies() == {"plain": 0.5, "probe": 0.6, "alone": 0.7, "scratch": 0.4, "method": 0.8}
    lead.end()
    assert not (tmp_path / EARLY).exists()


def test_where_no_label_can_be_held_out_the_head_can_be_used_and_nobody_leads(tmp_path: Path) -> None:
    made = meter(tmp_path)
    Leaderboard(MODEL, made).tell({}, {"plain": network(0), "probe": network(1)}, "x")
    (told,) = made.context.leads
    assert (told["candidates"], told["model"]) == ({}, "a head on the frozen encoder")
    assert load_classifier(Path(told["folder"])).config.temperature == 1.0
    assert not any("leads" in text for text in made.context.said)
