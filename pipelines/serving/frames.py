"""Messages between the server and a process of a model: a header (JSON) and blocks of bytes, over a stream socket."""

import asyncio
import json
import struct
from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO

SIZES = struct.Struct("!II")  # bytes of the header, number of blocks
BLOCK = struct.Struct("!I")

Frame = tuple[dict[str, Any], list[bytes]]


def encode(header: Mapping[str, Any], blocks: Sequence[bytes] = ()) -> bytes:
    """The bytes of a message."""
    head = json.dumps(header).encode()
    sizes = b"".join(BLOCK.pack(len(block)) for block in blocks)
    return b"".join([SIZES.pack(len(head), len(blocks)), head, sizes, *blocks])


def read(stream: BinaryIO) -> Frame | None:
    """The next message; None where the other side is gone."""
    first = stream.read(SIZES.size)
    if len(first) < SIZES.size:
        return None
    head, count = SIZES.unpack(first)
    rest = stream.read(head + count * BLOCK.size)
    blocks = [stream.read(size) for size in _sizes(rest[head:], count)] if len(rest) >= head else []
    return json.loads(rest[:head]), blocks


async def receive(stream: asyncio.StreamReader) -> Frame:
    """The next message.

    Raises:
        asyncio.IncompleteReadError, ConnectionError: the other side is gone.
    """
    head, count = SIZES.unpack(await stream.readexactly(SIZES.size))
    rest = await stream.readexactly(head + count * BLOCK.size)
    blocks = [await stream.readexactly(size) for size in _sizes(rest[head:], count)]
    return json.loads(rest[:head]), blocks


def _sizes(packed: bytes, count: int) -> list[int]:
    return [size for (size,) in BLOCK.iter_unpack(packed[: count * BLOCK.size])]
