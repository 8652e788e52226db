"""Views of pairs: each side is changed as its own kind changes it, and comes out of the row as it went in."""

import numpy as np
import torch

from components.modalities.image.augment import ViewConfig
from components.modalities.image.augment import augment as augment_images
from components.modalities.image.views import ImageViews
from components.modalities.pair.views import PairView, PairViews, as_view, seen_pair
from components.modalities.text.augment import TextView
from components.modalities.text.augment import augment as augment_texts
from components.modalities.text.tokenizer import CLS
from tests.components.objectives.pairs import LENGTH, PACKING, SIDE, pairs

MAKER = PairViews(PACKING)


def test_both_sides_come_out_of_a_view_as_they_went_in():
    image, text = torch.rand(3, 1, SIDE, SIDE), torch.tensor([[CLS, 9, 7], [CLS, 5, 0], [CLS, 6, 30]])
    view = as_view(image, text, LENGTH)
    assert view.shape == (3, SIDE * SIDE + LENGTH)
    seen = seen_pair(view, PACKING)
    assert torch.equal(seen.image, image)
    assert seen.text.dtype == torch.int64
    assert torch.equal(seen.text[:, :3], text)
    assert not seen.text[:, 3:].any()


def test_a_token_of_the_largest_vocabulary_is_exact_in_float32():
    text = torch.tensor([[CLS, 65_535, 65_534]])
    assert (
        seen_pair(as_view(torch.rand(1, 1, 4, 4), text, LENGTH), PACKING).text[0, :3].tolist()
        == text[0].tolist()
    )


def test_a_smaller_view_of_the_image_leaves_the_caption():
    view = pairs(4)
    how = PairView(image=ViewConfig(size=4), text=TextView())
    seen = seen_pair(MAKER.augment(view, how, torch.Generator().manual_seed(0)), PACKING)
    assert seen.image.shape == (4, 1, 4, 4)
    assert torch.equal(seen.text, seen_pair(view, PACKING).text)
    assert MAKER.length(how) == 4 * 4 + LENGTH


def test_each_side_is_augmented_by_its_own_kind():
    view = pairs(5)
    how = PairView(image=ViewConfig(size=SIDE, flip=1.0), text=TextView(drop=0.5))
    seen = seen_pair(MAKER.augment(view, how, torch.Generator().manual_seed(3)), PACKING)
    clean, generator = seen_pair(view, PACKING), torch.Generator().manual_seed(3)
    assert torch.equal(seen.image, augment_images(clean.image, how.image, generator))
    text = augment_texts(clean.text, how.text, PACKING.text, generator)
    assert torch.equal(seen.text[:, : text.shape[1]], text)


def test_rows_become_pixels_in_zero_to_one_and_tokens():
    row = np.concatenate([np.full(SIDE * SIDE, 51), [CLS, 9]]).astype(np.int32)
    seen = seen_pair(MAKER.clean(MAKER.collate([row, row[:-1]])), PACKING)
    torch.testing.assert_close(seen.image, torch.full((2, 1, SIDE, SIDE), 0.2))
    assert seen.text.tolist() == [[CLS, 9, 0, 0, 0, 0], [CLS, 0, 0, 0, 0, 0]]


def test_roles_are_those_of_both_sides():
    images = ImageViews(PACKING.image)
    roles = MAKER.roles("photo", None)
    assert roles["global"].image == images.roles("photo", None)["global"]
    assert roles["global"].text == TextView(drop=0.1)
    assert roles["plain"].text == TextView()
    assert roles["plain"].image.jitter == 0
    given = PairView(image=ViewConfig(scale=(0.5, 1.0)), text=TextView(mask=0.2))
    own = MAKER.roles(given, None)
    assert own["global"].image.size == SIDE  # that of the data, where the options name none
    assert own["global"].image.scale == (0.5, 1.0)
    assert own["global"].text == TextView(mask=0.2)
    assert own["local"].image.size == SIDE // 2
    assert MAKER.roles("measured", None) == MAKER.roles(MAKER.usual, None)
