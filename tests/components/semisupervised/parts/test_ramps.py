import math

import pytest
import torch

from components.semisupervised.parts.ramps import gaussian, half_cosine, linear

X = torch.tensor([0.0, 0.25, 0.5, 0.75, 1.0])
PUBLISHED = [0.0067379470, 0.0600546679, 0.2865047968, 0.7316156289, 1.0]


def test_the_gaussian_ramp_has_the_published_values():
    torch.testing.assert_close(gaussian(X, 1.0), torch.tensor(PUBLISHED))
    torch.testing.assert_close(gaussian(X * 0.2, 0.2), torch.tensor(PUBLISHED))


def test_the_others_are_a_line_and_half_a_cosine():
    torch.testing.assert_close(linear(X, 1.0), X)
    torch.testing.assert_close(
        half_cosine(X, 1.0), torch.tensor([0, (1 - math.sqrt(0.5)) / 2, 0.5, 0.8535534, 1])
    )


@pytest.mark.parametrize("ramp", [linear, gaussian, half_cosine])
def test_every_ramp_stays_at_1_after_its_length_and_is_1_without_one(ramp):
    assert ramp(torch.tensor([0.3, 0.6, 1.0]), 0.3).tolist() == [1, 1, 1]
    assert ramp(torch.tensor([0.0, 0.5]), 0.0).tolist() == [1, 1]
