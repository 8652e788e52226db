"""The bytes of one pair: an image as it came, and its caption as UTF-8, in one piece.

    offset 0      8 bytes   "SSLPAIR1"
    offset 8      4 bytes   n, the size of the image in bytes, unsigned, most significant byte first
    offset 12     n bytes   the encoded image
    offset 12+n   the rest  the caption: normalised text (components.modalities.text.decode) in UTF-8

So the same image with the same words is the same sample, whether it came as two files, as a row of a table or in a
request. A side that is missing has no bytes; components.modalities.pair.check refuses such a pair.
"""

import struct
from contextlib import suppress
from typing import NamedTuple

from components.modalities.text.decode import NotText, decode

MAGIC = b"SSLPAIR1"
SIZE = struct.Struct(">I")
BEGIN = len(MAGIC) + SIZE.size


class Sides(NamedTuple):
    """Of one pair. image: encoded. caption: UTF-8, or whatever came where that is no text."""

    image: bytes
    caption: bytes


class NotPair(ValueError):  # noqa: N818 - what the sample is
    """These bytes are no pair: a reason of quarantine."""


def join(image: bytes, caption: bytes) -> bytes:
    """The bytes of a pair. caption: in any encoding that a text may have; kept as it is where it is no text.

    join(b"", b"") is the twelve bytes of the header.
    """
    with suppress(NotText):  # its reason is found again when the pair is checked
        caption = decode(caption).text.encode()
    return MAGIC + SIZE.pack(len(image)) + image + caption


def sides(data: bytes) -> Sides:
    """The two sides of a pair.

    Raises:
        NotPair: it does not begin like one, or is shorter than its image.
    """
    if not data:
        raise NotPair("empty")
    if not data.startswith(MAGIC):
        raise NotPair("not a pair: the bytes do not begin like one")
    if len(data) < BEGIN:
        raise NotPair(f"not a pair: {len(data)} bytes, the header alone has {BEGIN}")
    (size,) = SIZE.unpack_from(data, len(MAGIC))
    if len(data) < BEGIN + size:
        raise NotPair(f"not a pair: its image has {size} bytes, and {len(data) - BEGIN} are there")
    return Sides(data[BEGIN : BEGIN + size], data[BEGIN + size :])
