"""What happens to a request: who answers it, what shadows do, what is counted, logged and stored."""

import asyncio
import json
import logging
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

from components.errors import UserError
from components.registry.journal import CHAMPION
from pipelines.serving.answer import Answer, Asked, refused
from pipelines.serving.canary import Judge
from pipelines.serving.follow import Follower
from pipelines.serving.line import Line
from pipelines.serving.metrics import Figures, Metrics
from pipelines.serving.options import Options
from pipelines.serving.request_log import RequestLog
from pipelines.serving.store import Served, Store

DATA = "selfsup.data"  # tag of a version: its data version
SHADOWS = 64  # requests that wait for the shadow; more are not compared
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Given:
    """An answer, and who gave it. role: champion or canary. seconds: of the model, queue included."""

    answer: Answer
    role: str
    line: Line
    seconds: float


@dataclass
class Service:
    """See the module. held: bytes of the bodies that are in memory. returned: why the canary's requests went back to
    the champion, None where they have not."""

    options: Options
    follower: Follower
    metrics: Metrics
    requests: RequestLog
    store: Store | None = None
    draw: Callable[[], float] = random.random
    held: int = 0
    number: int = 0
    returned: str | None = None
    _judge: Judge | None = None
    _judged: str | None = None
    _shadows: set["asyncio.Task[None]"] = field(default_factory=set)

    def champion(self) -> Line:
        """Raises:
        UserError: no model is loaded.
        """
        if (line := self.follower.lines.get(CHAMPION)) is None:
            raise UserError("model-not-loaded", "no model is loaded yet; GET /ready says when")
        return line

    async def predict(self, content_type: str, body: bytes) -> Given:
        """The answer to a request.

        Raises:
            UserError: no model is loaded, the queue is full, or the time is over.
        """
        asked = Asked(content_type, body)
        try:
            async with asyncio.timeout(self.options.limits.seconds):
                given = await self._given(asked)
        except TimeoutError:
            raise UserError(
                "prediction-too-slow",
                f"no prediction within {self.options.limits.seconds:g} s: send fewer rows, or try again later",
            ) from None
        if given.answer.status == 200:
            self._keep(given)
            self._shadow(asked, given.answer)
        return given

    async def _given(self, asked: Asked) -> Given:
        if (canary := self._canary()) is not None:
            given = await self._timed(canary, asked, "canary")
            if given.answer.status == 200:
                self._weigh("canary", False, given.seconds)
                return given
            instead = await self._timed(self.champion(), asked, CHAMPION)
            self._weigh("canary", instead.answer.status == 200, given.seconds)
            return instead
        given = await self._timed(self.champion(), asked, CHAMPION)
        self._weigh(CHAMPION, given.answer.status >= 500, given.seconds)
        return given

    async def _timed(self, line: Line, asked: Asked, role: str) -> Given:
        began = perf_counter()
        try:
            answer = await line.ask(asked, keep=self.store is not None)
        except UserError as error:
            if role == CHAMPION:
                raise
            answer = refused(error)
        return Given(answer, role, line, perf_counter() - began)

    def _canary(self) -> Line | None:
        """The line that answers this request in the champion's place, where chance has it so."""
        rule = self.options.canary
        line = self.follower.lines.get(rule.alias) if rule is not None else None
        if rule is None or line is None:
            return None
        if self._judged != (version := f"{line.version.version} {self._champion_version()}"):
            self._judge, self._judged, self.returned = Judge(rule), version, None
        return line if self.returned is None and self.draw() < rule.share else None

    def _champion_version(self) -> str:
        line = self.follower.lines.get(CHAMPION)
        return "" if line is None else line.version.version

    def _weigh(self, role: str, error: bool, seconds: float) -> None:
        """Judge the canary by one answer more."""
        if self._judge is None or self.returned is not None:
            return
        (self._judge.canary if role == "canary" else self._judge.champion).add(error, seconds)
        if (reason := self._judge.verdict()) is not None:
            self.returned = reason
            log.warning("canary: all requests go back to the champion: %s", reason)

    def _keep(self, given: Given) -> None:
        if self.store is not None and given.answer.samples:
            version = given.line.version
            data = version.tags.get(DATA, "")
            self.store.put(Served(given.answer.samples, given.answer.body, version.version, data))

    def _shadow(self, asked: Asked, answer: Answer) -> None:
        """Have the shadow predict the same, when nobody waits for it."""
        alias = self.options.shadow
        line = self.follower.lines.get(alias) if alias is not None else None
        if line is None or len(self._shadows) >= SHADOWS:
            return
        task = asyncio.create_task(self._compare(line, Asked(asked.content_type, asked.body, answer.body)))
        self._shadows.add(task)
        task.add_done_callback(self._shadows.discard)

    async def _compare(self, line: Line, asked: Asked) -> None:
        try:
            answer = await line.ask(asked)
        except UserError:
            return
        version = line.version.version
        rows = len(json.loads(asked.expected or b"[]"))
        differing = answer.differing if answer.status == 200 and answer.differing is not None else rows
        self.metrics.shadowed.labels(version, "no").inc(differing)
        self.metrics.shadowed.labels(version, "yes").inc(rows - differing)
        if answer.difference is not None:
            self.metrics.difference.observe(answer.difference)
        self.requests.write(
            shadow=version, rows=rows, differing=differing, difference=answer.difference, code=answer.code
        )

    def figures(self) -> Figures:
        """Gauges and counters that are looked up."""
        lines, follower = self.follower.lines, self.follower
        versions: dict[tuple[str, ...], float] = {(a, one.version.version): 1.0 for a, one in lines.items()}
        queued: dict[tuple[str, ...], float] = {
            (a, one.version.version): float(one.queued) for a, one in lines.items()
        }
        loads: dict[tuple[str, ...], float] = {(how,): float(count) for how, count in follower.loads.items()}
        troubles: dict[tuple[str, ...], float] = {(alias,): 1.0 for alias in follower.troubles}
        return {
            "selfsup_serve_version": ("1 of each version in service, by alias", versions),
            "selfsup_serve_queue_requests": ("requests that wait", queued),
            "selfsup_serve_body_bytes": ("bytes of bodies in memory", {(): float(self.held)}),
            "selfsup_serve_loads_total": ("versions that were loaded, and that could not be", loads),
            "selfsup_serve_trouble": ("1 where an alias is not served as the registry has it", troubles),
            "selfsup_serve_canary_returned": (
                "1 if the canary's requests went back to the champion", {(): float(self.returned is not None)},
            ),
        }  # fmt: skip

    def health(self) -> dict[str, Any]:
        """What /health answers: the versions in service, and what is wrong."""
        models = []
        for alias in self.follower.aliases:
            line, trouble = self.follower.lines.get(alias), self.follower.troubles.get(alias)
            models.append(
                {
                    "alias": alias,
                    "version": line.version.version if line else None,
                    "data_version": line.version.tags.get(DATA) if line else None,
                    "trouble": str(trouble.error) if trouble else None,
                    "code": trouble.error.code if trouble else None,
                }
            )
        told = {"status": "ok", "model": self.follower.registry.name, "models": models}
        return told | ({"canary_returned": self.returned} if self.options.canary else {})

    async def stop(self) -> None:
        """After the last request."""
        if self._shadows:
            await asyncio.wait(self._shadows, timeout=5.0)
        await self.follower.stop()
        if self.store is not None:
            await asyncio.to_thread(self.store.close)
        self.requests.close()
