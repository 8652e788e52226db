"""Who may talk to the page: an ASGI layer around the application that refuses everybody else.

- The `Host` of every request is one that the server was started for, or another site's name could be made to point
  here (DNS rebinding).
- The token comes once in the address, as in Jupyter, and afterwards as a cookie that no other site's request carries
  (SameSite=Strict) and no script reads (HttpOnly).
- A request that changes something comes from our own page (`Origin`), as JSON, and is of bounded size.
- Every response forbids scripts, frames and sources that are not ours; pages are never stored by the browser.
"""

import json
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from dataclasses import dataclass
from hmac import compare_digest
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

LARGEST = 64 * 1024  # bytes of a body
SAFE = ("GET", "HEAD")
HEADERS = {
    # Samples are shown with inline styles and as data: addresses; no script and no style sheet is inline.
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; style-src-attr "
    "'unsafe-inline'; img-src 'self' data:; media-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",  # the first address holds the token
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}


@dataclass(frozen=True)
class Access:
    """token: that opens the page. hosts: values of the header `Host` that mean this server. cookie: its name, of this
    port alone, as cookies are shared by the ports of a machine."""

    token: str
    hosts: frozenset[str]
    cookie: str

    def refusal(
        self, method: str, path: str, query: str, headers: Mapping[str, str]
    ) -> tuple[int, str] | None:
        """Status and reason where a request may not come in."""
        host = headers.get("host", "").lower()
        if host not in self.hosts:
            return 403, f"this server is called {', '.join(sorted(self.hosts))}, not {host!r:.80}"
        if not (self._has_cookie(headers) or (method in SAFE and path == "/" and self.opens(query))):
            return (
                401,
                "open the address that `selfsup label` printed: its token is missing here, or of an earlier start",
            )
        if method in SAFE:
            return None
        if headers.get("origin", "").lower() != f"http://{host}":
            return 403, "a request that changes something must come from this page itself"
        if headers.get("sec-fetch-site", "same-origin") != "same-origin":
            return 403, "a request that changes something must come from this page itself"
        if headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            return 415, "the body must be JSON (Content-Type: application/json)"
        return None

    def opens(self, query: str) -> bool:
        """Whether the token is in the query of an address."""
        return self._is_token(parse_qs(query).get("token", [""])[0])

    def _has_cookie(self, headers: Mapping[str, str]) -> bool:
        try:
            held = SimpleCookie(headers.get("cookie", "")).get(self.cookie)
        except CookieError:
            return False
        return held is not None and self._is_token(held.value)

    def _is_token(self, text: str) -> bool:
        return compare_digest(text.encode(), self.token.encode())


class Guard:
    """An ASGI application around another one."""

    def __init__(self, app: App, access: Access) -> None:
        self._app, self._access = app, access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        headers = {
            name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]
        }
        method, path, query = scope["method"], scope["path"], scope["query_string"].decode("latin-1")
        refusal = self._access.refusal(method, path, query, headers)
        if refusal is None and method not in SAFE:
            body = await _body(receive)
            if body is None:
                refusal = (413, f"a body of at most {LARGEST:,} bytes is needed; label fewer samples at once")
            else:
                receive = _replayed(body)
        if refusal is not None:
            await _refuse(send, *refusal)
            return
        opened = path == "/" and self._access.opens(query)
        await self._app(scope, receive, _with_headers(send, self._cookie() if opened else None))

    def _cookie(self) -> str:
        return f"{self._access.cookie}={self._access.token}; Path=/; HttpOnly; SameSite=Strict"


async def _body(receive: Receive) -> bytes | None:
    """The whole body, None where it is too large: what comes beyond the bound is not read."""
    parts, size = [], 0
    while True:
        message = await receive()
        if message["type"] != "http.request":  # the client has gone
            return b""
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > LARGEST:
            return None
        if not message.get("more_body", False):
            return b"".join(parts)


def _replayed(body: bytes) -> Receive:
    """A receive that gives a body that was read already."""

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


def _with_headers(send: Send, cookie: str | None) -> Send:
    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", []), *_encoded(HEADERS.items())]}
            if cookie is not None:
                message["headers"] += _encoded([("set-cookie", cookie)])
        await send(message)

    return sent


async def _refuse(send: Send, status: int, text: str) -> None:
    body = json.dumps({"error": "refused", "text": text}).encode()
    headers = [
        ("content-type", "application/json"),
        ("content-length", str(len(body))),
        ("connection", "close"),
    ]
    await send({
        "type": "http.response.start", "status": status, "headers": _encoded([*headers, *HEADERS.items()]),
    })  # fmt: skip
    await send({"type": "http.response.body", "body": body})


def _encoded(headers: Iterable[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode()) for name, value in headers]
