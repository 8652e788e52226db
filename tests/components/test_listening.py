"""A socket for a server: whose address it is, and that its answers are sent at once."""

import asyncio
import socket

import pytest

from components.errors import UserError
from components.listening import bound


def test_an_address_that_is_taken_or_foreign_is_refused():
    with bound("127.0.0.1", 0) as first:
        first.listen()
        port = first.getsockname()[1]
        with pytest.raises(UserError, match=f"cannot listen at 127.0.0.1 port {port}: .*--port, or 0"):
            bound("127.0.0.1", port)
    for host, port in (("192.0.2.1", 0), ("127.0.0.1", 65536)):
        with pytest.raises(UserError, match=f"cannot listen at {host} port {port}: ") as found:
            bound(host, port)
        assert found.value.code == "cannot-listen"


def test_what_a_server_answers_does_not_wait_for_an_acknowledgement():
    async def option():
        seen = asyncio.get_running_loop().create_future()

        def met(reader, writer):
            taken = writer.get_extra_info("socket")
            seen.set_result(taken.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()

        listening = bound("127.0.0.1", 0)
        async with await asyncio.start_server(met, sock=listening):
            _, writer = await asyncio.open_connection(*listening.getsockname())
            writer.close()
            return await seen

    assert asyncio.run(option())
