"""One list of checks over all methods. Run as a script, it is one of two processes that train together."""

import pytest
import torch
from pydantic import TypeAdapter

from components.data.packed import PackedArray
from components.modalities.image.augment import ViewConfig
from components.modalities.image.config import image_packing
from components.modalities.image.views import ImageViews
from components.objectives.base import Batch
from components.semisupervised import METHODS, MethodConfig
from components.training.device import place
from components.training.labelled_source import LabelledSource, Supervision
from components.training.learner import Learner, parallel
from components.training.loop import TrainConfig, train
from components.training.optimiser import AdamwConfig
from tests import ranks
from tests.components.semisupervised.cases import CASES, ROWS, K, L, U, batch, encoder, make, part


def test_every_method_has_a_case_here():
    assert {case.config.name for case in CASES.values()} == METHODS.keys()


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
class TestEveryMethod:
    def test_configuration_is_read_back_by_its_name(self, case):
        assert TypeAdapter(MethodConfig).validate_python(case.config.model_dump()) == case.config

    def test_loss_is_a_finite_scalar_with_gradient_for_every_parameter(self, case):
        e, m = encoder(), make(case)
        losses = m(e, batch(m))
        assert losses.total.shape == ()
        assert not any(part.requires_grad for part in losses.parts.values())
        losses.total.backward()
        for name, p in [*e.named_parameters(), *m.named_parameters()]:
            if name.startswith(case.still or ("-",)):
                assert p.grad is None, name
                continue
            assert p.grad is not None, name
            assert torch.isfinite(p.grad).all(), name
            assert p.grad.abs().sum() > 0, name

    def test_the_gradient_descends_the_loss(self, case, monkeypatch):
        """A step against the gradient lowers the loss by the step times the gradient's square: sign and
        size. What the method detaches, its targets, is kept as it was: the gradient does not see it move."""
        e, m = encoder(), make(case)
        kept = []
        with monkeypatch.context() as patch:
            patch.setattr(
                torch.Tensor, "detach", lambda t, was=torch.Tensor.detach: kept.append(was(t)) or kept[-1]
            )
            before = m(e, batch(m)).total
        before.backward()
        rivals = case.against or ("-",)
        learning = [p for n, p in m.named_parameters() if p.requires_grad and not n.startswith(rivals)]
        square = sum(float(p.grad.square().sum()) for p in learning)
        rate = 3e-4 / square  # far above what float32 rounds, far below where the loss bends
        with torch.no_grad():
            for p in learning:
                p -= rate * p.grad
        same, again = make_same_state(case, m), iter(kept)
        with monkeypatch.context() as patch:
            patch.setattr(torch.Tensor, "detach", lambda t: next(again))
            after = same(encoder(), batch(m)).total
        assert float((before - after).detach()) == pytest.approx(rate * square, rel=0.1)

    def test_weak_views_of_unlabelled_rows_take_gradient_only_where_they_are_no_target(self, case):
        e, m = encoder().eval(), make(case)
        b = batch(m)
        for view in b.views[: m.weak]:
            view.requires_grad_()
        m(e, b).total.backward()
        found = [v.grad for v in b.views[: m.weak] if v.grad is not None]
        assert sum(float(grad[:L].abs().sum()) for grad in found) > 0
        assert (sum(float(grad[L:].abs().sum()) for grad in found) == 0) == case.quiet_weak

    def test_it_learns_from_unlabelled_rows_where_it_says_so(self, case):
        """Gradient on the student's side: a public toolkit shipped a method without any for years."""
        e, m = encoder().eval(), make(case)
        b = batch(m)
        for view in b.views:
            view.requires_grad_()
        m(e, b).total.backward()
        rows = [
            v.grad[L:] if number < m.weak else v.grad
            for number, v in enumerate(b.views)
            if v.grad is not None
        ]
        assert (sum(float(grad.abs().sum()) for grad in rows) > 0) == m.uses_unlabelled

    def test_order_of_rows_within_each_part_does_not_matter(self, case):
        g = torch.Generator().manual_seed(3)
        first, second = torch.randperm(L, generator=g), torch.randperm(U, generator=g)
        m, other = make(case), make(case)
        b, whole = batch(m), torch.cat([first, L + second])
        views = [v[whole] if number < m.weak else v[second] for number, v in enumerate(b.views)]
        turned = Batch(views, b.index[whole], b.targets[whole], b.weights[whole], L)
        torch.testing.assert_close(m(encoder(), b).total, other(encoder(), turned).total)

    def test_a_weight_of_zero_switches_a_target_off(self, case):
        b = batch(make(case))
        b.weights[0] = 0.0
        other = Batch(b.views, b.index, b.targets.clone(), b.weights, L)
        other.targets[0] = 2
        torch.testing.assert_close(make(case)(encoder(), b).total, make(case)(encoder(), other).total)

    def test_state_survives_save_and_load(self, case, tmp_path):
        m, other = make(case), make(case)
        m(encoder(), batch(m))
        m.after_step(encoder(), 0.5)
        torch.save(m.state_dict(), tmp_path / "m.pt")
        other.load_state_dict(torch.load(tmp_path / "m.pt", weights_only=True))
        torch.testing.assert_close(
            m.eval()(encoder(), batch(m)).total, other.eval()(encoder(), batch(m)).total
        )

    def test_resumed_equals_never_stopped_averaged_weights_included(self, case, tmp_path):
        through = run(case, tmp_path / "through")
        with pytest.raises(StopHereError):
            run(case, tmp_path / "stopped", stop=5)
        resumed = run(case, tmp_path / "stopped")
        for a, b in ((through.learner, resumed.learner), (through.average, resumed.average)):
            for (name, x), (_, y) in zip(a.state_dict().items(), b.state_dict().items(), strict=True):
                assert torch.equal(x, y), name
        live, average = through.learner.state_dict(), through.average.state_dict()
        assert not torch.equal(live["objective.head.weight"], average["objective.head.weight"])
        assert not torch.equal(
            live["encoder.layers.1.running_mean"], average["encoder.layers.1.running_mean"]
        )

    @pytest.mark.slow
    def test_two_processes_equal_one(self, case, two_processes):
        name = next(name for name, other in CASES.items() if other is case)
        one, (first, second) = trace(name), (traced[name] for traced in two_processes)
        for (loss, gradients), one_rank, other_rank in zip(
            one["steps"], first["steps"], second["steps"], strict=True
        ):
            torch.testing.assert_close((one_rank[0] + other_rank[0]) / 2, loss, rtol=1e-5, atol=1e-7)
            for key, gradient in gradients.items():
                for its in (one_rank[1], other_rank[1]):
                    torch.testing.assert_close(its[key], gradient, rtol=1e-4, atol=1e-6, msg=key)
        for traced in (first, second):
            for key, value in one["state"].items():
                torch.testing.assert_close(traced["state"][key], value, rtol=1e-4, atol=1e-6, msg=key)


