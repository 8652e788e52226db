import torch

from components.semisupervised.parts.alignment import aligned, everywhere


def test_guesses_are_multiplied_by_wanted_over_mean():
    p = torch.tensor([[0.5, 0.5], [0.8, 0.2]])
    found = aligned(p.log(), torch.tensor([0.6, 0.4]), torch.tensor([0.75, 0.25])).softmax(1)
    torch.testing.assert_close(found, torch.tensor([[1 / 3, 2 / 3], [2 / 3, 1 / 3]]))


def test_no_class_is_divided_by_zero():
    found = aligned(torch.zeros(1, 2), torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0]))
    assert torch.isfinite(found).all()


def test_means_carry_no_gradient():
    values = torch.ones(3, 2, requires_grad=True)
    assert everywhere(values).tolist() == [1, 1]
    assert not everywhere(values).requires_grad
