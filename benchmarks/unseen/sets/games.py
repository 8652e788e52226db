"""Chess pieces on their squares and playing cards on a table."""

import subprocess
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.unseen.image_set import Images, ImageSet
from benchmarks.unseen.packages import debian
from benchmarks.unseen.sets.pictures import framed
from benchmarks.unseen.split import hold_out
from components.arrays import Pixels

SCID = debian("scid-data", "usr/share/scid/img/pieces")
CARDS = debian("gnome-cards-data", "usr/share/aisleriot/cards")
RSVG = debian("librsvg2-bin", "usr/bin/rsvg-convert")
PIECES = [f"{colour} {piece}" for colour in ("white", "black") for piece in (
    "pawn", "knight", "bishop", "rook", "queen", "king")]  # fmt: skip
SQUARE = 40
RANKS = ["ace", "2", "3", "4", "5", "6", "7", "8", "9", "10", "jack", "queen", "king"]
OTHER_SUITS = ("tarocco", "swiss-xvii")
ABSTRACT = ("Bauhaus", "Blindfold")  # styles in which a piece is a plain shape, or nothing
SAME_PIPS = {
    "Атласные": "atlasnye",
    "gnomangelo": "anglo",
    "gnomangelo_bitmap": "anglo",
    "guyenne-classic": "paris",
    "lattmann": "berlin",
}
FELT = (0, 110, 50)


def chess(seed: int, folder: Path) -> Images:
    """Each piece of each set on squares of all boards; beside them empty squares."""
    rng = np.random.default_rng(seed)
    squares = [
        Image.open(file).convert("RGBA")
        for file in sorted((SCID.path(folder).parent / "boards").glob("*-[dl].gif"))
    ]
    images, labels, groups = [], [], []
    for strip in sorted(SCID.path(folder).glob("*/*_60.*")):
        if strip.parent.name in ABSTRACT:
            continue
        pieces = Image.open(strip).convert("RGBA")
        group = strip.parent.name.rstrip("1")  # Merida1 is Merida, drawn once more
        for square in squares:
            for label in range(len(PIECES)):
                piece = pieces.crop((60 * label, 0, 60 * label + 60, 60))
                images.append(_on_square(square, piece, rng))
                labels.append(label)
                groups.append(group)
            images.append(_on_square(square, None, rng))
            labels.append(len(PIECES))
            groups.append(group)
    test = hold_out(groups, seed)
    return Images(np.stack(images), np.array(labels, dtype=np.int64), [*PIECES, "empty"], test)


def _on_square(square: Image.Image, piece: Image.Image | None, rng: np.random.Generator) -> Pixels:
    """A random part of the square's texture with the piece on it, off the middle by up to 2 pixels."""
    left, top = (int(rng.integers(0, side - SQUARE + 1)) for side in square.size)
    canvas = square.crop((left, top, left + SQUARE, top + SQUARE))
    if piece is not None:
        side = int(rng.integers(34, SQUARE + 1))
        place = tuple((SQUARE - side) // 2 + int(rng.integers(-2, 3)) for _ in range(2))
        small = Image.new("RGBA", canvas.size)
        small.paste(piece.resize((side, side), Image.Resampling.LANCZOS), (place[0], place[1]))
        canvas = Image.alpha_composite(canvas, small)
    return np.asarray(canvas.convert("RGB"))


def cards(seed: int, folder: Path) -> Images:
    """A deck is one picture of 13 columns and 5 rows: four suits by rank, then jokers and backs."""
    images, labels, groups = [], [], []
    for file in sorted(CARDS.path(folder).glob("*.svgz")):
        if file.stem in OTHER_SUITS:
            continue
        deck = _drawn(file, 13 * 64)
        width, height = 64, deck.height / 5
        for suit in range(4):
            for rank in range(13):
                box = (rank * width, round(suit * height), (rank + 1) * width, round((suit + 1) * height))
                images.append(framed(deck.crop(box), 64, FELT))
                labels.append(rank)
                groups.append(SAME_PIPS.get(file.stem, file.stem.split("_")[0]))
    return Images(np.stack(images), np.array(labels, dtype=np.int64), RANKS, hold_out(groups, seed))


def _drawn(file: Path, width: int) -> Image.Image:
    with tempfile.NamedTemporaryFile(suffix=".png") as out:
        command = [str(RSVG.path(Path())), "--width", str(width), "--output", out.name, str(file)]
        subprocess.run(command, check=True, capture_output=True)
        return Image.open(out.name).convert("RGBA")


GAMES = (
    ImageSet(
        name="chess",
        licence="GPL-2",
        packages=(SCID,),
        half="development",
        build=chess,
        task="Squares of chess boards, empty or with one of twelve pieces, in ten styles on 20 textures.",
        split="30 % of the styles of pieces; the textures of the squares are the same.",
    ),
    ImageSet(
        name="cards",
        licence="GPL-3+, LGPL-3+ and GFDL, by deck",
        packages=(CARDS, RSVG),
        half="final",
        build=cards,
        task="Playing cards on green felt by rank, of the French-suited decks of GNOME's card games.",
        split="30 % of the decks, those that share their number cards together.",
    ),
)