class StopHereError(Exception):
    pass


def make_same_state(case, m):
    same = make(case)
    same.load_state_dict(m.state_dict())
    fresh = make(case)
    for name, buffer in fresh.named_buffers():  # as it was before the first look
        dict(same.named_buffers())[name].copy_(buffer)
    return same


def run(case, folder, stop=None):
    g = torch.Generator().manual_seed(5)
    images = torch.randint(0, 256, (ROWS, 1, 8, 8), generator=g, dtype=torch.uint8).numpy()
    supervision = Supervision(
        torch.cat([torch.arange(L) % K, torch.arange(24) % (K + 1) - 1]),
        torch.ones(ROWS),
        torch.arange(L),
        torch.arange(ROWS),
    )
    placement = place("cpu", "float32")
    view, method = ViewConfig(size=8), make(case)
    source = LabelledSource(
        PackedArray(images, torch.arange(ROWS).numpy()), ImageViews(image_packing(1, size=8)), supervision,
        (view, method.weak), (view, method.strong),
        labelled=4, unlabelled=U, steps=4, seed=0, device=placement.device,
    )  # fmt: skip
    settings = TrainConfig(
        epochs=2, optimiser=AdamwConfig(), ema_decay=0.9, checkpoint_seconds=0, watch_steps=1
    )

    def watch(step, figures):
        if stop is not None and step > stop:
            raise StopHereError

    return train(Learner(encoder(), method), source, settings, folder, watch, seed=0, placement=placement)


def trace(name, rank=0, world=1):
    """Loss and gradients of three steps and the state after them, in float64; each rank has its part."""
    case = CASES[name]
    learner = Learner(encoder(), make(case)).to(torch.float64)
    module = parallel(learner)
    optimiser = torch.optim.SGD([p for p in learner.parameters() if p.requires_grad], 0.01)
    steps = []
    for number in range(3):
        optimiser.zero_grad()
        total, _ = module(part(batch(learner.objective, number), rank, world, torch.float64))
        total.backward()
        gradients = {k: p.grad.clone() for k, p in learner.named_parameters() if p.grad is not None}
        steps.append((total.detach(), gradients))
        optimiser.step()
        learner.objective.after_step(learner.encoder, (number + 4) / 10)
    return {"steps": steps, "state": learner.state_dict()}


@pytest.fixture(scope="module")
def two_processes(tmp_path_factory):
    """What each of two processes saw of every case."""
    return ranks.two_processes(__file__, tmp_path_factory.mktemp("ranks"))


if __name__ == "__main__":
    ranks.be_a_rank(lambda rank, world: {name: trace(name, rank, world) for name in CASES})
