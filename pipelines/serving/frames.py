"""Messages between the server and a process of a model: a header (JSON) and blocks of bytes, over a stream socket."""

import asyncio
import json
import struct
from collections.abc import Mapping, Sequence
from typing import Any

SIZES = struct.Struct("!II")  # bytes of the header, number of blocks
BLOCK = struct.Struct("!I")

Frame = tuple[dict[str, Any], list[bytes]]


def encode(header: Mapping[str, Any], blocks: Sequence[bytes] = ()) -> bytes:
    """The bytes of a message."""
    head = json.dumps(header).encode()
    sizes = b"".join(BLOCK.pack(len(block)) for block in blocks)
    return b"".join([SIZES.pack(len(head), len(blocks)), head, sizes, *blocks])


def decode(held: bytearray) -> Frame | None:
    """The first message of what was received, which is taken out of it; None where none is whole yet."""
    if len(held) < SIZES.size:
        return None
    head, count = SIZES.unpack_from(held)
    at = SIZES.size + head + count * BLOCK.size
    if len(held) < at:
        return None
    sizes = _sizes(bytes(held[SIZES.size + head : at]), count)
    end = at + sum(sizes)
    if len(held) < end:
        return None
    header, blocks = json.loads(held[SIZES.size : SIZES.size + head]), list[bytes]()
    for size in sizes:
        blocks.append(bytes(held[at : at + size]))
        at += size
    del held[:end]
    return header, blocks


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
    return [size for (size,) in BLOCK.iter_unpack(packed)]
