"""The table of image sets. Halves alternate over kinds and were fixed before anything was tuned on them."""

from benchmarks.unseen.image_set import ImageSet
from benchmarks.unseen.sets.drawings import DRAWINGS
from benchmarks.unseen.sets.flags import FLAGS
from benchmarks.unseen.sets.games import GAMES
from benchmarks.unseen.sets.handwriting import HANDWRITING
from benchmarks.unseen.sets.microscopy import MICROSCOPY
from benchmarks.unseen.sets.printed import PRINTED
from benchmarks.unseen.sets.products import PRODUCTS
from benchmarks.unseen.sets.spectrograms import SPECTROGRAMS
from benchmarks.unseen.sets.textures import TEXTURES

SETS: dict[str, ImageSet] = {
    image_set.name: image_set
    for image_set in (
        *HANDWRITING,
        *PRINTED,
        *PRODUCTS,
        *DRAWINGS,
        *FLAGS,
        *GAMES,
        *SPECTROGRAMS,
        *TEXTURES,
        *MICROSCOPY,
    )
}
