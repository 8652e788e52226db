import pytest
import torch
from pydantic import ValidationError

from components.modalities.text.augment import (
    TextView,
    augment,
    begins,
    cropped,
    masked,
    shuffled,
    thinned,
)  # fmt: skip
from components.modalities.text.tokenizer import CLS, MASK, PAD
from tests.components.modalities.text.toys import VOCABULARY, packing

PACKING = packing()
LOUD = TextView(crop=(0.4, 0.9), swap=3, drop=0.2, mask=0.2)
A, THE, CAT, S = (VOCABULARY.index(piece) for piece in ("a", "▁the", "▁cat", "s"))


def texts(rows=64, width=12, seed=0):
    generator = torch.Generator().manual_seed(seed)
    view = torch.randint(5, len(VOCABULARY), (rows, width), generator=generator)
    lengths = torch.randint(2, width + 1, (rows, 1), generator=generator)
    view = view.masked_fill(torch.arange(width) >= lengths, PAD)
    view[:, 0] = CLS
    return view


def made(view, how, seed=0):
    return augment(view, how, PACKING, torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("how", [LOUD, TextView(crop=(0.3, 0.3)), TextView(swap=4), TextView(drop=0.9)])
def test_cls_stays_first_and_padding_last(how):
    view = texts()
    found = made(view, how)
    assert found.shape == view.shape
    assert (found[:, 0] == CLS).all()
    padding = found == PAD
    assert (padding.long().diff(dim=1) >= 0).all()
    assert (found[:, 1:] != PAD).any(dim=1).all()
    kept = [sorted(row[row > 4].tolist()) for row in found]
    whole = [sorted(row[row > 4].tolist()) for row in view]
    for few, all_of in zip(kept, whole, strict=True):
        assert all(few.count(token) <= all_of.count(token) for token in few)


def test_nothing_named_changes_nothing():
    assert torch.equal(made(texts(), TextView()), texts())


def test_no_text_depends_on_another_or_on_the_width_of_the_batch():
    view = texts()
    whole = made(view, LOUD)
    narrow = view[:1, : int((view[0] != PAD).sum())]
    alone = made(narrow, LOUD)
    assert torch.equal(whole[:1, : alone.shape[1]], alone)
    assert not whole[0, alone.shape[1] :].any()
    other = view.clone()
    other[1:] = texts(seed=5)[1:]
    assert torch.equal(made(other, LOUD)[0], whole[0])


def test_the_generator_is_the_only_chance():
    assert torch.equal(made(texts(), LOUD), made(texts(), LOUD))
    assert not torch.equal(made(texts(), LOUD), made(texts(), LOUD, seed=1))


def test_a_span_by_hand():
    view = torch.tensor([[CLS, 11, 12, 13, 14, PAD]])
    share, place = torch.tensor([[0.5]]), torch.tensor([[0.4]])
    assert cropped(view, share, place).tolist() == [[CLS, 12, 13, PAD, PAD, PAD]]
    assert cropped(view, share, torch.tensor([[0.99]])).tolist() == [[CLS, 13, 14, PAD, PAD, PAD]]
    assert cropped(view, share, torch.tensor([[0.0]])).tolist() == [[CLS, 11, 12, PAD, PAD, PAD]]
    assert cropped(view, torch.tensor([[0.01]]), place).tolist() == [[CLS, 12, PAD, PAD, PAD, PAD]]
    assert torch.equal(cropped(view, torch.tensor([[1.0]]), place), view)
    nothing = torch.tensor([[CLS, PAD, PAD]])
    assert torch.equal(cropped(nothing, share, place), nothing)


def test_every_place_of_a_span_is_as_likely():
    view = torch.arange(10, 14).repeat(6000, 1)
    view = torch.cat([torch.full((6000, 1), CLS), view], dim=1)
    found = made(view, TextView(crop=(0.5, 0.5)))
    first = torch.bincount(found[:, 1] - 10, minlength=3)
    assert (first.float() / 6000 - 1 / 3).abs().max() < 0.02


def test_words_change_places_within_the_window_and_stay_whole():
    first = begins(VOCABULARY)
    view = torch.tensor([[CLS, THE, CAT, S, CAT, THE, PAD]])
    numbers = torch.tensor([[0.0, 0.9, 0.1, 0.7, 0.0, 0.5, 0.0]])
    # keys of the words the, cats, cat, the at a window of 2: 2 + 1.8, 3 + .2, 4 + 0, 5 + 1
    assert shuffled(view, 2, numbers, first).tolist() == [[CLS, CAT, S, THE, CAT, THE, PAD]]
    assert torch.equal(shuffled(view, 1, numbers, first), view)


def test_no_word_moves_by_the_window_or_more():
    width = 40
    view = torch.cat([torch.tensor([[CLS]]), torch.arange(100, 99 + width)[None]], dim=1).repeat(200, 1)
    first = torch.ones(200, dtype=torch.bool)
    for window in (2, 5):
        numbers = torch.rand(200, width, generator=torch.Generator().manual_seed(0))
        moved = (shuffled(view, window, numbers, first)[:, 1:] - 100 - torch.arange(width - 1)).abs()
        assert moved.max() == window - 1


def test_tokens_are_left_out_by_their_numbers():
    view = torch.tensor([[CLS, 11, 12, 13, PAD]])
    numbers = torch.tensor([[0.0, 0.2, 0.6, 0.4, 0.9]])
    assert thinned(view, numbers, 0.3).tolist() == [[CLS, 12, 13, PAD, PAD]]
    assert thinned(view, numbers, 0.95).tolist() == [[CLS, 12, PAD, PAD, PAD]]  # the highest number stays
    nothing = torch.tensor([[CLS, PAD, PAD]])
    assert torch.equal(thinned(nothing, torch.rand(1, 3), 0.99), nothing)


def test_mask_spares_cls_and_padding():
    view = torch.tensor([[CLS, 11, 12, PAD]])
    assert masked(view, torch.ones(1, 4, dtype=torch.bool)).tolist() == [[CLS, MASK, MASK, PAD]]
    assert view.tolist() == [[CLS, 11, 12, PAD]]


def test_shares_are_those_asked_for():
    view = torch.randint(5, len(VOCABULARY), (8000, 13))
    view[:, 0] = CLS
    sigma = (0.3 * 0.7 / (8000 * 12)) ** 0.5
    gone = 1 - (made(view, TextView(drop=0.3))[:, 1:] != PAD).float().mean()
    hidden = (made(view, TextView(mask=0.3))[:, 1:] == MASK).float().mean()
    assert abs(float(gone) - 0.3) < 4 * sigma
    assert abs(float(hidden) - 0.3) < 4 * sigma


@pytest.mark.parametrize("crop", [(0.0, 1.0), (0.5, 0.4), (0.5, 1.5)])
def test_bounds_of_a_crop(crop):
    with pytest.raises(ValidationError, match="crop must be"):
        TextView(crop=crop)
