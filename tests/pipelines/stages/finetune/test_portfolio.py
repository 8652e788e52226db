"""Which candidate is served, on answers made by hand; that the networks answer what the candidates do."""

import numpy as np
import pytest
import torch
from torch import nn

from components.data.packed import PackedArray
from components.encoders import build_encoder
from components.encoders.pixels import PixelsConfig
from components.encoders.resnet import ResnetConfig
from components.evaluation.classification.baselines import fit_plain, pixels
from components.modalities.image.config import image_packing
from components.modalities.image.views import ImageViews
from components.modalities.table.views import TableViews
from components.registry.model import ModelConfig
from components.training.device import place
from components.training.finetune import Material, Network
from pipelines.registry.candidates import COMMITTEE
from pipelines.stages.finetune.config import PortfolioConfig
from pipelines.stages.finetune.cross_fit import Held
from pipelines.stages.finetune.linear_models import on_plain_features, plain_features
from pipelines.stages.finetune.portfolio import Candidate, Rival, ahead, choose, joined, lines, prior

LABELS = np.array([0, 1] * 100)


MODEL = ModelConfig(
    encoder=ResnetConfig(widths=(4,), blocks=(1,)), packing=image_packing(1, size=8), classes=["a", "b"]
)


def candidate(share, seed, sure=3.0):
    """Right on a share of the labels, and sure of it."""
    rng = np.random.default_rng(seed)
    answer = np.where(rng.uniform(size=len(LABELS)) < share, LABELS, 1 - LABELS)
    logits = sure * np.eye(2)[answer]
    held = Held(logits, LABELS, np.arange(len(LABELS)), np.zeros(len(LABELS), dtype=np.int64))
    torch.manual_seed(seed)
    encoder = build_encoder(MODEL.encoder, MODEL.packing).eval()
    return Candidate(held, Network(encoder, nn.Linear(4, 2)), MODEL.encoder)


def test_one_that_is_far_better_is_served_as_it_is_whoever_made_it():
    found = {"method": candidate(0.55, 0), "plain": candidate(0.99, 1), "probe": candidate(0.6, 2)}
    chosen = choose(PortfolioConfig(strength=10), found, MODEL)
    assert chosen.portfolio.served == "plain"
    assert chosen.portfolio.itself == ("logistic_plain",)
    assert [row.weight for row in chosen.portfolio.rows] == [0, 1, 0]
    assert "logistic regression on plain features is served alone" in chosen.portfolio.reason


def test_equals_are_averaged_and_their_mean_is_better_than_each():
    found = {name: candidate(0.75, i) for i, name in enumerate(("method", "alone", "scratch"))}
    chosen = choose(PortfolioConfig(favour=1 / 3), found, MODEL)
    assert chosen.portfolio.served == COMMITTEE
    assert chosen.portfolio.itself == ()
    assert sum(row.weight for row in chosen.portfolio.rows) == pytest.approx(1)
    best = max(row.accuracy for row in chosen.portfolio.rows)
    assert chosen.portfolio.accuracy > best + 0.04
    assert chosen.portfolio.loss < min(row.loss for row in chosen.portfolio.rows)
    assert f"their mean {chosen.portfolio.accuracy:.1%}" in lines(chosen.portfolio)[0]


def test_one_at_chance_has_no_part_in_the_mean():
    found = {"method": candidate(0.8, 0), "alone": candidate(0.8, 1), "probe": candidate(0.5, 2)}
    chosen = choose(PortfolioConfig(strength=3, favour=0.4), found, MODEL)
    assert {row.name: row.weight for row in chosen.portfolio.rows}["probe"] == 0
    assert len(chosen.model.encoder.members) == 2


def test_with_no_labels_to_speak_of_the_weights_are_those_before_the_evidence():
    found = {"method": candidate(0.9, 0), "alone": candidate(0.6, 1), "probe": candidate(0.6, 2)}
    chosen = choose(PortfolioConfig(strength=1e6, favour=0.5), found, MODEL)
    assert [row.weight for row in chosen.portfolio.rows] == pytest.approx([0.5, 0.25, 0.25], abs=0.01)


def rival(share, seed):
    """A baseline, and how often its network was asked for."""
    made, asked = candidate(share, seed), []
    return Rival(made.held, lambda: asked.append(1) or (made.network, made.encoder)), asked


def test_a_baseline_that_is_ahead_is_served_in_place_of_the_candidates():
    found = {"method": candidate(0.7, 0), "plain": candidate(0.7, 1)}
    (knn, asked), (boosting, never) = rival(0.95, 2), rival(0.6, 3)
    chosen = choose(PortfolioConfig(), found, MODEL, {"knn": knn, "boosting": boosting})
    told = chosen.portfolio
    assert (told.served, told.itself) == ("knn", ("knn_plain",))
    assert chosen.model.held is knn.held
    assert chosen.model.network is knn.network()[0]
    assert (len(asked), len(never)) == (2, 0)  # this test asked once
    assert {row.name: row.weight for row in told.rows} == {"method": 0, "plain": 0, "knn": 1, "boosting": 0}
    assert told.accuracy == knn.held.accuracy
    assert told.loss == next(row.loss for row in told.rows if row.name == "knn")
    assert "nearest neighbours on plain features, a baseline, is served" in told.reason
    assert "(several as one)" in told.reason


