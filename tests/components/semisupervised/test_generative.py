"""m2 and ssgan: pictures that are explained or made up."""

import math

import pytest
import torch
from torch.distributions import Bernoulli, Normal, kl_divergence

from components.errors import UserError
from components.semisupervised.m2 import M2, M2Config, class_bound, gaussian_kl, unlabelled_bound
from components.semisupervised.ssgan import Ssgan, SsganConfig, feature_matching, looked_at, real_or_made
from tests.components.semisupervised.cases import L, batch, encoder


def numbers(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


class TestM2:
    def test_the_divergence_equals_torch_s(self):
        mean, log_variance = numbers(4, 3), numbers(4, 3, seed=1)
        theirs = kl_divergence(Normal(mean, (log_variance / 2).exp()), Normal(0.0, 1.0)).sum(1)
        torch.testing.assert_close(gaussian_kl(mean, log_variance), theirs)
        assert gaussian_kl(torch.ones(1, 1), torch.zeros(1, 1)).item() == 0.5

    def test_the_bound_of_a_class(self):
        pixels, decoded = torch.rand(2, 1, 3, 3).round(), numbers(2, 1, 3, 3)
        expected = -Bernoulli(logits=decoded).log_prob(pixels).sum((1, 2, 3)) + 2.0 + math.log(5)
        torch.testing.assert_close(
            class_bound(pixels, decoded, torch.full((2,), 2.0), torch.tensor(-math.log(5))), expected
        )

    def test_the_unlabelled_bound_is_least_where_classes_explain_best(self):
        bounds = numbers(3, 4, seed=2) * 3
        best = unlabelled_bound(-bounds, bounds)
        torch.testing.assert_close(best, -(-bounds).logsumexp(1))
        assert (unlabelled_bound(numbers(3, 4), bounds) > best).all()
        q = torch.tensor([[0.25, 0.75]])
        by_hand = 0.25 * (2 + math.log(0.25)) + 0.75 * (1 + math.log(0.75))
        assert unlabelled_bound(q.log(), torch.tensor([[2.0, 1.0]])).item() == pytest.approx(by_hand)

    def test_the_whole_loss_reads_each_label_s_own_bound(self):
        torch.manual_seed(0)
        m, e = (
            M2(M2Config(side=8, latent=4, width=8, pseudo_weight=0.0), encoder(), 3).eval(),
            encoder().eval(),
        )
        b = batch(m)
        losses = m(e, b)
        features = e(b.views[0])
        bounds = m.bounds(features, b.views[0], b.index)
        given = sum(b.weights[i] * bounds[i, b.targets[i]] for i in range(L)) / L
        unknown = unlabelled_bound(m.head(features)[L:], bounds[L:]).mean()
        expected = losses.parts["supervised"] + (given + unknown) / 64
        assert losses.total.item() == pytest.approx(expected.item(), rel=1e-5)
        assert bounds.std(1).min() > 0  # the class matters

    def test_views_of_another_side_are_refused(self):
        m = M2(M2Config(side=16), encoder(), 3)
        with pytest.raises(
            UserError, match=r"16 x 16 pixels and got weak views of \[8, 8\]; set method.side"
        ):
            m(encoder(), batch(m))

    def test_published_sizes(self):
        assert (M2Config().latent, SsganConfig().latent) == (50, 100)


class TestSsgan:
    def test_real_or_made_by_hand(self):
        assert real_or_made(torch.zeros(2, 1), torch.zeros(3, 1)).item() == pytest.approx(2 * math.log(2))
        real, made = numbers(4, 3), numbers(5, 3, seed=1)
        known = [math.log(1 - 1 / (1 + float(row.exp().sum()))) for row in real]
        fake = [math.log(1 / (1 + float(row.exp().sum()))) for row in made]
        expected = -sum(known) / 4 - sum(fake) / 5
        assert real_or_made(real, made).item() == pytest.approx(expected, rel=1e-5)

    def test_matching_compares_means_and_moves_the_made_up_side_alone(self):
        real, made = numbers(4, 3).requires_grad_(), numbers(6, 3, seed=1).requires_grad_()
        loss = feature_matching(real, made)
        assert loss.item() == pytest.approx((real.mean(0) - made.mean(0)).square().sum().item(), rel=1e-5)
        loss.backward()
        assert real.grad is None
        torch.testing.assert_close(made.grad, (2 / 6 * (made.mean(0) - real.mean(0))).expand(6, 3).detach())

    def test_a_look_moves_no_buffer_and_no_parameter_that_does_not_learn(self):
        e, x = encoder(), torch.rand(5, 1, 8, 8).requires_grad_()
        before = {n: t.clone() for n, t in e.named_buffers()}
        looked_at(e, x, learning=False).sum().backward()
        assert x.grad is not None
        assert all(p.grad is None for p in e.parameters())
        assert all(torch.equal(t, before[n]) for n, t in e.named_buffers())
        looked_at(e, x.detach(), learning=True).square().sum().backward()
        assert e.layers[0].weight.grad.abs().sum() > 0

    def test_each_side_takes_the_gradient_of_its_own_term(self):
        def gradients(**weights):
            torch.manual_seed(0)
            m = Ssgan(SsganConfig(side=8, latent=4, width=8, pseudo_weight=0.0, **weights), encoder(), 3)
            e = encoder()
            m(e, batch(m)).total.backward()
            return e.layers[0].weight.grad.clone(), m.generator.body.last.weight.grad

        both = gradients()
        without = gradients(matching=0.0)
        torch.testing.assert_close(both[0], without[0])  # matching leaves the encoder alone
        assert without[1] is None or without[1].abs().sum() == 0  # telling leaves the generator alone
        assert both[1].abs().sum() > 0
        assert not torch.allclose(both[0], gradients(weight=0.0)[0])
