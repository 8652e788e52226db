"""One list of checks over all methods."""

import pytest
import torch
from pydantic import TypeAdapter

from components.augmentations.image import ViewConfig
from components.data.packed import Packed
from components.objectives.base import Batch
from components.semisupervised import METHODS, MethodConfig, build_method
from components.semisupervised.fixmatch import FixmatchConfig
from components.semisupervised.supervised import SupervisedConfig
from components.training.device import place
from components.training.labelled import LabelledSource, Supervision
from components.training.learner import Learner
from components.training.loop import TrainConfig, train
from components.training.optimiser import AdamwConfig

CONFIGS = {"fixmatch": FixmatchConfig(threshold=0.4), "supervised": SupervisedConfig()}
APART = {"fixmatch-apart": FixmatchConfig(threshold=0.4, together=False)}
K, D, L, U = 3, 8, 6, 10


def encoder():
    torch.manual_seed(0)
    return torch.nn.Sequential(
        torch.nn.Conv2d(1, D, 3),
        torch.nn.BatchNorm2d(D),
        torch.nn.ReLU(),
        torch.nn.AdaptiveAvgPool2d(1),
        torch.nn.Flatten(),
    )


def make(config):
    torch.manual_seed(1)
    made = build_method(config, D, K)
    with torch.no_grad():
        made.head.weight.mul_(10)  # sure enough for the mask
    return made


def batch(seed=0):
    g = torch.Generator().manual_seed(seed)
    views = [torch.rand(L + U, 1, 8, 8, generator=g), torch.rand(U, 1, 8, 8, generator=g)]
    targets = torch.cat([torch.arange(L) % K, torch.arange(U) % (K + 1) - 1])
    return Batch(views, torch.arange(L + U), targets, torch.rand(L + U, generator=g))


def test_every_method_has_a_config_here():
    assert CONFIGS.keys() == METHODS.keys()


@pytest.mark.parametrize("config", [*CONFIGS.values(), *APART.values()], ids=[*CONFIGS, *APART])
class TestEveryMethod:
    def test_configuration_is_read_back_by_its_name(self, config):
        assert TypeAdapter(MethodConfig).validate_python(config.model_dump()) == config

    def test_loss_is_a_finite_scalar_with_gradient_for_every_parameter(self, config):
        e, m = encoder(), make(config)
        losses = m(e, batch())
        assert losses.total.shape == ()
        assert not any(part.requires_grad for part in losses.parts.values())
        losses.total.backward()
        for name, p in [*e.named_parameters(), *m.named_parameters()]:
            assert p.grad is not None, name
            assert torch.isfinite(p.grad).all(), name
            if name != "0.bias":  # batch norm takes it off again
                assert p.grad.abs().sum() > 0, name

    def test_the_gradient_descends_the_loss(self, config):
        """A step against the gradient lowers the loss by the step times the gradient's square: sign and
        size."""
        e, m = encoder(), make(config)
        before = m(e, batch()).total
        before.backward()
        square = sum(float(p.grad.square().sum()) for p in m.parameters())
        rate = 1e-4
        with torch.no_grad():
            for p in m.parameters():
                p -= rate * p.grad
        after = make_same_state(config, m)(encoder(), batch()).total.detach()
        assert float(before.detach() - after) == pytest.approx(rate * square, rel=0.1)

    def test_no_gradient_reaches_weak_views_of_unlabelled_rows(self, config):
        e, m, b = encoder().eval(), make(config), batch()
        b.views[0].requires_grad_()
        m(e, b).total.backward()
        grad = b.views[0].grad
        assert grad[:L].abs().sum() > 0
        assert grad[L:].abs().sum() == 0

    def test_what_it_learns_from_the_unlabelled_rows(self, config):
        """The term has a gradient on the student's side, exactly where the method says that it uses them."""
        e, m, b = encoder().eval(), make(config), batch()
        b.views[1].requires_grad_()
        m(e, b).total.backward()
        grad = b.views[1].grad
        assert (grad is not None and bool(grad.abs().sum() > 0)) == m.uses_unlabelled

    def test_order_of_rows_within_each_part_does_not_matter(self, config):
        g = torch.Generator().manual_seed(3)
        first, second = torch.randperm(L, generator=g), torch.randperm(U, generator=g)
        b, whole = batch(), torch.cat([first, L + second])
        turned = Batch([b.views[0][whole], b.views[1][second]], b.index, b.targets[whole], b.weights[whole])
        torch.testing.assert_close(make(config)(encoder(), b).total, make(config)(encoder(), turned).total)

    def test_a_weight_of_zero_switches_a_target_off(self, config):
        b = batch()
        b.weights[0] = 0.0
        other = Batch(b.views, b.index, b.targets.clone(), b.weights)
        other.targets[0] = 2
        torch.testing.assert_close(make(config)(encoder(), b).total, make(config)(encoder(), other).total)

    def test_state_survives_save_and_load(self, config, tmp_path):
        m, other = make(config), build_method(config, D, K)
        m(encoder(), batch())
        m.after_step(encoder(), 0.5)
        torch.save(m.state_dict(), tmp_path / "m.pt")
        other.load_state_dict(torch.load(tmp_path / "m.pt", weights_only=True))
        torch.testing.assert_close(m.eval()(encoder(), batch()).total, other.eval()(encoder(), batch()).total)

    def test_resumed_equals_never_stopped_averaged_weights_included(self, config, tmp_path):
        through = run(config, tmp_path / "through")
        with pytest.raises(StopHereError):
            run(config, tmp_path / "stopped", stop=5)
        resumed = run(config, tmp_path / "stopped")
        for a, b in ((through.learner, resumed.learner), (through.average, resumed.average)):
            for (name, x), (_, y) in zip(a.state_dict().items(), b.state_dict().items(), strict=True):
                assert torch.equal(x, y), name
        live, average = through.learner.state_dict(), through.average.state_dict()
        assert not torch.equal(live["objective.head.weight"], average["objective.head.weight"])
        assert not torch.equal(live["encoder.1.running_mean"], average["encoder.1.running_mean"])


class StopHereError(Exception):
    pass


def make_same_state(config, m):
    same = build_method(config, D, K)
    same.load_state_dict(m.state_dict())
    fresh = make(config)
    for name, buffer in fresh.named_buffers():  # as it was before the first look
        dict(same.named_buffers())[name].copy_(buffer)
    return same


def run(config, folder, stop=None):
    g = torch.Generator().manual_seed(5)
    images = torch.randint(0, 256, (30, 1, 8, 8), generator=g, dtype=torch.uint8).numpy()
    supervision = Supervision(
        torch.cat([torch.arange(L) % K, torch.arange(24) % (K + 1) - 1]),
        torch.ones(30),
        torch.arange(L),
        torch.arange(30),
    )
    placement = place("cpu", "float32")
    view = ViewConfig(size=8)
    source = LabelledSource(
        Packed(images, torch.arange(30).numpy()), supervision, view, view,
        labelled=4, unlabelled=U, steps=4, seed=0, device=placement.device,
    )  # fmt: skip
    settings = TrainConfig(
        epochs=2, optimiser=AdamwConfig(), ema_decay=0.9, checkpoint_seconds=0, watch_steps=1
    )

    def watch(step, figures):
        if stop is not None and step > stop:
            raise StopHereError

    learner = Learner(encoder(), make(config))
    return train(learner, source, settings, folder, watch, seed=0, placement=placement)
