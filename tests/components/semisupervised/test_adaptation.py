"""dann, coral and mmd: labelled rows are one domain and unlabelled ones another, or the recipe's sources are.

Run as a script, it is one of two processes that train together on sources.
"""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.metrics.pairwise import rbf_kernel

from components.encoders.reversal import ganin, reverse
from components.errors import UserError
from components.semisupervised.coral import CoralConfig, coral_loss
from components.semisupervised.dann import Dann, DannConfig, domain_loss
from components.semisupervised.mmd import FACTORS, MmdConfig, mmd_loss
from components.semisupervised.parts.domains import between, split_domains
from components.training.learner import Learner, parallel
from tests import ranks
from tests.components.semisupervised.cases import Case, L, U, batch, encoder, make, part


def rows(n, d=3, seed=0, shift=0.0, scale=1.0):
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed)) * scale + shift


class TestReversal:
    def test_the_value_stays_and_the_gradient_turns(self):
        x = torch.tensor([1.0, 2.0], requires_grad=True)
        y = reverse(x, 0.5)
        assert torch.equal(y, x)
        (y * torch.tensor([3.0, 4.0])).sum().backward()
        assert x.grad.tolist() == [-1.5, -2.0]

    def test_the_published_schedule(self):
        assert float(ganin(0.0)) == 0
        assert float(ganin(1.0)) == pytest.approx(0.9999092, abs=1e-7)
        assert float(ganin(0.3)) == pytest.approx(2 / (1 + math.exp(-3)) - 1)


class TestDann:
    def test_the_judge_s_loss(self):
        assert domain_loss(torch.zeros(5), torch.zeros(9)).item() == pytest.approx(math.log(2))
        sure = domain_loss(torch.tensor([-9.0]), torch.tensor([9.0]))
        assert sure < 1e-3 < domain_loss(torch.tensor([9.0]), torch.tensor([-9.0]))

    def test_the_judge_descends_what_the_encoder_climbs(self):
        torch.manual_seed(0)
        m = Dann(DannConfig(hidden=4, pseudo_weight=0.0, weight=1.0), encoder(), 3)
        m.after_step(encoder(), 0.2)
        b, e = batch(m), encoder()
        m(e, b).total.backward()
        plain, judge = encoder(), m.judge
        got = {n: p.grad.clone() for n, p in judge.named_parameters()}
        m.zero_grad()
        features = plain(b.views[0])
        judged = judge(features).squeeze(1)
        domain_loss(judged[:L], judged[L:]).backward()
        for n, p in judge.named_parameters():
            torch.testing.assert_close(got[n], p.grad)
        climbed = plain.layers[0].weight.grad.clone()
        supervised = encoder()
        logits = m.head(supervised(b.views[0]))[:L]
        each = torch.nn.functional.cross_entropy(logits, b.targets[:L], reduction="none")
        (b.weights[:L] * each).mean().backward()
        expected = supervised.layers[0].weight.grad - math.tanh(1.0) * climbed
        torch.testing.assert_close(e.layers[0].weight.grad, expected)

    def test_with_sources_the_judge_is_asked_about_them_and_not_about_labels(self):
        torch.manual_seed(0)
        m = Dann(DannConfig(hidden=4, pseudo_weight=0.0), encoder(), 3)
        m.after_step(encoder(), 0.2)
        sources = torch.arange(L + U) % 3 % 2
        b, e = replace(batch(m), domains=sources), encoder()
        m(e, b).total.backward()
        got = {n: p.grad.clone() for n, p in m.judge.named_parameters()}
        m.zero_grad()
        plain = encoder()
        judged = m.judge(plain(b.views[0])).squeeze(1)
        each = torch.nn.functional.binary_cross_entropy_with_logits(judged, sources.float(), reduction="none")
        ((each[sources == 0].mean() + each[sources == 1].mean()) / 2).backward()
        for n, p in m.judge.named_parameters():
            torch.testing.assert_close(got[n], p.grad)
        climbed = plain.layers[0].weight.grad.clone()
        supervised = encoder()
        logits = m.head(supervised(b.views[0]))[:L]
        each = torch.nn.functional.cross_entropy(logits, b.targets[:L], reduction="none")
        (b.weights[:L] * each).mean().backward()
        expected = supervised.layers[0].weight.grad - math.tanh(1.0) * climbed
        torch.testing.assert_close(e.layers[0].weight.grad, expected)

    def test_the_published_judge(self):
        assert DannConfig().hidden == 100


class TestCoral:
    def test_equals_numpy_s_covariances(self):
        a, b = rows(7, seed=1), rows(9, seed=2, scale=2.0)
        difference = np.cov(a.numpy().T) - np.cov(b.numpy().T)
        expected = (difference**2).sum() / (4 * 9)
        assert coral_loss(a, b).item() == pytest.approx(expected, rel=1e-5)

    def test_is_zero_for_equal_covariances_wherever_they_lie(self):
        a = rows(8)
        assert coral_loss(a, a + 5).item() == pytest.approx(0, abs=1e-6)

    def test_both_sides_move(self):
        a, b = rows(5).requires_grad_(), rows(6, seed=1, scale=3.0).requires_grad_()
        coral_loss(a, b).backward()
        assert a.grad.abs().sum() > 0
        assert b.grad.abs().sum() > 0

    def test_one_row_has_no_covariance(self):
        with pytest.raises(UserError, match="2 labelled and 2 unlabelled samples a step, got 1 and 4"):
            coral_loss(rows(1), rows(4))


