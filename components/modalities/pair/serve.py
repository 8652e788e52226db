"""Values of requests as pairs: columns `image` and `text`."""

from collections.abc import Mapping, Sequence
from typing import Any

from components.errors import UserError
from components.modalities.image import serve as images
from components.modalities.text import serve as texts

COLUMNS = (images.COLUMN, texts.COLUMN)


def pairs_of(given: Any, channels: int) -> list[dict[str, Any]]:
    """The pairs of a request, each {"image": ..., "text": ...} as it came.

    given: a frame or mapping with columns `image` and `text`, or a list of such mappings; a column `text` may be left
    out, and so may a single caption (None): what a model predicts rests on the image.

    Raises:
        UserError: there is no column `image`, or the columns are of unequal length.
    """
    image, text = COLUMNS
    if isinstance(given, Sequence) and not isinstance(given, str | bytes | bytearray | memoryview):
        return list(given)
    if not (hasattr(given, "columns") or isinstance(given, Mapping)) or image not in list(given):
        found = (
            list(given) if hasattr(given, "columns") or isinstance(given, Mapping) else type(given).__name__
        )
        raise UserError("column-missing", f"columns {image!r} and {text!r} are required, got {found}")
    pictures = images.images_of({image: given[image]}, channels)
    captions = texts_of(given[text]) if text in list(given) else [None] * len(pictures)
    if len(pictures) != len(captions):
        raise UserError(
            "request-invalid",
            f"as many captions as images are required, got {len(pictures)} images and {len(captions)} captions",
        )
    return [{image: one, text: other} for one, other in zip(pictures, captions, strict=True)]


def texts_of(column: Any) -> list[Any]:
    """The values of a column, or one alone."""
    return [column] if column is None or isinstance(column, str | bytes) else list(column)


def sides_of(value: Any) -> tuple[Any, bytes]:
    """(image as it came, caption in UTF-8) of one pair of a request; no caption: no bytes.

    Raises:
        ValueError: it is none.
    """
    image, text = COLUMNS
    if not isinstance(value, Mapping) or value.get(image) is None:
        found = f"keys {sorted(map(str, value))}" if isinstance(value, Mapping) else type(value).__name__
        raise ValueError(f"a pair as a mapping with {image!r} and {text!r} is required, got {found}")
    caption = value.get(text)
    missing = caption is None or caption != caption  # NaN, where a frame has nothing
    return value[image], b"" if missing else texts.to_sample(caption)
