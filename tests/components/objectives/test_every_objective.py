"""One list of checks for every objective. Run as a script, it is one of two processes that train together."""

import io

import pytest
import torch
import torch.distributed as dist
from torch import nn

from components.encoders.base import Encoder
from components.modalities.base import Packing
from components.objectives import OBJECTIVES, build_objective
from components.objectives.base import Batch
from components.training.learner import Learner, parallel
from components.training.warm_start import take_over
from tests import ranks
from tests.components.objectives.cases import ANYWHERE, CASES, ROWS, SIDE, B, batch, encoder_of

PREDICT = ("byol", "mocov3", "nnclr", "simsiam")
PAIRS = [name for name, case in CASES.items() if case.pairs]


def make(name, seed=0, dtype=torch.float32, ready=True, rows=ROWS):
    torch.manual_seed(seed)
    encoder = encoder_of(name)
    learner = Learner(encoder, build_objective(CASES[name].config, encoder, rows, SIDE)).to(dtype)
    if ready:
        begin(learner, rows, dtype)
    return learner


def seen(learner, index, dtype=torch.float32, rows=ROWS):
    return batch(index, learner.objective, dtype, rows)


def begin(learner, rows=ROWS, dtype=torch.float32):
    def features():
        with torch.no_grad():
            found = learner.encoder.eval()(seen(learner, torch.arange(rows), dtype, rows).views[0]).float()
        learner.encoder.train()
        return found

    learner.objective.before_epoch(0, features)


def order(steps, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randperm(ROWS, generator=generator)[:B] for _ in range(steps)]


def train(learner, indices, optimiser=None):
    optimiser = optimiser or torch.optim.Adam(learner.parameters(), 1e-2)
    for number, index in enumerate(indices):
        optimiser.zero_grad()
        learner(seen(learner, index)).total.backward()
        optimiser.step()
        learner.objective.after_step(learner.encoder, (number + 1) / len(indices))
    return optimiser


def bytes_of(*states):
    stream = io.BytesIO()
    torch.save(states, stream)
    return stream.getvalue()


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[k].nan_to_num(), b[k].nan_to_num()) for k in a)


def test_every_objective_is_on_this_list():
    apart = ("table", "series", "events")  # test_on_tables.py, test_on_series.py, test_on_events.py
    here = {name for name in OBJECTIVES if OBJECTIVES[name].needs not in apart}
    assert CASES.keys() >= here
    assert {case.config.name for case in CASES.values()} == here


