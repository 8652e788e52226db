"""A text as HTML for reports and label pages."""

import html
from collections.abc import Sequence

from components.modalities.text.config import TextPacking
from components.modalities.text.packed import Tokens
from components.modalities.text.tokenizer import words

CHARACTERS = 3  # shown for each pixel of the longer side: four lines of small type


def snippet(stored: Tokens, packing: TextPacking, size: int) -> str:
    """The beginning of the text as the tokens hold it, escaped. size: width in pixels."""
    text = sentence(words(stored.tolist(), packing.vocabulary))
    room = CHARACTERS * size
    shown = text if len(text) <= room else f"{text[: room - 1].rstrip()}…"
    return (
        f'<span style="display:inline-block;width:{size}px;font:10px/12px sans-serif;overflow:hidden;'
        f'overflow-wrap:anywhere;vertical-align:top">{html.escape(shown)}</span>'
    )


def sentence(found: Sequence[str]) -> str:
    """Words with blanks between them, but before a mark that ends a part of a sentence. ["a", ",", "b"]: "a, b"."""
    return "".join(word if word in ".,;:!?)]}%" else f" {word}" for word in found).lstrip()
