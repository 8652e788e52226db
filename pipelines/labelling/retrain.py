"""`selfsup run RECIPE` as a child process of the labelling page, one at a time; it goes on when the page is closed."""

import subprocess
import sys
from pathlib import Path
from typing import Any

from components.errors import UserError
from pipelines.engine import journal, run_list
from pipelines.engine.processes import child_environ
from pipelines.recipe import Recipe
from pipelines.settings import Settings


class Retraining:
    """log: file of what the process prints."""

    def __init__(self, recipe: Recipe, settings: Settings) -> None:
        self._recipe, self._settings = recipe, settings
        self._process: subprocess.Popen[bytes] | None = None
        self._before: str | None = None  # the recipe's last run before that process
        self.log = settings.home / "logs" / f"label-{recipe.name}.log"

    def start(self) -> None:
        """Begin a run.

        Raises:
            UserError: one is at work.
        """
        if self.state()["state"] == "open":
            raise UserError("run-open", f"a run of {self._recipe.name} is at work: wait until it has ended")
        self._before = run_list.last_of(self._settings.home, self._recipe.name)
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("wb") as output:
            self._process = subprocess.Popen(
                self.command(),
                env=child_environ(self._settings),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C at the page does not reach it
            )

    def command(self) -> list[str]:
        return [sys.executable, "-m", "pipelines.cli.main", "run", str(self._recipe.file)]

    def state(self) -> dict[str, Any]:
        """state: `none`, `open`, `done`, `failed` or `broken`, of the run begun here or else of the recipe's last run;
        text: of it, for a person."""
        if self._process is not None and (code := self._process.poll()) is not None and code != 0:
            return {"state": "failed", "text": self._last_line() or f"ended with exit code {code}"}
        run = run_list.last_of(self._settings.home, self._recipe.name)
        working = self._process is not None and self._process.poll() is None
        if working and run == self._before:
            return {"state": "open", "text": "a run is starting"}
        if run is None:
            return {"state": "none", "text": "no run yet"}
        state, told = run_list.ending(self._settings.home, run, journal.head_of(self._settings.home, run))
        if working or state == "open":
            done = [line.stage for line in journal.stages(self._settings.home, run)]
            return {"state": "open", "text": f"{run}: {', '.join(done) or 'nothing'} done"}
        return {"state": state, "text": f"{run}: {told}"}

    def _last_line(self) -> str:
        text = _tail(self.log)
        return text.splitlines()[-1] if text.strip() else ""


def _tail(file: Path, size: int = 4096) -> str:
    """The end of a text file."""
    with file.open("rb") as stream:
        stream.seek(max(0, file.stat().st_size - size))
        return stream.read().decode(errors="replace").strip()