@pytest.mark.parametrize("name", CASES)
class TestEveryObjective:
    def test_the_loss_is_a_finite_scalar_and_its_parts_carry_no_gradient(self, name):
        learner = make(name)
        losses = learner(seen(learner, torch.arange(B)))
        assert losses.total.shape == ()
        assert losses.total.dtype == torch.float32
        assert torch.isfinite(losses.total)
        assert all(p.shape == () and torch.isfinite(p) and not p.requires_grad for p in losses.parts.values())

    def test_gradient_reaches_what_should_learn_and_nothing_else(self, name):
        learner = make(name)
        learner(seen(learner, torch.arange(B))).total.backward()
        for key, parameter in learner.named_parameters():
            learns = not key.startswith(CASES[name].still or ("-",))
            assert parameter.requires_grad or not learns, key
            if parameter.requires_grad:
                assert parameter.grad is not None, key
                assert torch.isfinite(parameter.grad).all(), key
                assert bool(parameter.grad.abs().sum() > 0) == learns, key
            else:
                assert parameter.grad is None, key

    def test_gradient_reaches_every_view(self, name):
        learner = make(name)
        given = seen(learner, torch.arange(B))
        if not given.views[0].is_floating_point():
            pytest.skip("tokens are numbers of pieces")
        leaves = [v.requires_grad_() for v in given.views]
        learner(given).total.backward()
        for number, leaf in enumerate(leaves):
            reached = leaf.grad is not None and bool(leaf.grad.abs().sum() > 0)
            assert reached == (number not in CASES[name].unseen), number

    def test_the_order_of_samples_does_not_matter(self, name):
        index, shuffled = torch.arange(B), torch.randperm(B, generator=torch.Generator().manual_seed(1))
        losses = [(learner := make(name))(seen(learner, i)).total for i in (index, shuffled)]
        torch.testing.assert_close(*losses, rtol=1e-4, atol=1e-5)

    def test_state_survives_saving_and_the_continuation_is_bit_equal(self, name):
        learner = make(name)
        optimiser = train(learner, order(3))
        stream = io.BytesIO(bytes_of(learner.state_dict(), optimiser.state_dict()))
        other = make(name, seed=9, ready=False)
        adam = torch.optim.Adam(other.parameters(), 1e-2)
        for target, state in zip((other, adam), torch.load(stream, weights_only=True), strict=True):
            target.load_state_dict(state)
        for one, its in ((learner, optimiser), (other, adam)):
            train(one, order(3, seed=1), its)
        assert same(learner.state_dict(), other.state_dict())
        figures = learner.objective.figures()
        assert figures == pytest.approx(other.objective.figures(), nan_ok=True)
        if "prototypes" in type(CASES[name].config).model_fields:  # the gate refuses a model without
            assert figures["prototype_perplexity"] > 0

    def test_a_warm_start_carries_all_over_but_what_is_tied_to_rows(self, name):
        parent = make(name)
        moments = train(parent, order(4))
        child = make(name, seed=9, ready=False, rows=ROWS + 7)
        optimiser = torch.optim.Adam(child.parameters(), 3e-3)
        before = child.objective.state_dict()
        saved = {"learner": parent.state_dict(), "optimiser": moments.state_dict(), "ema": None}
        take_over(torch.load(io.BytesIO(bytes_of(saved)), weights_only=True)[0], child, optimiser, None)
        tied = child.objective.tied_to_rows
        assert set(tied) <= before.keys()
        for key, value in child.state_dict().items():
            own = key.removeprefix("objective.")
            anew = own in tied or own == "progress"
            expected = before[own] if anew else parent.state_dict()[key]
            assert torch.equal(value.nan_to_num(), expected.nan_to_num()), key
        for mine, its in zip(child.parameters(), parent.parameters(), strict=True):
            assert its.requires_grad == (its in moments.state)
            if its.requires_grad:
                assert torch.equal(optimiser.state[mine]["exp_avg"], moments.state[its]["exp_avg"])
        assert optimiser.param_groups[0]["lr"] == 3e-3
        assert child.objective.figures() == make(name, ready=False).objective.figures() or not tied

        begin(child, ROWS + 7)  # more rows break nothing, and every one of them can be trained on
        rows = torch.arange(ROWS, ROWS + 7)
        chosen = child.objective.epoch_rows(rows, 0, 0)
        assert chosen is None or set(chosen.tolist()) <= set(rows.tolist())
        loss = child(seen(child, rows, rows=ROWS + 7)).total
        loss.backward()
        optimiser.step()
        child.objective.after_step(child.encoder, 0.1)
        assert torch.isfinite(loss)
        assert all(torch.isfinite(p).all() for p in child.parameters())

    def test_only_a_predictor_makes_predictions(self, name):
        objective, features = make(name).objective.eval(), torch.randn(3, encoder_of(name).feature_dim)
        found = objective.predictions(features)
        assert (found is not None) == (CASES[name].config.name in PREDICT)
        if found is not None:
            assert torch.equal(found, objective.predictor(objective.head(features)))

    def test_it_knows_how_far_the_training_is(self, name):
        learner = make(name)
        learner(seen(learner, torch.arange(B)))
        learner.objective.after_step(learner.encoder, 0.25)
        assert learner.objective.progress == 0.25

    def test_the_same_seed_gives_the_same_bytes_and_another_one_others(self, name):
        first, second, third = (make(name, seed) for seed in (0, 0, 1))
        for learner in (first, second, third):
            train(learner, order(3))
        assert bytes_of(first.state_dict()) == bytes_of(second.state_dict())
        assert bytes_of(first.state_dict()) != bytes_of(third.state_dict())

    def test_one_sample_alone_is_refused_or_costs_something_finite(self, name):
        try:
            learner = make(name)
            loss = learner(seen(learner, torch.arange(1))).total
        except ValueError as error:
            assert any(word in str(error) for word in ("samples", "more than 1 value"))  # noqa: PT017
        else:
            assert torch.isfinite(loss)

    def test_bfloat16_autocast_is_finite_and_near_float32(self, name):
        learner = make(name)
        given = seen(learner, torch.arange(B))
        exact = learner(given).total
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = learner(given).total
        loss.backward()
        assert loss.dtype == torch.float32
        torch.testing.assert_close(loss, exact, rtol=0.1, atol=0.1)
        assert all(torch.isfinite(p.grad).all() for p in learner.parameters() if p.requires_grad)

    @pytest.mark.parametrize("value", ["constant", "duplicates"])
    def test_inputs_that_cannot_be_told_apart_stay_finite(self, name, value):
        learner = make(name)
        index = torch.arange(B)
        like = seen(learner, index)
        alike = [
            torch.full_like(v, 0.5) if value == "constant" else v[:2].repeat(B // 2, *[1] * (v.ndim - 1))
            for v in like.views
        ]
        loss = learner(Batch(alike, index, like.targets)).total
        loss.backward()
        assert torch.isfinite(loss)
        assert all(torch.isfinite(p.grad).all() for p in learner.parameters() if p.requires_grad)

    @pytest.mark.slow
    def test_two_processes_equal_one(self, name, two_processes):
        first, second = (traced[name] for traced in two_processes)
        one = trace(name)
        for steps in (first, second):
            for (loss, gradients), (whole, expected) in zip(steps["steps"], one["steps"], strict=True):
                torch.testing.assert_close(loss, whole, rtol=1e-6, atol=1e-9)  # some losses are float32
                assert gradients.keys() == expected.keys()
                for key, gradient in gradients.items():
                    torch.testing.assert_close(gradient, expected[key], rtol=1e-5, atol=1e-7, msg=key)
            assert steps["state"].keys() == one["state"].keys()
            for key, value in steps["state"].items():
                torch.testing.assert_close(
                    value, one["state"][key], rtol=1e-5, atol=1e-7, equal_nan=True, msg=key
                )


class Columns(Encoder):
    """Rows of a table [B, 5] -> features."""

    feature_dim = 7

    def __init__(self):
        super().__init__(Packing(name="table"))
        self.layer = nn.Sequential(nn.Linear(5, 7), nn.BatchNorm1d(7))

    def forward(self, x):
        return self.layer(x)


class Words(Columns):
    """Texts [B, 5] of ids -> features."""

    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(9, 5)

    def forward(self, x):
        return self.layer(self.words(x).mean(dim=1))


@pytest.mark.parametrize("kind", [Columns, Words])
@pytest.mark.parametrize("name", ANYWHERE)
def test_what_needs_no_images_learns_from_tables_and_texts(name, kind):
    torch.manual_seed(0)
    encoder = kind()
    objective = build_objective(CASES[name].config, encoder, ROWS, 5)
    rows = torch.rand(ROWS, 5) if kind is Columns else torch.randint(9, (ROWS, 5))
    index = torch.arange(B)
    learner, seen = Learner(encoder, objective), [rows[index] for _, n in objective.views for _ in range(n)]
    objective.before_epoch(0, lambda: encoder(rows).detach())
    targets = index % 2 if objective.uses_labels else None
    loss = learner(Batch(seen, index, targets)).total
    loss.backward()
    objective.after_step(encoder, 0.1)
    assert torch.isfinite(loss)
    still = CASES[name].still
    for key, parameter in learner.named_parameters():
        if parameter.requires_grad and not key.startswith(still or ("-",)):
            assert parameter.grad is not None, key
            assert torch.isfinite(parameter.grad).all(), key


@pytest.mark.parametrize("name", CASES)
def test_the_global_views_come_first(name):
    roles = [role for role, count in make(name, ready=False).objective.views if count > 0]
    assert roles in (["global"], ["plain"], ["global", "local"])


@pytest.mark.parametrize("name", PAIRS)
def test_true_pairs_cost_less_than_shuffled_ones(name):
    learner = make(name)
    train(learner, order(25))
    given = seen(learner, torch.arange(B))
    wrong = Batch([given.views[0], *(v.roll(1, 0) for v in given.views[1:])], given.index.roll(1))
    assert learner(given).total + 0.05 < learner(wrong).total


def trace(name, rank=0, world=1):
    """Loss (mean over the ranks) and gradients of three steps and the state after them, in float64; each rank has its
    part."""
    learner = make(name, dtype=torch.float64)
    module = parallel(learner)
    optimiser = torch.optim.SGD(learner.parameters(), 0.1)
    steps = []
    for number, index in enumerate(order(3)):
        optimiser.zero_grad()
        total, _ = module(seen(learner, index.chunk(world)[rank], torch.float64))
        total.backward()
        gradients = {k: p.grad.clone() for k, p in learner.named_parameters() if p.requires_grad}
        loss = total.detach().clone()
        if world > 1:
            dist.all_reduce(loss)
        steps.append((loss / world, gradients))
        optimiser.step()
        learner.objective.after_step(learner.encoder, (number + 1) / 10)
    return {"steps": steps, "state": learner.state_dict()}


@pytest.fixture(scope="module")
def two_processes(tmp_path_factory):
    """What each of two processes saw of every variant."""
    return ranks.two_processes(__file__, tmp_path_factory.mktemp("ranks"))


if __name__ == "__main__":
    ranks.be_a_rank(lambda rank, world: {name: trace(name, rank, world) for name in CASES})
