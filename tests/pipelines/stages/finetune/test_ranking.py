"""Which model is served, and what it was fitted on."""

import numpy as np
import pytest
import torch

from components.data.table import Table
from components.errors import UserError
from components.evaluation.ranking.gains import Gains
from components.modalities.events.config import EventsConfig
from components.modalities.table.config import TableConfig
from components.registry.ranking_model import RankingModel
from components.registry.served import load_model
from components.tasks.ranking import RankingConfig
from pipelines.inference.rankings import asked, measured, open_events
from pipelines.inference.samples import samples_of
from pipelines.stages.finetune.ranking import Request, best, compared, drawn, penalty_of, run
from tests.components.modalities.events.toys import turns
from tests.pipelines.stages.shopping import ABOVE, USERS, context


def made(home, options=None, **given):
    here = context(home, **given)
    folder = here.store / "finetune" / "0"
    folder.mkdir(parents=True)
    return run(Request(**ABOVE, **(options or {})), folder, here), folder, here


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    return made(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    return made(tmp_path_factory.mktemp("home"), steps=60)


def test_where_the_order_tells_what_follows_is_served(finished):
    output, folder, here = finished
    assert output.method == "transitions"
    assert next(one.name for one in output.candidates) == "transitions"
    assert {one.name for one in output.candidates} == {
        "encoder", "popularity", "recency", "transitions", "item_knn", "ease 50", "ease 250", "ease 1000"
    }  # fmt: skip
    assert output.candidates[0].hit_rate == 1  # all six items are in a list of ten
    assert output.users == output.samples == USERS
    assert output.repeats
    assert "transitions is served; NDCG@10" in here.said[-1]
    model = load_model(folder / "model")
    assert isinstance(model, RankingModel)
    assert model.config.method == "transitions"


def test_a_trained_encoder_finds_the_order_too(trained):
    output, _folder, _ = trained
    ndcg = {one.name: one.ndcg for one in output.candidates}
    assert ndcg["encoder"] > ndcg["ease 50"] + 0.1
    assert ndcg["encoder"] > 0.75


def test_the_encoder_is_served_where_the_recipe_says_so(tmp_path):
    output, folder, _ = made(tmp_path, {"serve": "encoder"})
    assert output.method == "encoder"
    assert load_model(folder / "model").config.shapes == {}


def test_the_served_model_was_fitted_on_what_comes_before_the_test(finished):
    output, folder, here = finished
    snapshot = here.outputs["snapshot/0"]
    packed = open_events(samples_of("snapshot/0", snapshot, here), np.arange(USERS), "test")
    counts = np.zeros((6, 6))
    for place in range(USERS):
        items = packed.known(place)[:, 0].astype(int) - 3
        np.add.at(counts, (items[:-1], items[1:]), 1)
    model = load_model(folder / "model")
    weight = torch.zeros(6, 6).scatter_(1, model.near, model.weight)
    np.testing.assert_allclose(weight, 0.9 * counts / counts.sum(axis=1, keepdims=True), rtol=1e-5)
    assert output.trained == sum(len(packed.before("train").known(place)) for place in range(USERS))


def test_candidates_are_compared_on_the_event_before_the_test(finished):
    _output, _, here = finished
    snapshot = here.outputs["snapshot/0"]
    packed, targets = asked(open_events(samples_of("snapshot/0", snapshot, here), np.arange(USERS), "choose"))
    for row, target in zip(packed.rows.tolist(), targets.tolist(), strict=True):
        assert packed.row(row)[-2, 0] == target + 3
        assert len(packed.known(row)) == len(packed.row(row)) - 2


def test_users_that_are_not_trained_on_are_measured_all_the_same(tmp_path):
    output, _, _ = made(tmp_path, strangers=20)
    assert (output.users, output.samples) == (USERS, USERS - 20)


def test_too_few_users(tmp_path):
    output, _, here = made(tmp_path, words=["abc"] * 9 + ["ab"] * 9)
    assert output.skipped == "9 users with an event held out for choosing, 10 are needed"
    assert "fine-tuning skipped" in here.said[-1]


def test_what_is_never_repeated_is_not_recommended_again(tmp_path):
    words = ["".join(np.random.default_rng(k).permutation(list("abcdefgh"))) for k in range(30)]
    output, folder, _here = made(tmp_path, words=words)
    assert (output.repeats, output.repeated) == (False, 0.0)
    assert not load_model(folder / "model").config.repeats
    forced, _, _ = made(tmp_path / "again", {"task": RankingConfig(repeats=True)}, words=words)
    assert forced.repeats


def test_unknown_targets_are_misses(tmp_path):
    here = context(tmp_path, words=[*turns(20), "abcdez", "abcdeyx"], fewest=2)
    snapshot = here.outputs["snapshot/0"]
    packed, targets = asked(open_events(samples_of("snapshot/0", snapshot, here), np.arange(22), "test"))
    assert (targets == -1).sum() == 2
    _output, folder, _ = made(tmp_path / "b", words=[*turns(20), "abcdez", "abcdeyx"], fewest=2)
    found = measured(load_model(folder / "model"), packed, targets)
    assert found.ndcg[-2:].tolist() == [0, 0]


def test_a_part_of_many_users_is_drawn():
    table = Table(
        np.array([str(k) for k in range(50)]), np.full(50, "s", object), np.full(50, "train"), np.full(50, -1)
    )
    rows = drawn(table, Request(**ABOVE, most=20))
    assert len(set(rows.tolist())) == 20
    assert (np.diff(rows) > 0).all()
    assert drawn(table, Request(**ABOVE)).tolist() == list(range(50))


def test_comparison_by_hand():
    found = {
        "a": Gains(np.array([1.0, 0.0]), np.array([1.0, 0.5])),
        "ease 50": Gains(np.array([1.0, 1.0]), np.array([1.0, 0.7])),
        "ease 250": Gains(np.array([1.0, 1.0]), np.array([0.0, 0.9])),
    }
    assert best(found) == "ease 50"
    assert penalty_of(found) == 50
    assert penalty_of({"a": found["a"]}) is None
    rows = compared(found, "ease 50")
    assert [row.name for row in rows] == ["ease 50", "a", "ease 250"]
    assert (rows[0].difference, rows[0].error) == (0, 0)
    assert rows[1].difference == pytest.approx(-0.1)
    assert rows[1].error == pytest.approx(0.1)  # of differences 0 and -.2


def test_what_the_task_needs():
    with pytest.raises(UserError, match="needs event histories"):
        Request(**ABOVE, modality=TableConfig()).check()
    with pytest.raises(UserError, match=r"set modality\.held_out to last or time, not none"):
        Request(**ABOVE, modality=EventsConfig(held_out="none")).check()
    Request(**ABOVE).check()
