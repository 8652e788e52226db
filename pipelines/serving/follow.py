"""Follows the aliases of the registry: a version is loaded and tried beside the one in service, then takes its place.

A new version gets every request that arrives once it is ready; the one before it answers those that it has, and ends.
A version that cannot be loaded leaves the one in service where it is, and is tried again after a while. A champion that
is deleted goes on being served.
"""

import asyncio
import logging
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import TextIO

from components.errors import UserError
from components.registry.champion import DIGEST, Champion, champion, fetch
from components.registry.example import example_request
from components.registry.journal import CHAMPION, Journal
from components.registry.mlflow_registry import Registry
from pipelines.serving.line import Line
from pipelines.serving.options import Options

EXAMPLE = "example.json"
AGAIN = 60.0  # seconds until a version that could not be loaded is tried again
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Trouble:
    """Why an alias is not served as the registry has it. version: that could not be loaded, None where the registry
    cannot be read or names none."""

    error: UserError
    version: str | None = None
    since: float = 0.0  # time.monotonic


@dataclass
class Follower:
    """See the module.

    Args:
        aliases: that are followed, the champion first. folder: for the files of models; this server's alone.
        make: a line, from a version, its folder and the digests of its files. held: lock on the folder.

    Attributes:
        lines: the line in service of each alias, where it has one. troubles: what is wrong, by alias.
        loads: "loaded" and "failed" -> how often.
    """

    registry: Registry
    journal: Journal
    aliases: tuple[str, ...]
    folder: Path
    options: Options
    make: Callable[[Champion, Path, dict[str, str]], Line]
    held: TextIO
    lines: dict[str, Line] = field(default_factory=dict)
    troubles: dict[str, Trouble] = field(default_factory=dict)
    loads: dict[str, int] = field(default_factory=lambda: {"loaded": 0, "failed": 0})
    changed: Callable[[str], None] = lambda alias: None
    _ending: set["asyncio.Task[None]"] = field(default_factory=set)
    _count: int = 0

    async def follow(self) -> None:
        """Look at the registry again and again, until it is cancelled."""
        while True:
            await asyncio.sleep(self.options.poll)
            try:
                await self.look()
            except Exception:  # a mistake of ours does not end what serves
                log.exception("the registry could not be followed")

    async def look(self) -> None:
        """Serve each alias as the registry has it now."""
        for alias in self.aliases:
            try:
                found = await asyncio.to_thread(self._seen, alias)
            except UserError as error:
                self._note(alias, Trouble(error))
                continue
            except Exception as error:  # MLflow raises kinds of its own, and so do databases
                text = f"MLflow does not answer: {type(error).__name__}: {error!s:.200}; it is asked again"
                self._note(alias, Trouble(UserError("mlflow-unavailable", text)))
                continue
            await self._serve(alias, found)

    async def stop(self) -> None:
        """Answer what waits and end all processes."""
        lines, self.lines = list(self.lines.values()), {}
        await asyncio.gather(*(line.stop() for line in lines), *self._ending, return_exceptions=True)
        shutil.rmtree(self.folder, ignore_errors=True)
        self.held.close()

    def _seen(self, alias: str) -> Champion | None:
        if alias == CHAMPION:
            return champion(self.registry, self.journal)
        version = self.registry.alias(alias)
        if version is None or version == self.registry.alias(CHAMPION):
            return None
        tags = self.registry.tags(version)
        if DIGEST not in tags:
            raise UserError(
                "champion-unverified",
                f"{self.registry.name} version {version} is {alias} and has no tag {DIGEST}, so its files cannot be "
                "verified; register a model with selfsup",
            )
        return Champion(name=self.registry.name, version=version, digest=tags[DIGEST], tags=tags)

    async def _serve(self, alias: str, found: Champion | None) -> None:
        line, trouble = self.lines.get(alias), self.troubles.get(alias)
        if found is None:
            if alias != CHAMPION and line is not None:
                self._swap(alias, None)
            if alias == CHAMPION and line is not None:
                text = f"no champion in the registry; version {line.version.version} goes on being served"
                self._note(alias, Trouble(UserError("champion-deleted", text)))
            else:
                self.troubles.pop(alias, None)
            return
        if line is not None and (line.version.version, line.version.digest) == (found.version, found.digest):
            self.troubles.pop(alias, None)
            return
        if trouble and trouble.version == found.version and monotonic() - trouble.since < AGAIN:
            return
        try:
            made = await self._loaded(found)
        except UserError as error:
            self.loads["failed"] += 1
            self._note(alias, Trouble(error, found.version, monotonic()))
            return
        except Exception as error:
            self.loads["failed"] += 1
            log.exception("version %s", found.version)
            text = f"version {found.version} could not be loaded: {type(error).__name__}: {error!s:.200}"
            self._note(alias, Trouble(UserError("model-does-not-load", text), found.version, monotonic()))
            return
        self.loads["loaded"] += 1
        self.troubles.pop(alias, None)
        self._swap(alias, made)

    async def _loaded(self, found: Champion) -> Line:
        """A line of this version, ready for its first request."""
        self._count += 1
        target = self.folder / f"{found.version}-{self._count}"
        sha256 = await asyncio.to_thread(self._fetched, found, target)
        line = self.make(found, target, sha256)
        try:
            await line.start()
        except BaseException:
            shutil.rmtree(target, ignore_errors=True)
            raise
        return line

    def _fetched(self, found: Champion, target: Path) -> dict[str, str]:
        sha256 = fetch(self.registry, found, target)
        if (example := example_request(self.registry, found)) is not None:
            (target / EXAMPLE).write_bytes(example)
        return sha256

    def _swap(self, alias: str, line: Line | None) -> None:
        """From here on requests go to `line`; the one before it answers what it has."""
        old = self.lines.pop(alias, None)
        if line is not None:
            self.lines[alias] = line
            log.warning("%s: version %s serves", alias, line.version.version)
        self.changed(alias)
        if old is not None:
            task = asyncio.create_task(self._end(old))
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)

    async def _end(self, line: Line) -> None:
        await line.stop()
        shutil.rmtree(line.folder, ignore_errors=True)

    def _note(self, alias: str, trouble: Trouble) -> None:
        before = self.troubles.get(alias)
        if before is None or (before.error.code, before.version) != (trouble.error.code, trouble.version):
            log.warning("%s: [%s] %s", alias, trouble.error.code, trouble.error)
        self.troubles[alias] = trouble
