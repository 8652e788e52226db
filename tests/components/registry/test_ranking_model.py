"""Scores of the served model, by hand and beside slow loops."""

import numpy as np
import pytest
import torch

from components.encoders import build_encoder
from components.evaluation.ranking.histories import histories
from components.evaluation.ranking.simple import fits
from components.modalities.events.config import FIRST, UNKNOWN
from components.registry.ranking_model import RankingDescription, RankingModel, distinct, last_known
from components.registry.served import load_model, save_model
from pipelines.inference.rankings import ranker
from tests.components.objectives.histories import CAUSAL, ITEMS, PACKING, events

VIEW = events(6)
GIVEN = histories(
    [
        np.array([[item, place] for place, item in enumerate(row[row > 0].tolist())], float)
        for row in events(30, 9)
    ],
    ITEMS,
)


def model(name="encoder", repeats=True, top=3):
    torch.manual_seed(0)
    encoder = build_encoder(CAUSAL, PACKING).eval()
    method, fit = fits(ITEMS).get(name, ("encoder", lambda given: {}))
    return ranker(method, fit(GIVEN), GIVEN, encoder, CAUSAL, PACKING, repeats=repeats, top=top)


def had(row):
    return [item - FIRST for item in row.tolist() if item >= FIRST]


def test_the_encoders_scores_are_products_with_the_items():
    one = model()
    with torch.inference_mode():
        torch.testing.assert_close(
            one.scores(VIEW), one.encoder(VIEW) @ one.encoder.embedding.weight[FIRST:].T
        )


@pytest.mark.parametrize("name", ["popularity", "recency", "transitions", "item_knn", "ease 50"])
def test_simple_models_sum_over_the_history(name):
    one, arrays = model(name), fits(ITEMS)[name][1](GIVEN)
    full = arrays.get("full")
    if "near" in arrays:
        full = np.zeros((ITEMS, ITEMS))
        np.put_along_axis(full, arrays["near"], arrays["weight"], axis=1)
    with torch.inference_mode():
        found = one.scores(VIEW).numpy()
    for row, scores in zip(VIEW, found, strict=True):
        items = had(row)
        wanted = np.array(arrays.get("prior", np.zeros(ITEMS)))
        if name == "transitions":
            wanted = wanted + full[items[-1]]
        elif name == "item_knn" or name == "ease 50":
            wanted = wanted + full[sorted(set(items))].sum(axis=0)
        np.testing.assert_allclose(scores, wanted, rtol=1e-4, atol=1e-5)


def test_what_was_chosen_is_not_recommended_again_unless_it_may_be():
    one = model(repeats=False)
    with torch.inference_mode():
        scores, free = one.scores(VIEW), model().scores(VIEW)
    for row, own, other in zip(VIEW, scores, free, strict=True):
        barred = sorted(set(had(row)))
        assert own.isinf().nonzero()[:, 0].tolist() == barred
        assert torch.equal(own[own.isfinite()], other[own.isfinite()])


def test_a_new_user_gets_what_is_popular():
    view = torch.tensor([[0, 0], [UNKNOWN, 0]])
    for name in ("encoder", "item_knn", "ease 50"):
        with torch.inference_mode():
            found = model(name, repeats=False).scores(view)
        np.testing.assert_allclose(found, np.tile(GIVEN.chosen.toarray().mean(axis=0), (2, 1)), rtol=1e-6)


def test_lists_are_the_best_items_in_order_and_short_where_there_are_few():
    one = model(repeats=False, top=5)
    with torch.inference_mode():
        seen = {name: value.numpy() for name, value in one.see(VIEW).items()}
        scores = one.scores(VIEW).numpy()
    columns = one.columns(seen)
    for row, names, best, own in zip(VIEW, columns["items"], columns["scores"], scores, strict=True):
        order = [item for item in np.argsort(-own, kind="stable") if np.isfinite(own[item])][:5]
        assert names == [f"item {item}" for item in order]
        assert best == [own[item] for item in order]
        assert len(names) == min(5, ITEMS - len(set(had(row))))
    assert len(columns["embedding"][0]) == 12


def test_popularity_of_the_first_item():
    one = model("popularity")
    with torch.inference_mode():
        assert one.see(VIEW)["popularity"].tolist() == [1.0] * 6


@pytest.mark.parametrize("name", ["encoder", "transitions", "item_knn", "ease 50"])
def test_it_comes_back_from_a_folder(name, tmp_path):
    one = model(name)
    save_model(one, tmp_path)
    again = load_model(tmp_path)
    assert isinstance(again, RankingModel)
    assert isinstance(again.config, RankingDescription)
    with torch.inference_mode():
        assert torch.equal(one.scores(VIEW), again.scores(VIEW))


def test_disagreement():
    one = model()
    ours = {"scores": [[1.0, 0.5], [2.0]]}
    assert one.disagreement(ours, ours) == 0
    assert one.disagreement(ours, {"scores": [[1.0, 0.25], [2.0]]}) == 0.25
    assert one.disagreement(ours, {"scores": [[1.0, 0.5], []]}) == float("inf")
    assert one.disagreement(ours, {"scores": [[1.0, 0.5]]}) == float("inf")
    assert one.disagreement({"scores": [None]}, {"scores": [[1.0]]}) == float("inf")


def test_helpers_by_hand():
    assert distinct(torch.tensor([[5, 3, 5, 0]])).tolist() == [[0, 3, 5, 0]]
    assert last_known(torch.tensor([[4, 7, UNKNOWN, 0], [UNKNOWN, 0, 0, 0], [0, 0, 0, 0]])).tolist() == [
        [7],
        [1],
        [0],
    ]
