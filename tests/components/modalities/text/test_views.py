import numpy as np
import torch

from components.modalities.text.augment import TextView
from components.modalities.text.tokenizer import CLS
from components.modalities.text.views import POLICIES, TextViews
from components.modalities.views import build_views
from tests.components.modalities.text.toys import packing

VIEWS = TextViews(packing())


def test_it_is_found_by_its_packing():
    assert isinstance(build_views(packing()), TextViews)


def test_rows_are_padded_to_the_longest():
    rows = [np.array([2, 9], np.int32), np.array([2, 7, 8, 9], np.int32)]
    found = VIEWS.collate(rows)
    assert found.dtype == torch.int64
    assert found.tolist() == [[2, 9, 0, 0], [2, 7, 8, 9]]
    assert torch.equal(VIEWS.clean(found), found)


def test_roles():
    usual = POLICIES["noise"].pretrain
    for given in (None, "measured", "noise"):
        assert VIEWS.roles(given, None)["global"] == usual
    own = TextView(mask=0.4)
    assert VIEWS.roles(own, None) == {
        "global": own, "plain": TextView(), "local": TextView(crop=(0.2, 0.5), mask=0.4),
    }  # fmt: skip
    assert VIEWS.roles(None, own)["local"] == own


def test_a_policy_is_no_weaker_where_it_is_strong():
    for policy in VIEWS.policies:
        views = VIEWS.policy(policy)
        assert views.weak.drop < views.strong.drop
        assert views.weak.mask <= views.strong.mask
        assert TextView() not in (views.weak, views.strong, views.pretrain)


def test_nothing_in_a_text():
    blank = VIEWS.blank(3)
    assert blank.shape == (3, VIEWS.length(TextView()))
    assert (blank[:, 0] == CLS).all()
    assert not blank[:, 1:].any()
