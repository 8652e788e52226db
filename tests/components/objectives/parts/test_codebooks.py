import math

import pytest
import torch

from components.objectives.parts.codebooks import Codebooks, gumbel, mean_square, perplexities, unused


def made():
    torch.manual_seed(0)
    return Codebooks(inputs=5, outputs=8, codebooks=2, entries=3)


def test_of_each_codebook_the_entry_of_the_largest_noisy_logit():
    books, x, noise = made(), torch.randn(6, 5), torch.randn(6, 2, 3)
    found, codes, logits = books(x, noise, 1.0)
    plain = books.choice(x)
    for n in range(6):
        parts = []
        for g in range(2):
            own = plain[n, 3 * g : 3 * g + 3]
            torch.testing.assert_close(logits[n, g], own)
            taken = int((own + noise[n, g]).argmax())
            assert codes[n, g] == taken
            parts.append(books.table[g, taken])
        torch.testing.assert_close(found[n], books.leave(torch.cat(parts)))


def test_the_gradient_is_that_of_the_soft_choice():
    """At one latent and one codebook: d/dlogits of softmax((logits + noise) / t) . table."""
    torch.manual_seed(0)
    books = Codebooks(inputs=3, outputs=4, codebooks=1, entries=3)
    torch.nn.init.eye_(books.choice.weight)
    torch.nn.init.eye_(books.leave.weight)
    x, noise = torch.randn(1, 3, requires_grad=True), torch.randn(1, 1, 3)
    books(x, noise, 0.7)[0].sum().backward()
    other = x.detach().clone().requires_grad_()
    (((other + noise[:, 0]) / 0.7).softmax(1) @ books.table[0]).sum().backward()
    torch.testing.assert_close(x.grad, other.grad)


def test_gumbel_noise_chooses_by_the_softmax():
    u = torch.rand(200_000, 3, generator=torch.Generator().manual_seed(0))
    logits = torch.tensor([1.0, 0.0, -1.0])
    share = (logits + gumbel(u)).argmax(1).bincount(minlength=3) / 200_000
    torch.testing.assert_close(share, logits.softmax(0), atol=5e-3, rtol=0)
    assert float(gumbel(torch.tensor(1 / math.e))) == pytest.approx(0, abs=1e-6)
    assert torch.isfinite(gumbel(torch.tensor([0.0, 1 - 2**-24]))).all()


def test_perplexity_and_what_is_not_used():
    even, one = torch.zeros(4, 2, 3), torch.zeros(4, 2, 3)
    one[..., 1] = 100
    torch.testing.assert_close(perplexities(even), torch.tensor([3.0, 3.0]))
    torch.testing.assert_close(perplexities(one), torch.tensor([1.0, 1.0]))
    assert float(unused(even)) == pytest.approx(0, abs=1e-6)
    assert float(unused(one)) == pytest.approx(2 / 3)
    alternating = torch.zeros(4, 1, 2)
    alternating[::2, 0, 0] = alternating[1::2, 0, 1] = 100  # each surely one, both equally often
    assert float(unused(alternating)) == pytest.approx(0, abs=1e-6)


def test_the_mean_square_is_of_places_inside():
    values = torch.tensor([[[1.0, 3.0], [9.0, 9.0]], [[2.0, 0.0], [0.0, 0.0]]])
    inside = torch.tensor([[True, False], [True, True]])
    assert float(mean_square(values, inside)) == pytest.approx((5 + 2 + 0) / 3)
