"""Tells a person when a service was restarted or keeps failing: an event listener of the supervisor.

It depends on nothing that it watches. A supervisor that was killed is replaced by this process, which becomes the
new one; the services are then started anew. Protocol: http://supervisord.org/events.html.
"""

import logging
import os
import sys
import time
from pathlib import Path
from typing import NamedTuple, TextIO

from pipelines.flows.airflow_home import end_runs_without_recipe
from pipelines.flows.notify import Event, notify
from pipelines.operations import supervisor
from pipelines.operations.services import answers, pages
from pipelines.settings import Settings

FAILING = (3, 10, 30, 100, 300, 1000)  # after so many attempts in a row a person is told again
SILENT = 5  # minutes without an answer after which a page's service is restarted
PLATFORM = "platform"  # in the place of a recipe's name
log = logging.getLogger(__name__)


class Told(NamedTuple):
    name: str
    values: dict[str, str]


def read_event(stream: TextIO) -> Told | None:
    """The next event; None where the supervisor is gone."""
    head = stream.readline()
    if not head.endswith("\n"):
        return None
    header = _pairs(head)
    body = stream.read(int(header["len"]))
    return Told(header["eventname"], _pairs(body.partition("\n")[0]))


def _pairs(text: str) -> dict[str, str]:
    return dict(word.split(":", 1) for word in text.split() if ":" in word)


def message_of(event: Told) -> str | None:
    """What a person should hear of an event; None: nothing."""
    service = event.values.get("processname", "")
    if event.name == "PROCESS_STATE_EXITED":
        return f"{service} ended by itself and is being restarted; its log is HOME/logs/{service}.log"
    if event.name == "PROCESS_STATE_BACKOFF" and int(event.values.get("tries", 0)) in FAILING:
        tries = event.values["tries"]
        return f"{service} keeps failing: {tries} attempts in a row; its log is HOME/logs/{service}.log"
    return None


class Pages:
    """How many minutes in a row each page has not answered."""

    def __init__(self) -> None:
        self.silent: dict[str, int] = {}

    def hung(self, settings: Settings) -> list[str]:
        """Services that have not answered for SILENT minutes, though their process runs; each once in that time."""
        states = supervisor.states(settings)
        found = []
        for service, page in pages(settings).items():
            runs = service in states and states[service].name == "RUNNING"
            silent = runs and not answers(page, timeout=20.0)
            self.silent[service] = self.silent.get(service, 0) + 1 if silent else 0
            if self.silent[service] >= SILENT:
                self.silent[service] = 0
                found.append(service)
        return found


def minute(settings: Settings, known: Pages) -> None:
    """What is looked at once a minute."""
    for service in known.hung(settings):
        text = f"{service} has not answered for {SILENT} minutes and is being restarted"
        notify(settings, "restarted", text, PLATFORM, "")
        supervisor.restart_service(settings, service)
    for recipe, run, text in end_runs_without_recipe(settings):
        notify(settings, "failed", text, recipe, run)


def watch(settings: Settings, events: TextIO, answer: TextIO) -> bool:
    """Follow the supervisor until it stops. Whether it ended without being asked to."""
    known = Pages()
    while True:
        answer.write("READY\n")
        answer.flush()
        event = read_event(events)
        if event is None:
            return True
        try:
            if event.name == "SUPERVISOR_STATE_CHANGE_STOPPING":
                return False
            if (text := message_of(event)) is not None:
                kind: Event = "failing" if "keeps failing" in text else "restarted"
                notify(settings, kind, text.replace("HOME", str(settings.home)), PLATFORM, "")
            if event.name == "TICK_60":
                minute(settings, known)
        except Exception:
            log.exception("event %s", event.name)
        answer.write("RESULT 2\nOK")
        answer.flush()


def main() -> None:
    logging.basicConfig(stream=sys.stderr, format="%(asctime)s %(levelname)s %(message)s")
    settings = Settings.load()
    if watch(settings, sys.stdin, sys.stdout):
        own = settings.home / "logs" / f"{supervisor.WATCHDOG}.log"
        text = "the supervisor was killed; it and all services are being started anew"
        notify(settings, "restarted", text, PLATFORM, "")
        for handle, file in ((0, Path(os.devnull)), (1, own), (2, own)):  # the pipes that it had lead nowhere
            os.dup2(os.open(file, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600), handle)
        time.sleep(1)  # its socket and its children are let go of
        arguments = supervisor.command(settings)
        os.execv(arguments[0], arguments)


if __name__ == "__main__":
    main()