class TestMmd:
    def test_equals_scikit_learn_s_kernels(self):
        a, b = rows(5, seed=1).double(), rows(8, seed=2, shift=1.0).double()
        both = torch.cat([a, b])
        width = float(torch.cdist(both, both).square().mean())
        expected = 0.0
        for factor in FACTORS:
            gamma = 1 / (factor * width)
            expected += rbf_kernel(a, gamma=gamma).mean() + rbf_kernel(b, gamma=gamma).mean()
            expected -= 2 * rbf_kernel(a, b, gamma=gamma).mean()
        assert mmd_loss(a, b).item() == pytest.approx(expected / len(FACTORS), rel=1e-6)

    def test_equal_sets_cost_nothing_and_apart_more_than_near(self):
        a = rows(6)
        assert mmd_loss(a, a[torch.randperm(6)]).item() == pytest.approx(0, abs=1e-6)
        assert mmd_loss(a, rows(6, seed=1, shift=3.0)) > mmd_loss(a, rows(6, seed=1, shift=0.3))

    def test_descending_it_brings_the_sets_together(self):
        a, b = rows(6).requires_grad_(), rows(6, seed=1, shift=2.0)
        mmd_loss(a, b).backward()
        assert (a.grad.mean(0) < 0).all()  # a step against it moves a upwards, towards b


class TestDomains:
    def test_labelled_and_unlabelled_rows_where_no_source_is_named(self):
        source, target = split_domains(torch.arange(L + U), batch(make(DANN)))
        assert source.tolist() == list(range(L))
        assert target.tolist() == list(range(L, L + U))

    def test_sources_cut_through_labelled_and_unlabelled_rows(self):
        b = replace(batch(make(DANN)), domains=torch.arange(L + U) % 2)
        source, target = split_domains(torch.arange(L + U), b)
        assert source.tolist() == list(range(0, L + U, 2))
        assert target.tolist() == list(range(1, L + U, 2))

    @pytest.mark.parametrize("distance", [coral_loss, mmd_loss])
    def test_the_distance_is_that_of_the_sources(self, distance):
        x, of = rows(L + U), torch.arange(L + U) % 2
        b = replace(batch(make(DANN)), domains=of)
        assert between(distance, x, b) == distance(x[of == 0], x[of == 1])
        assert between(distance, x, replace(b, domains=None)) == distance(x[:L], x[L:])

    @pytest.mark.parametrize("distance", [coral_loss, mmd_loss, lambda a, b: domain_loss(a[:, 0], b[:, 0])])
    @pytest.mark.parametrize("few", [0, 1])
    def test_a_step_that_brings_too_few_of_a_source_costs_nothing(self, distance, few):
        x, b = rows(L + U).requires_grad_(), batch(make(DANN))
        found = between(distance, x, replace(b, domains=(torch.arange(L + U) < few).long()))
        assert found == 0
        found.backward()
        assert not x.grad.any()

    @pytest.mark.slow
    def test_two_processes_equal_one_whatever_sources_each_has(self, tmp_path):
        one, two = trace(), ranks.two_processes(__file__, tmp_path)
        for name in SOURCED:
            (distance, gradients), sizes = one[name][:2], [traced[name][2] for traced in two]
            assert sizes[0] != sizes[1]  # the sources of the two are not alike
            for found, of_rank, _ in (traced[name] for traced in two):
                torch.testing.assert_close(found, distance, rtol=1e-6, atol=1e-9)
                for key, value in gradients.items():
                    torch.testing.assert_close(of_rank[key], value, rtol=1e-4, atol=1e-7, msg=key)


DANN = Case(DannConfig(hidden=6))
SOURCED = {"dann": DANN, "coral": Case(CoralConfig()), "mmd": Case(MmdConfig())}


def trace(rank=0, world=1):
    """Distance, gradients and how many rows of the second source, of one step in float64; each rank has its part."""
    found = {}
    for name, case in SOURCED.items():
        learner = Learner(encoder(), make(case)).to(torch.float64)
        learner.objective.after_step(learner.encoder, 0.3)
        own = part(batch(learner.objective), rank, world, torch.float64)
        given = replace(own, domains=(own.index < 5).long())
        module = parallel(learner)
        total, parts = module(given)
        total.backward()
        gradients = {k: p.grad.clone() for k, p in learner.named_parameters() if p.grad is not None}
        found[name] = (parts["consistency"], gradients, int(given.domains.sum()))
    return found


if __name__ == "__main__":
    ranks.be_a_rank(trace)
