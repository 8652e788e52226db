import pytest
import torch

from components.encoders import build_encoder
from components.encoders.resnet import ResnetConfig
from components.encoders.vit import VitConfig
from components.errors import UserError
from components.modalities.image.config import image_packing
from components.objectives.ibot import Ibot, IbotConfig
from components.objectives.mae import Mae, MaeConfig
from components.objectives.maskfeat import Maskfeat, MaskfeatConfig
from components.objectives.parts.masks import largest, patches, priorities, visible
from components.objectives.parts.sample_rng import Chance


def test_the_largest_numbers_are_hidden():
    numbers = torch.tensor([[0.1, 0.9, 0.5, 0.2], [0.4, 0.3, 0.2, 0.1]])
    hidden = largest(numbers, 0.5)
    assert hidden.tolist() == [[False, True, True, False], [True, True, False, False]]
    assert visible(hidden).tolist() == [[0, 3], [2, 3]]


@pytest.mark.parametrize(("ratio", "count"), [(0.001, 1), (0.4, 4), (0.75, 8), (0.999, 9)])
def test_at_least_one_is_hidden_and_one_is_not(ratio, count):
    assert largest(torch.rand(5, 10), ratio).sum(1).tolist() == [count] * 5


def test_every_patch_is_hidden_as_often_as_asked():
    torch.manual_seed(0)
    chance, index = Chance(), torch.arange(4000)
    share = largest(chance.uniform(index, 16), 0.75).float().mean(0)
    torch.testing.assert_close(share, torch.full((16,), 0.75), atol=0.03, rtol=0)  # 4 sigma: .027
    cells = priorities(chance.uniform(index, 4, 4, stream=1), chance.uniform(index, 2, 2), 2)
    torch.testing.assert_close(
        largest(cells, 0.25).float().mean(0), torch.full((16,), 0.25), atol=0.03, rtol=0
    )


def test_cells_of_patches_are_hidden_together_and_cut_at_the_border():
    coarse = torch.tensor([[[0.1, 0.9], [0.5, 0.2]]])
    hidden = largest(priorities(torch.rand(1, 3, 3), coarse, 2), 3 / 9).view(3, 3)
    # the cell on the right holds 2 patches; of the one below, of 2, the third comes from there
    assert hidden[:, 2].tolist() == [True, True, False]
    assert hidden[2, :2].sum() == 1
    assert hidden.sum() == 3


def test_patches_are_cut_as_a_loop_cuts_them():
    x = torch.rand(2, 3, 4, 6)
    found = patches(x, 2)
    assert found.shape == (2, 6, 12)
    for token in range(6):
        row, column = divmod(token, 3)
        square = x[:, :, 2 * row : 2 * row + 2, 2 * column : 2 * column + 2]
        assert torch.equal(found[:, token], square.flatten(1))


def test_one_patch_alone_is_refused():
    with pytest.raises(UserError, match=r"2 patches a view or more, got 1.*smaller patch"):
        largest(torch.rand(3, 1), 0.5)


@pytest.mark.parametrize(
    ("build", "config"), [(Mae, MaeConfig()), (Maskfeat, MaskfeatConfig()), (Ibot, IbotConfig())]
)
def test_an_encoder_without_tokens_is_refused_with_both_sides_and_the_remedy(build, config):
    resnet = build_encoder(ResnetConfig(widths=(4,), blocks=(1,)), image_packing(1, [0.5], [0.3]))
    with pytest.raises(
        UserError, match=rf"{config.name} .*needs an encoder of tokens, and Resnet.*name: vit"
    ):
        build(config, resnet)


@pytest.mark.parametrize(
    ("build", "config"), [(Mae, MaeConfig()), (Maskfeat, MaskfeatConfig()), (Ibot, IbotConfig())]
)
def test_what_is_hidden_changes_with_the_step_and_belongs_to_the_sample(build, config):
    torch.manual_seed(0)
    vit = build_encoder(VitConfig(width=8, depth=1, heads=1, patch=2), image_packing(1, [0.5], [0.3]))
    objective = build(config, vit)
    before = objective.chance.uniform(torch.arange(4), 16)
    objective.after_step(vit, 0.1)
    after = objective.chance.uniform(torch.arange(4), 16)
    assert not torch.equal(before, after)
    assert torch.equal(objective.chance.uniform(torch.tensor([2]), 16)[0], after[2])
