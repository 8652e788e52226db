"""Looks at a recipe's inbox by its schedule, in the triggerer: only what is due becomes an event, and so a DAG run."""

import asyncio
import json
import logging
import sys
from collections.abc import AsyncIterator
from typing import Any

from airflow.triggers.base import BaseEventTrigger, TriggerEvent

from pipelines.flows import scheduled
from pipelines.settings import Settings

NAP = 30.0  # seconds after which the clock is looked at again: it may have been set
log = logging.getLogger(__name__)


class Inbox(BaseEventTrigger):  # type: ignore[misc, unused-ignore]
    """Yields an event whenever a look finds something due, at each time of a cron expression.

    A time that was missed, because nothing ran then, is made up for at once. A look is a process of its own: it
    imports what ingest does, and reads the inbox, which would hold up all other triggers.
    """

    def __init__(self, recipe: str, schedule: str, timezone: str) -> None:
        super().__init__()
        self.recipe, self.schedule, self.timezone = recipe, schedule, timezone

    def serialize(self) -> tuple[str, dict[str, Any]]:
        given = {"recipe": self.recipe, "schedule": self.schedule, "timezone": self.timezone}
        return "dags.watch.Inbox", given

    async def run(self) -> AsyncIterator[TriggerEvent]:
        settings = Settings.load()
        while True:
            wait = scheduled.seconds_to_look(self.recipe, self.schedule, self.timezone, settings)
            if wait > 0:
                await asyncio.sleep(min(wait, NAP))
                continue
            if due := await self._look():
                yield TriggerEvent({"due": due})

    async def _look(self) -> list[str]:
        """The flows that are due; none where that cannot be found out, which is in the log."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "pipelines.flows.due", self.recipe,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, err = await process.communicate()
        if process.returncode != 0:
            log.warning("%s: %s", self.recipe, " ".join(err.decode(errors="replace").split()[-40:]))
            return []
        return list(json.loads(out))
