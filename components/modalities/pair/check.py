"""Is this a pair that training can use? Both sides are there, and each is checked as its own kind."""

from collections.abc import Sequence

from components.modalities.image.check import check_images
from components.modalities.pair.config import PairLimits
from components.modalities.pair.container import NotPair, Sides, sides
from components.modalities.text.check import check_texts

NO_IMAGE = "no image: the caption has none beside it, or the path in its table leads to no file of the inbox"
NO_CAPTION = "no caption: the image has no text beside it, or the text is empty"


def check_pairs(batch: Sequence[bytes], limits: PairLimits) -> list[str | None]:
    """Why a pair belongs in quarantine, or None where it is good: of each of a batch, in order. Never raises.

    The reason is "kind" or "kind: detail"; the kind is one of empty, not a pair, no image, no caption, or "image " or
    "caption " before a kind of components.modalities.image.check or components.modalities.text.check.
    """
    reasons: list[str | None] = [None] * len(batch)
    whole: dict[int, Sides] = {}
    for number, data in enumerate(batch):
        try:
            found = sides(data)
        except NotPair as error:
            reasons[number] = str(error)
            continue
        if not found.image:
            reasons[number] = NO_IMAGE
        elif not found.caption.strip():
            reasons[number] = NO_CAPTION
        else:
            whole[number] = found
    of_images = check_images([pair.image for pair in whole.values()], limits.image)
    of_captions = check_texts([pair.caption for pair in whole.values()], limits.text)
    for number, image, caption in zip(whole, of_images, of_captions, strict=True):
        if image is not None:
            reasons[number] = f"image {image}"
        elif caption is not None:
            reasons[number] = f"caption {caption}"
    return reasons
