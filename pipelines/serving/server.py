"""`selfsup serve`: the server from its start to its end."""

import asyncio
import fcntl
import gc
import logging
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TextIO

from components.errors import UserError
from components.files import locked
from components.listening import bound
from components.modalities.registry import ModalityConfig
from components.registry.champion import Champion
from components.registry.journal import CHAMPION
from pipelines import recipe_folders
from pipelines.recipe import Recipe
from pipelines.registry.champion import NONE
from pipelines.registry.registry import journal_of, registry_of
from pipelines.serving.app import build_app
from pipelines.serving.follow import Follower
from pipelines.serving.line import Line
from pipelines.serving.metrics import Gauges, Metrics
from pipelines.serving.options import Options
from pipelines.serving.request_log import RequestLog
from pipelines.serving.service import Service
from pipelines.serving.store import Store
from pipelines.settings import Settings, make_home

CONNECTIONS = 1024  # at the same time; more get 503
BACKLOG = 2048  # connections that wait to be accepted
KEEP_ALIVE = 30  # seconds of an idle connection
HELD = ".held"  # locked while the server runs that a folder of models belongs to
DRAIN = 30  # seconds for requests that are being answered when the server ends


def serve(recipe: str, options: Options, settings: Settings, say: Callable[[str], None]) -> None:
    """Serve the recipe's champion until a signal ends it.

    Raises:
        UserError: no such recipe, no champion, one that cannot be loaded, a port that is taken, or a store that cannot
            be written.
    """
    found = recipe_folders.find(recipe, settings)
    make_home(settings.home)
    logging.basicConfig(stream=sys.stderr, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    listening = bound(options.host, options.port)
    try:
        asyncio.run(_serve(found, options, settings, listening, say))
    finally:
        listening.close()


def service_of(recipe: Recipe, options: Options, settings: Settings) -> Service:
    """A service of the recipe's registered model, which serves nothing yet."""
    place = settings.home / "serving" / recipe.model
    models, held = own_folder(place / "models")
    metrics, requests = Metrics(), RequestLog(settings.home / "logs" / f"serve-{recipe.model}.jsonl")
    aliases = dict.fromkeys([CHAMPION, options.shadow, options.canary.alias if options.canary else None])

    def make(version: Champion, folder: Path, sha256: dict[str, str]) -> Line:
        return Line(version, folder, sha256, options, metrics.batches.observe)

    follower = Follower(
        registry_of(recipe.model, settings), journal_of(recipe.model, settings),
        tuple(alias for alias in aliases if alias), models, options, make, held,
    )  # fmt: skip
    service = Service(options, follower, metrics, requests)
    if options.store is not None:
        service.store = Store(
            recipe.inbox, settings.data / recipe.name, place, modality_of(recipe), options.store,
            lambda how, count: metrics.stored.labels(how).inc(count),
        )  # fmt: skip
    metrics.registry.register(Gauges(service.figures))
    return service


def modality_of(recipe: Recipe) -> Any:
    """The configuration of its kind of data."""
    from pydantic import TypeAdapter

    return TypeAdapter(ModalityConfig).validate_python(recipe.modality)


def own_folder(models: Path) -> tuple[Path, TextIO]:
    """A new folder for this server's models, and the lock that says whose it is while it is open; folders of servers
    that were killed are deleted."""
    models.mkdir(parents=True, exist_ok=True)
    with locked(models.with_name("models.lock")):
        for folder in models.iterdir():
            if not _is_held(folder / HELD):
                shutil.rmtree(folder, ignore_errors=True)
        made = Path(tempfile.mkdtemp(dir=models))
        handle = (made / HELD).open("a")
        fcntl.flock(handle, fcntl.LOCK_EX)
    return made, handle


def _is_held(file: Path) -> bool:
    try:
        with file.open("a") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


@asynccontextmanager
async def running(service: Service) -> AsyncIterator[None]:
    """The champion is loaded, and followed until the end.

    Raises:
        UserError: there is none, or it cannot be loaded.
    """
    follower = service.follower
    try:
        if service.store is not None:
            service.store.open()
        await follower.look()
        if CHAMPION not in follower.lines:
            if (trouble := follower.troubles.get(CHAMPION)) is not None:
                raise trouble.error
            raise UserError("no-champion", f"{follower.registry.name}: {NONE}")
        following = asyncio.create_task(follower.follow())
        try:
            yield
        finally:
            following.cancel()
            await asyncio.wait([following])
    finally:
        await service.stop()


async def _serve(
    recipe: Recipe, options: Options, settings: Settings, listening: socket.socket, say: Callable[[str], None]
) -> None:
    import uvicorn  # here and below: 0.2 s that a mistake in the options need not wait for

    from pipelines.serving.protocol import BoundedHeaders

    service = await asyncio.to_thread(service_of, recipe, options, settings)
    host, port = listening.getsockname()[:2]
    address = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    async with running(service):
        champion = service.champion().version
        config = uvicorn.Config(
            build_app(service, address), log_level="warning", access_log=False, server_header=False,
            limit_concurrency=CONNECTIONS, timeout_keep_alive=KEEP_ALIVE, timeout_graceful_shutdown=DRAIN,
            lifespan="off", backlog=BACKLOG, http=BoundedHeaders, ws="none",
        )  # fmt: skip
        listening.listen(BACKLOG)  # who reads the address below is not refused
        say(f"{champion.name} version {champion.version} is served at {address}  (Ctrl-C ends it)")
        say(f"requests are logged in {service.requests.file}")
        gc.collect()
        gc.freeze()  # MLflow's objects: looking for garbage among them stops all requests for 0.3 s
        signal.signal(signal.SIGTERM, lambda number, frame: None)  # uvicorn ends, and then sends it once more
        await uvicorn.Server(config).serve(sockets=[listening])