def test_a_baseline_must_be_ahead_by_more_than_two_standard_errors():
    found = {"method": candidate(0.8, 0), "plain": candidate(0.8, 0)}
    own = found["method"].held
    for more, served in ((3, COMMITTEE), (6, "knn")):
        # right on so many more of 200 labels: a standard error is sqrt(more) / 200 or so
        logits, wrong = own.logits.copy(), np.flatnonzero(own.logits.argmax(1) != LABELS)[:more]
        logits[wrong] = 3.0 * np.eye(2)[LABELS[wrong]]
        better = Rival(
            Held(logits, LABELS, own.rows, own.fold), lambda: (found["method"].network, MODEL.encoder)
        )
        chosen = choose(PortfolioConfig(), found, MODEL, {"knn": better})
        assert chosen.portfolio.served == served
        assert [row.name for row in chosen.portfolio.rows] == ["method", "plain", "knn"]
    best, why = ahead({"knn": better, "plain": Rival(own, better.network)}, own)
    assert best == "knn"
    assert "+3.0% of the held-out labels right (standard error 1.2%)" in why


def test_of_baselines_with_as_many_right_the_likelier_one_is_held_against_the_model():
    sure, unsure = candidate(0.9, 1, sure=2.0).held, candidate(0.9, 1, sure=0.1).held
    network = rival(0.9, 1)[0].network
    served = candidate(0.6, 0).held
    for order in ((("knn", unsure), ("plain", sure)), (("plain", sure), ("knn", unsure))):
        assert ahead({name: Rival(held, network) for name, held in order}, served)[0] == "plain"
    assert ahead({}, served) is None


def test_weights_before_any_evidence():
    found = prior(["method", "plain", "probe"], {"method": 0.4})
    assert found == pytest.approx([0.4, 0.3, 0.3])
    names = ["method", "plain", "boosting", "probe", "alone"]
    assert prior(names, TableViews.favoured) == pytest.approx([0.4 / 3, 0.3, 0.3, 0.4 / 3, 0.4 / 3])
    assert prior(["plain", "boosting"], TableViews.favoured) == pytest.approx([0.5, 0.5])
    assert prior(["method", "plain", "probe"], TableViews.favoured) == pytest.approx([0.35, 0.3, 0.35])
    assert prior(["method"], {"method": 0.4}) == pytest.approx([1])


def test_the_recipes_favour_counts_before_that_of_the_kind_of_data():
    found = {name: candidate(0.7, i) for i, name in enumerate(("method", "plain", "probe"))}
    of = {"plain": 0.8}
    for favour, expected in ((None, [0.1, 0.8, 0.1]), (0.5, [0.5, 0.25, 0.25])):
        chosen = choose(PortfolioConfig(strength=1e6, favour=favour), found, MODEL, favoured=of)
        assert [row.weight for row in chosen.portfolio.rows] == pytest.approx(expected, abs=0.01)


def test_the_pool_is_one_network_that_answers_the_weighted_sum_of_calibrated_logits():
    found = {"method": candidate(0.7, 0, sure=15.0), "alone": candidate(0.7, 1, sure=0.15)}
    chosen = choose(PortfolioConfig(strength=1e6, favour=0.5), found, MODEL)
    one, two = (row.loss for row in chosen.portfolio.rows)
    assert one == pytest.approx(two, abs=0.1)
    x = torch.rand(5, 1, 8, 8)
    with torch.no_grad():
        parts = [own.network.whole()(x) / (2 * own.held.temperature) for own in found.values()]
        assert torch.allclose(chosen.model.network.whole()(x), sum(parts), atol=1e-5)
    assert chosen.model.network.encoder.embedding_dim == chosen.model.network.encoder.feature_dim == 8
    expected = sum(own.held.logits / (2 * own.held.temperature) for own in found.values())
    assert chosen.model.held.logits == pytest.approx(expected, rel=1e-3)


def test_pixels_come_last_and_stand_for_nothing_that_was_learnt():
    pixel = PixelsConfig(side=2)
    network = Network(build_encoder(pixel, MODEL.packing), nn.Linear(4, 2))
    found = {"plain": (Candidate(None, network, pixel), 0.25), "method": (candidate(0.7, 0), 0.5)}
    made, config = joined(list(found.values()), MODEL)
    assert [member.name for member in config.members] == ["resnet", "pixels"]
    assert (made.encoder.embedding_dim, made.encoder.feature_dim) == (4, 8)
    x = torch.rand(3, 1, 8, 8)
    with torch.no_grad():
        expected = sum(own.network.whole()(x) * factor for own, factor in found.values())
        assert torch.allclose(made.whole()(x), expected, atol=1e-5)


def test_regression_on_pixels_is_the_same_as_a_network(tmp_path):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (40, 3, 40, 40), dtype=np.uint8)
    labels = rng.integers(0, 3, 20)
    material = Material(
        packed=PackedArray(images, np.arange(40)),
        views=ImageViews(image_packing(3, [0.4, 0.5, 0.6], [0.3, 0.2, 0.1], 40)),
        classes=3, labelled=np.arange(0, 40, 2), labels=labels,
        kept=np.zeros(0, np.int64), kept_labels=np.zeros(0, np.int64), confidence=np.zeros(0),
        weak=None, strong=None, placement=place("cpu", "float32"), folder=tmp_path,
    )  # fmt: skip
    network, config = on_plain_features(plain_features(material), material, 0)
    assert config.side == 32
    expected = fit_plain(pixels(images[::2]), labels, 3).logits(pixels(images))
    with torch.no_grad():
        found = network.whole()(torch.from_numpy(images).float() / 255).numpy()
    assert found == pytest.approx(expected, abs=2e-3)
