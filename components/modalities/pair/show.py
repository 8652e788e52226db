"""A pair as HTML for reports and label pages: the image, and its caption below."""

from components.modalities.image.show import img, thumbnail
from components.modalities.pair.config import PairPacking
from components.modalities.pair.packed import Row
from components.modalities.text.show import snippet


def pair(stored: Row, packing: PairPacking, size: int) -> str:
    """size: side of the image and width of the caption in pixels."""
    pixels, tokens = stored[: packing.pixels], stored[packing.pixels :]
    side = packing.image.size
    image = pixels.astype("uint8").reshape(packing.image.channels, side, side)
    shown, caption = img(thumbnail(image, size)), snippet(tokens, packing.text, size)
    return f'<span style="display:inline-block;width:{size}px;vertical-align:top">{shown}<br>{caption}</span>'
