"""Packed pairs: row by row the same pairs on both sides, as their own kinds pack them."""

import numpy as np
import pytest

from components.modalities.image.pack import decode as pixels_of
from components.modalities.pair.config import PairConfig, PairPacking
from components.modalities.pair.container import join
from components.modalities.text.tokenizer import words
from tests.components.modalities.cases import CASES, made, png

CONFIG = CASES["pair"].config
COUNT = 8 * 8


def test_a_row_is_the_images_pixels_and_the_captions_tokens(tmp_path):
    one = made("pair", tmp_path, samples=[join(png(k), f"cat number cat {k}".encode()) for k in range(12)])
    packed, packing = one.samples.open(), one.samples.packing
    assert packing.pixels == COUNT
    for place in (0, 7, 11):
        row = packed.row(place)
        np.testing.assert_array_equal(row[:COUNT].reshape(1, 8, 8), pixels_of(png(place), CONFIG.image))
        assert words(row[COUNT:].tolist(), packing.text.vocabulary)[:3] == ["cat", "number", "cat"]
    everything = one.samples.clean(np.arange(12))
    assert everything.shape == (12, COUNT + 20)
    np.testing.assert_allclose(everything[3, :COUNT] * 255, packed.row(3)[:COUNT], atol=1e-4)
    tokens = packed.row(3)[COUNT:]
    assert len(tokens) > 4
    np.testing.assert_array_equal(everything[3, COUNT : COUNT + len(tokens)], tokens)
    assert not everything[3, COUNT + len(tokens) :].any()


def test_a_pair_of_which_one_side_cannot_be_read_has_no_row_on_either(tmp_path):
    good = [join(png(k), f"cat {k % 3} dog".encode()) for k in range(12)]
    given = [
        *good[:3],
        join(png(0)[:60], b"cut image"),
        *good[3:8],
        join(png(1), b"\0\0"),
        b"none",
        *good[8:],
    ]
    one, clean = made("pair", tmp_path / "one", samples=given), made("pair", tmp_path / "two", samples=good)
    assert sorted(one.written.unreadable) == [3, 9, 10]
    assert one.written.unreadable[3].startswith("truncated")
    assert one.written.unreadable[9] == "not text: NUL bytes"
    assert one.written.unreadable[10].startswith("not a pair")
    assert one.written.samples == 12
    for name, file in one.samples.files.items():
        assert file.read_bytes() == clean.samples.files[name].read_bytes(), name
    assert one.samples.packing == clean.samples.packing


def test_what_reads_what(tmp_path):
    packing = made("pair", tmp_path).samples.packing
    other = packing.model_copy(update={"prompts": ("a {}",)})
    assert packing.reads(other)
    larger = packing.model_copy(update={"image": packing.image.model_copy(update={"size": 9})})
    fewer = packing.text.model_copy(update={"vocabulary": packing.text.vocabulary[:-1]})
    assert not packing.reads(larger)
    assert not packing.reads(packing.model_copy(update={"text": fewer}))
    assert not packing.reads(packing.image)


def test_prompts_need_one_place_for_the_class():
    assert PairConfig(prompts=("a picture of {}",)).prompts == ("a picture of {}",)
    for wrong in ("a picture", "{} and {}"):
        with pytest.raises(ValueError, match=r"must contain \{\} once"):
            PairConfig(prompts=(wrong,))
    with pytest.raises(ValueError, match="at least 1"):
        PairConfig(prompts=())


def test_a_pair_without_a_caption_can_be_served(tmp_path):
    one = made("pair", tmp_path)
    packing = one.samples.packing
    assert isinstance(packing, PairPacking)
    row = one.modality.row_of({"image": png(3), "text": None}, packing)
    assert len(row) == COUNT + 1  # the token before the first word
    np.testing.assert_array_equal(row[:COUNT], one.samples.open().row(3)[:COUNT])
