"""The HTTP interface: POST /predict, GET /health, /ready, /metrics and /."""

import asyncio
import hmac
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from time import perf_counter
from typing import Any
from urllib.parse import urlsplit

from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse
from starlette.requests import ClientDisconnect

from components.errors import UserError
from components.registry.journal import CHAMPION
from pipelines.serving.answer import Answer, refused
from pipelines.serving.options import Options, is_loopback
from pipelines.serving.page import page
from pipelines.serving.service import DATA, Given, Service

JSON = "application/json"
OPEN = ("/health", "/ready")  # need no token: probes have none
RETRY = {"Retry-After": "1"}
SAFE = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
Next = Callable[[Request], Awaitable[Response]]


def build_app(service: Service, address: str) -> FastAPI:
    """address: under which this server is reached, for the page."""
    app = FastAPI(title="selfsup", docs_url=None, redoc_url=None, openapi_url=None)

    @app.post("/predict")
    async def predict(request: Request) -> Response:
        return await answered(service, request)

    @app.get("/health")
    async def health() -> Response:
        return JSONResponse(service.health(), headers=SAFE)

    @app.get("/ready")
    async def ready(request: Request) -> Response:
        is_ready = CHAMPION in service.follower.lines
        return JSONResponse({"ready": is_ready}, 200 if is_ready else 503, headers=SAFE)

    @app.get("/metrics")
    async def metrics(request: Request) -> Response:
        if (wrong := refusal(request, service.options)) is not None:
            return _response(wrong)
        return Response(service.metrics.text(), media_type="text/plain; version=0.0.4", headers=SAFE)

    @app.get("/")
    async def root(request: Request) -> Response:
        if (wrong := refusal(request, service.options)) is not None:
            return _response(wrong)
        line = service.follower.lines.get(CHAMPION)
        columns, kind = (line.columns, line.kind) if line else ((), "")
        token = service.options.token is not None
        return HTMLResponse(page(service.health(), columns, kind, address, token), headers=SAFE)

    return app


def refusal(request: Request, options: Options) -> Answer | None:
    """Why a request is not let in: a token that is missing or wrong, or a page of another site that sends it."""
    try:
        if options.token is not None:
            _check_token(request.headers.get("authorization", ""), options.token)
        _check_origin(request, options)
    except UserError as error:
        return refused(error)
    return None


def _check_token(header: str, token: str) -> None:
    scheme, _, given = header.partition(" ")
    if scheme.lower() != "bearer" or not hmac.compare_digest(given.strip().encode(), token.encode()):
        raise UserError(
            "token-wrong", "the header `Authorization: Bearer TOKEN` is required, with the server's token"
        )


def _check_origin(request: Request, options: Options) -> None:
    """A page of another site must not predict by somebody's browser, under whichever name it has for this machine."""
    host = request.headers.get("host", "")
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != host:
        raise UserError(
            "origin-refused", f"requests of pages of other sites are refused (Origin {origin!r:.80})"
        )
    if options.token is None and not is_loopback(urlsplit(f"//{host}").hostname or ""):
        raise UserError(
            "origin-refused", f"Host must be this machine, such as 127.0.0.1 or localhost, got {host!r:.80}"
        )


async def answered(service: Service, request: Request) -> Response:
    """The response to a request for predictions: read, predicted, counted, logged."""
    began, given, size = perf_counter(), None, 0
    service.number += 1
    number = service.number
    try:
        if (answer := refusal(request, service.options)) is None:
            body = await _body(service, request)
            size = len(body)
            try:
                given = await service.predict(request.headers.get("content-type", JSON), body)
            finally:
                service.held -= size
            answer = given.answer
    except UserError as error:
        answer = refused(error)
    seconds = perf_counter() - began
    _count(service, number, answer, given, size, seconds)
    return _response(answer, given)


async def _body(service: Service, request: Request) -> bytes:
    """The body, counted among those held. A client that is slow or sends too much is refused before all of it is here.

    Raises:
        UserError: it is too large, too slow, or too much is held already.
    """
    limits, parts, size = service.options.limits, list[bytes](), 0
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared[:20]) > limits.body:
        raise _too_large(limits.body)
    try:
        async with asyncio.timeout(limits.seconds):
            async for part in request.stream():
                size += len(part)
                service.held += len(part)
                if size > limits.body:
                    raise _too_large(limits.body)
                if service.held > limits.queued_bytes:
                    raise UserError(
                        "server-busy", "the bodies of other requests fill the memory; try again in a second"
                    )
                parts.append(part)
    except TimeoutError:
        service.held -= size
        raise UserError(
            "request-too-slow", f"the body did not arrive within {limits.seconds:g} s; send less at a time"
        ) from None
    except ClientDisconnect:
        service.held -= size
        raise UserError("request-invalid", "the client has gone before its body was here") from None
    except UserError:
        service.held -= size
        raise
    return b"".join(parts)


def _too_large(most: int) -> UserError:
    return UserError("body-too-large", f"a body may have {most:,} bytes, got more; send several requests")


def _count(
    service: Service, number: int, answer: Answer, given: Given | None, size: int, seconds: float
) -> None:
    role, version = (given.role, given.line.version) if given else ("none", None)
    name = version.version if version else ""
    service.metrics.requests.labels(role, name, str(answer.status)).inc()
    service.metrics.latency.labels(role).observe(seconds)
    if answer.status == 200:
        service.metrics.rows.labels(role, name).inc(answer.rows)
    else:
        service.metrics.failed(answer.code)
    service.requests.write(
        time=datetime.now(UTC).isoformat(timespec="milliseconds"),
        request=number,
        status=answer.status,
        code=answer.code,
        rows=answer.rows,
        bytes=size,
        milliseconds=round(seconds * 1000, 3),
        role=role,
        model=service.follower.registry.name,
        version=name,
        data_version=version.tags.get(DATA, "") if version else "",
    )


def _response(answer: Answer, given: Given | None = None) -> Response:
    """JSON: the predictions with model and version, or the error."""
    headers = {**SAFE, **(RETRY if answer.status == 503 else {})}
    if answer.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if answer.status != 200 or given is None:
        return Response(answer.body, answer.status, headers, JSON)
    head = _head(given)
    return Response(b'%b,"predictions":%b}' % (head, answer.body), 200, headers, JSON)


def _head(given: Given) -> bytes:
    """The answer's JSON up to the predictions."""
    version = given.line.version
    told: dict[str, Any] = {
        "model": version.name,
        "version": version.version,
        "data_version": version.tags.get(DATA),
    }
    return json.dumps(told).encode()[:-1]
