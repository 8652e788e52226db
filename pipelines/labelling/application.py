"""The page's interface over HTTP, and the page itself; what each call means is in sitting.py."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse, Response
from pydantic import Field
from starlette.exceptions import HTTPException

from components.config import Config
from components.errors import UserError
from components.files import is_full
from pipelines.labelling.queues import QUEUES
from pipelines.labelling.sitting import SHEET, Payload, Sitting

STATIC = Path(__file__).parent / "static"
FILES = {"page.js": "text/javascript", "page.css": "text/css"}
TEXT = 1000  # characters of a label; the vocabulary wants fewer, and says so

Request_ = Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{8,64}$")]
Id = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Once(Config):
    """A request that counts once, however often it comes."""

    request: Request_
    """Drawn by the page for each keystroke."""


class Answered(Once):
    """One sample."""

    queue: str
    """Queue in which it was shown."""

    id: Id
    """Of the sample."""

    label: str | None = Field(max_length=TEXT)
    """The label; null: the annotator cannot tell."""


class Together(Once):
    """Several samples that were looked at together."""

    queue: str
    """Queue that goes on afterwards."""

    ids: list[Id] = Field(min_length=1, max_length=SHEET)
    """Of the samples."""

    label: str = Field(max_length=TEXT)
    """The label of all of them."""


class Skipped(Config):
    """A sample to show later."""

    queue: str
    """Queue in which it was shown."""

    id: Id
    """Of the sample."""


def application(sitting: Sitting) -> FastAPI:
    """The application, without the guard that has to stand around it."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.get("/", response_model=None)(lambda: FileResponse(STATIC / "page.html", media_type="text/html"))
    _add_static(app)
    _add_reading(app, sitting)
    _add_writing(app, sitting)
    _add_errors(app)
    return app


def _add_static(app: FastAPI) -> None:
    @app.get("/static/{name}", response_model=None)
    def static(name: str) -> Response:
        if name not in FILES:
            return _said(404, "unknown-name", "there is no such file")
        return FileResponse(STATIC / name, media_type=FILES[name])


def _add_reading(app: FastAPI, sitting: Sitting) -> None:
    @app.get("/api/start")
    def start() -> Payload:
        with sitting.lock:
            sitting.refresh()
            return {
                "recipe": sitting.recipe.name,
                "annotator": sitting.annotator,
                "kind": sitting.vocabulary.kind,
                "classes": sitting.vocabulary.classes,
                "progress": sitting.progress(),
            }

    @app.get("/api/next")
    def following(queue: str = QUEUES[0]) -> Payload:
        with sitting.lock:
            return {"sample": sitting.sample(queue)}

    @app.get("/api/progress")
    def progress() -> Payload:
        with sitting.lock:
            sitting.refresh()
            return {"progress": sitting.progress()}

    @app.get("/api/cluster/{cluster}")
    def sheet(cluster: int) -> Payload:
        with sitting.lock:
            return sitting.sheet(cluster)


def _add_writing(app: FastAPI, sitting: Sitting) -> None:
    @app.post("/api/answer")
    def answer(given: Answered) -> Payload:
        with sitting.lock:
            sitting.answer(given.request, given.queue, given.id, given.label)
            return {"sample": sitting.sample(given.queue), "progress": sitting.progress()}

    @app.post("/api/together")
    def together(given: Together) -> Payload:
        with sitting.lock:
            sitting.label_all(given.request, given.ids, given.label)
            return {"sample": sitting.sample(given.queue), "progress": sitting.progress()}

    @app.post("/api/undo")
    def undo(given: Once) -> Payload:
        with sitting.lock:
            ids = sitting.undo(given.request)
            return {
                "undone": len(ids),
                "sample": sitting.shown(ids[0]) if ids else None,
                "progress": sitting.progress(),
            }

    @app.post("/api/skip")
    def skip(given: Skipped) -> Payload:
        with sitting.lock:
            sitting.skip(given.queue, given.id)
            return {"sample": sitting.sample(given.queue)}

    @app.post("/api/retrain")
    def retrain() -> Payload:
        with sitting.lock:
            sitting.retraining.start()
            return {"run": sitting.retraining.state()}


def _add_errors(app: FastAPI) -> None:
    """Every refusal is JSON: `error`, the code of the mistake, and `text`, a sentence."""

    def malformed(_: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"] if part != "body")
        return _said(422, "invalid-label", f"{place or 'the body'}: {first['msg']}")

    def refused(_: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return _said(error.status_code, "refused", str(error.detail))

    def mistaken(_: Request, error: Exception) -> Response:
        assert isinstance(error, UserError)
        return _said(400, error.code, str(error))

    def broken(request: Request, error: Exception) -> Response:
        assert isinstance(error, OSError)
        lost = "what was asked for cannot be read" if request.method == "GET" else "the answer was not saved"
        text = f"{lost}: {error.strerror or error}; nothing else is lost, mend it and try again"
        return _said(507, "disk-full" if is_full(error) else "folder-not-writable", text)

    handlers: dict[type[Exception], Callable[[Request, Any], Response]] = {
        RequestValidationError: malformed,
        HTTPException: refused,
        UserError: mistaken,
        OSError: broken,
    }
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, handler)


def _said(status: int, code: str, text: str) -> JSONResponse:
    return JSONResponse({"error": code, "text": text}, status)
