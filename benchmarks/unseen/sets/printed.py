"""Printed characters: one glyph of one font, grey; the fonts of training and test differ."""

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from benchmarks.unseen.image_set import Half, Images, ImageSet
from benchmarks.unseen.packages import Package, font_package
from benchmarks.unseen.sets.fonts import CYRILLIC, DERIVED, GREEK, JAPANESE, LATIN, ONE_GROUP_A_FONT
from benchmarks.unseen.split import hold_out
from components.arrays import Pixels

SIDE = 28
DRAWN = 64  # pixels an em is drawn at before it is scaled down
FONTS_A_PACKAGE = 16
SKIPPED = ("Symbol", "Math", "Dingbat", "Barcode", "Emoji", "Icon")

Builder = Callable[[int, Path], Images]


def characters(classes: list[str], names: tuple[str, ...]) -> Builder:
    """A builder of images of these characters in all fonts of these Debian packages that have them all."""

    def build(seed: int, folder: Path) -> Images:
        rng = np.random.default_rng(seed)
        images: list[Pixels] = []
        labels, groups = [], []
        for name in names:
            for file in _files(font_package(name)):
                if not _covers(file, classes):
                    continue
                font = ImageFont.truetype(str(file), DRAWN)
                group = f"{name} {file.stem}" if name in ONE_GROUP_A_FONT else DERIVED.get(name, name)
                for label, character in enumerate(classes):
                    glyph = _glyph(font, character)
                    if glyph is not None:
                        images.append(_placed(glyph, rng))
                        labels.append(label)
                        groups.append(group)
        return Images(np.stack(images), np.array(labels, dtype=np.int64), classes, hold_out(groups, seed))

    return build


def _files(package: Package) -> list[Path]:
    """Up to FONTS_A_PACKAGE fonts, evenly over the sorted names; all where each is a group of its own."""
    listed = package.path(Path()).read_text(encoding="utf-8").splitlines()
    files = sorted(
        Path(line)
        for line in listed
        if line.lower().endswith((".ttf", ".otf", ".ttc")) and not any(word in line for word in SKIPPED)
    )
    if package.name in ONE_GROUP_A_FONT or len(files) <= FONTS_A_PACKAGE:
        return files
    return [files[i * len(files) // FONTS_A_PACKAGE] for i in range(FONTS_A_PACKAGE)]


def _covers(file: Path, classes: list[str]) -> bool:
    from fontTools.ttLib import TTFont, TTLibError

    logging.getLogger("fontTools").setLevel(logging.ERROR)  # it warns of names that are not needed here
    try:
        with TTFont(file, fontNumber=0, lazy=True) as font:
            known = font.getBestCmap() or {}
    except TTLibError:
        return False
    return all(ord(character) in known for character in classes)


def _glyph(font: ImageFont.FreeTypeFont, character: str) -> Image.Image | None:
    """The glyph in white on black, cut to its ink; None where there is none, or FreeType cannot draw it."""
    canvas = Image.new("L", (3 * DRAWN, 3 * DRAWN))
    try:
        ImageDraw.Draw(canvas).text((DRAWN, DRAWN), character, fill=255, font=font)
    except OSError:
        return None
    box = canvas.getbbox()
    return canvas.crop(box) if box else None


def _placed(glyph: Image.Image, rng: np.random.Generator) -> Pixels:
    """Black on white, the longer side 16 to 24 pixels, off the middle by up to 2."""
    longest = rng.integers(16, 25)
    scale = longest / max(glyph.size)
    size = tuple(max(1, round(side * scale)) for side in glyph.size)
    small = glyph.resize((size[0], size[1]), Image.Resampling.BOX if scale < 1 else Image.Resampling.BICUBIC)
    canvas = Image.new("L", (SIDE, SIDE))
    left, top = ((SIDE - side) // 2 + int(rng.integers(-2, 3)) for side in size)
    canvas.paste(small, (left, top))
    return 255 - np.asarray(canvas)


def _letters(first: str, last: str, without: str = "") -> list[str]:
    return [chr(code) for code in range(ord(first), ord(last) + 1) if chr(code) not in without]


def _kana() -> Iterator[str]:
    """The 46 hiragana of the basic table."""
    yield from "あいうえおかきくけこさしすせそたちつてとなにぬねのはひふへほまみむめもやゆよらりるれろわをん"


def _set(name: str, half: Half, classes: list[str], fonts: tuple[str, ...], what: str) -> ImageSet:
    return ImageSet(
        name=name,
        licence="free, by font: OFL, GPL with font exception, Apache-2.0 and others",
        packages=tuple(font_package(font) for font in fonts),
        half=half,
        build=characters(classes, fonts),
        task=f"{what}, black on white, each in many fonts of Debian, size and place varied.",
        split="whole packages of fonts, those with a common origin together: no font is on both sides.",
    )


PRINTED = (
    _set("printed-digits", "development", _letters("0", "9"), LATIN, "Digits"),
    _set("greek", "final", _letters("α", "ω", without="ς"), GREEK, "Greek small letters"),
    _set("cyrillic", "development", _letters("а", "я"), CYRILLIC, "Russian small letters"),
    _set("kana", "final", list(_kana()), JAPANESE, "Hiragana"),
)
