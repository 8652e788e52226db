"""What a person should hear of without looking: a failure, a promotion, a run that is late, a delivery that is partly
in quarantine, a stage that is tried again and again, a service that was restarted or keeps failing.

Each is a line in the log, and a JSON object posted to SELFSUP_WEBHOOK where that is set:
{"event": "failed", "text": "one line", "code": "labels-too-few", "recipe": ..., "run": ..., "time": ISO 8601}; the code
(docs/messages.md) is that of a mistake of the user, else "".
"""

import asyncio
import json
import logging
import urllib.request
from datetime import UTC, datetime
from typing import Any, Literal

from components.errors import coded
from pipelines.settings import Settings

Event = Literal[
    "failed", "promoted", "refused", "asked", "late", "quarantined", "retrying", "restarted", "failing"
]
PATIENCE = 10.0  # seconds for the post
log = logging.getLogger(__name__)


def notify(settings: Settings, event: Event, text: str, recipe: str, run: str, code: str = "") -> bool:
    """Whether it was posted. A post that fails is said in the log and fails nothing else."""
    log.log(
        logging.ERROR if event in ("failed", "late", "failing") else logging.INFO,
        "%s %s: %s",
        recipe,
        f"{event} [{code}]" if code else event,
        text,
    )
    if not settings.webhook:
        return False
    time = datetime.now(UTC).isoformat(timespec="seconds")
    told = {"event": event, "text": text, "code": code, "recipe": recipe, "run": run, "time": time}
    body = json.dumps(told)
    request = urllib.request.Request(
        settings.webhook, body.encode(), {"Content-Type": "application/json"}, method="POST"
    )
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE):
            return True
    except (OSError, ValueError) as error:
        log.warning(coded("webhook-refused", f"the webhook did not take it: {error}"))
        return False


async def late(recipe: str, hours: float, context: dict[str, Any] | None = None) -> None:
    """The callback of a deadline: called by Airflow's triggerer, whose loop must not wait for a post."""
    run = str(((context or {}).get("dag_run") or {}).get("dag_run_id", ""))
    text = f"the training is not done {hours:g} h after it was asked for"
    await asyncio.to_thread(notify, Settings.load(), "late", text, recipe, run)
