from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image, ImageFont

from benchmarks.unseen.sets.fonts import CYRILLIC, DERIVED, GREEK, JAPANESE, LATIN
from benchmarks.unseen.sets.printed import DRAWN, PRINTED, SIDE, _covers, _glyph, _kana, _placed

FONT = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"


def test_a_font_is_taken_when_it_has_all_characters():
    assert _covers(FONT, ["α", "ω", "я"])
    assert not _covers(FONT, ["α", "あ"])


def test_a_glyph_is_cut_to_its_ink_and_a_space_has_none():
    font = ImageFont.truetype(str(FONT), DRAWN)
    glyph = _glyph(font, "I")
    assert glyph is not None
    assert glyph.getbbox() == (0, 0, *glyph.size)
    assert glyph.height > 3 * glyph.width
    assert _glyph(font, " ") is None


def test_a_glyph_is_black_on_white_16_to_24_pixels_long_near_the_middle():
    full = Image.new("L", (50, 25), 255)
    for seed in range(50):
        image = _placed(full, np.random.default_rng(seed))
        rows, columns = np.nonzero(image < 128)
        height, width = np.ptp(rows) + 1, np.ptp(columns) + 1
        assert image.shape == (SIDE, SIDE)
        assert 16 <= width <= 24
        assert abs(height - width / 2) <= 0.5
        assert abs(columns.mean() - 13.5) <= 2.5


def test_alphabets_and_packages():
    letters = {one.name: one for one in PRINTED}
    assert list(letters) == ["printed-digits", "greek", "cyrillic", "kana"]
    assert len(list(_kana())) == 46 == len(set(_kana()))
    for names in (LATIN, GREEK, CYRILLIC, JAPANESE):
        assert len(names) == len(set(names)) > 20
    assert DERIVED.keys() <= {*LATIN, *GREEK, *CYRILLIC, *JAPANESE}
