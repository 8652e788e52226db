"""The client of a load test, a process of its own: benchmarks.load.client ADDRESS FOLDER SECONDS CONNECTIONS

Prints JSON: seconds, failed, latencies (milliseconds, sorted), versions (in the order of their first answer).
"""

import asyncio
import json
import re
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import aiohttp


async def send(address: str, bodies: Sequence[bytes], seconds: float, connections: int) -> dict[str, Any]:
    """The bodies in turn over so many connections, each sending the next when it has the answer to the last."""
    latencies, failed, versions = list[float](), 0, dict[str, None]()
    until = time.perf_counter() + seconds

    async def one(session: aiohttp.ClientSession, first: int) -> None:
        nonlocal failed
        number = first
        while (began := time.perf_counter()) < until:
            number += 1
            try:
                async with session.post(address, data=bodies[number % len(bodies)]) as response:
                    told = await response.read()
                    if response.status != 200:
                        failed += 1
                        continue
            except aiohttp.ClientError:
                failed += 1
                continue
            latencies.append(1000 * (time.perf_counter() - began))
            if found := re.search(rb'"version": ?"(\w+)"', told[:200]):
                versions[found[1].decode()] = None

    headers = {"Content-Type": "image/png"}
    async with aiohttp.ClientSession(headers=headers, connector=aiohttp.TCPConnector(limit=0)) as session:
        await asyncio.gather(*(one(session, k) for k in range(connections)))
    return {"seconds": seconds, "failed": failed, "latencies": sorted(latencies), "versions": list(versions)}


def main() -> None:
    address, folder, seconds, connections = sys.argv[1:]
    bodies = [file.read_bytes() for file in sorted(Path(folder).iterdir())]
    print(json.dumps(asyncio.run(send(address, bodies, float(seconds), int(connections)))))


if __name__ == "__main__":
    main()
