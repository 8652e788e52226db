"""Uvicorn's HTTP protocol, which has no limits before a request's headers are complete, with limits there."""

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

BYTES = 64 << 10  # of a request's line and headers
SECONDS = 10.0  # in which they have to arrive


class BoundedHeaders(HttpToolsProtocol):  # type: ignore[misc]  # uvicorn is untyped here
    """Closes a connection that sends too many bytes of headers, or sends them too slowly."""

    def connection_made(self, transport: asyncio.Transport) -> None:
        super().connection_made(transport)
        self._begin()

    def connection_lost(self, exc: Exception | None) -> None:
        self._late.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._in_headers:
            self._bytes += len(data)
        super().data_received(data)
        if self._in_headers and self._bytes > BYTES:
            self.transport.close()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._late.cancel()
        self._begin()

    def on_headers_complete(self) -> None:
        self._in_headers, self._bytes = False, 0
        self._late.cancel()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._in_headers = True
        super().on_message_complete()

    def _begin(self) -> None:
        self._in_headers, self._bytes = True, 0
        self._late = self.loop.call_later(SECONDS, self._close)

    def _close(self) -> None:
        self.transport.close()
