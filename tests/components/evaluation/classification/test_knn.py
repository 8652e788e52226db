import math

import pytest
import torch
import torch.nn.functional as F
from sklearn.neighbors import KNeighborsClassifier

from components.evaluation.classification.knn import choose_k, knn


def at(*cosines):
    """Unit vectors of the given cosines to (1, 0)."""
    return torch.tensor([[c, math.sqrt(1 - c * c)] for c in cosines])


@pytest.mark.parametrize(("temperature", "ratio"), [(0.07, 4.1727), (0.1, 2.7183)])
def test_a_neighbour_at_cosine_nine_tenths_outvotes_one_at_eight_tenths(temperature, ratio):
    votes = knn(at(0.9, 0.8), torch.tensor([0, 1]), at(1.0), classes=2, k=2, temperature=temperature)
    assert float(votes[0, 0] / votes[0, 1]) == pytest.approx(ratio, rel=1e-4)


def slow_knn(bank, labels, queries, classes, k, t):
    out = torch.zeros(len(queries), classes, dtype=torch.float64)
    for m, q in enumerate(queries.double()):
        cosine = [float(q @ b / (q.norm() * b.norm())) for b in bank.double()]
        for i in sorted(range(len(cosine)), key=lambda i: -cosine[i])[:k]:
            out[m, labels[i]] += math.exp(cosine[i] / t)
    return out / out.sum(1, keepdim=True)


@pytest.mark.parametrize("chunk", [3, 4096])
def test_equals_the_formula_in_loops(chunk):
    g = torch.Generator().manual_seed(0)
    bank, queries, labels = (
        torch.randn(30, 5, generator=g),
        torch.randn(7, 5, generator=g),
        torch.arange(30) % 4,
    )
    votes = knn(bank, labels, queries, classes=4, k=6, temperature=0.1, chunk=chunk)
    torch.testing.assert_close(
        votes.double(), slow_knn(bank, labels, queries, 4, 6, 0.1), rtol=1e-4, atol=1e-6
    )


def test_at_a_high_temperature_equals_scikit_learn():
    g = torch.Generator().manual_seed(1)
    bank, queries = (F.normalize(torch.randn(n, 8, generator=g), dim=1) for n in (80, 40))
    labels = torch.arange(80) % 3
    peer = KNeighborsClassifier(5, metric="cosine").fit(bank, labels).predict_proba(queries)
    votes = knn(bank, labels, queries, classes=3, k=5, temperature=1e6)
    torch.testing.assert_close(votes, torch.from_numpy(peer).float(), rtol=1e-4, atol=1e-4)


def test_length_does_not_matter_and_a_small_temperature_does_not_overflow():
    g = torch.Generator().manual_seed(2)
    bank, queries, labels = (
        torch.randn(20, 4, generator=g),
        torch.randn(5, 4, generator=g),
        torch.arange(20) % 2,
    )
    torch.testing.assert_close(
        knn(bank, labels, queries, classes=2, k=3), knn(bank * 50, labels, queries * 0.01, classes=2, k=3)
    )
    votes = knn(bank, labels, -queries, classes=2, k=3, temperature=1e-4)
    torch.testing.assert_close(votes.sum(1), torch.ones(5))


def test_more_neighbours_than_samples_and_classes_that_no_one_has():
    votes = knn(at(1.0, 0.5), torch.tensor([0, 2]), at(1.0), classes=5, k=20)
    assert votes.shape == (1, 5)
    assert votes[0].count_nonzero() == 2


def test_choose_k_leaves_the_sample_itself_out():
    """With itself among its neighbours k = 1 would be perfect, and equal to it nothing is better."""
    blobs = torch.cat([at(1.0, 0.999, 0.998, 0.997), -at(1.0, 0.999, 0.998, 0.997)])
    wrong_one = torch.tensor([0, 1, 0, 0, 1, 1, 0, 1])
    assert choose_k(blobs, wrong_one, classes=2, grid=(1, 3)) == 3


def test_refuses_shapes_that_do_not_fit():
    with pytest.raises(ValueError, match="needed"):
        knn(torch.ones(2, 3), torch.zeros(2, dtype=torch.long), torch.ones(1, 4), classes=2)
    with pytest.raises(ValueError, match="k >= 1"):
        knn(torch.ones(2, 3), torch.zeros(2, dtype=torch.long), torch.ones(1, 3), classes=2, k=0)
