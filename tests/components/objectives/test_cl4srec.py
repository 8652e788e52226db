"""CL4SRec: SASRec and a contrast."""

import pytest
import torch

from components.errors import UserError
from components.objectives.base import Batch
from components.objectives.cl4srec import Cl4srec, Cl4srecConfig
from components.objectives.sasrec import Sasrec, SasrecConfig
from components.objectives.simclr import nt_xent
from tests.components.objectives.histories import events, make


def test_it_is_the_sum_of_both():
    encoder, objective = make(Cl4srec, Cl4srecConfig(weight=0.3, temperature=0.5))
    view, first, second = events(8, 0), events(8, 1), events(8, 2)
    found = objective(encoder, Batch([first, second, view], torch.arange(8)))
    plain = Sasrec(SasrecConfig(), encoder)
    plain.chance.load_state_dict(objective.chance.state_dict())
    ahead = plain(encoder, Batch([view], torch.arange(8))).total
    contrast = nt_xent(encoder(first), encoder(second), temperature=0.5)
    torch.testing.assert_close(found.total, ahead + 0.3 * contrast)
    torch.testing.assert_close(found.parts["contrast"], contrast.detach())


def test_three_views():
    encoder, objective = make(Cl4srec, Cl4srecConfig())
    with pytest.raises(UserError, match="3 views of each sample, got 1"):
        objective(encoder, Batch([events()], torch.arange(8)))
    assert objective.views == (("global", 2), ("plain", 1))
