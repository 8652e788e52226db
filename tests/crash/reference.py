"""The run that nobody kills, and copies of its home from which others go on."""

from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from pipelines.graph import FLOWS
from tests.crash.place import Ended, Home, make

STEPS = (*FLOWS["train"], "score", "monitor", "mirror")
BUSY = "timed out during startup"  # Ray's, after 30 s: the machine had too much else to do
MIRROR = """\
import sys
from pipelines.engine import journal
from pipelines.flows import mirror
from pipelines.settings import Settings
file = journal.journal_file(Settings.load().home, "a-run")
if not any("ended" in record for record in journal.records(file)):
    head = {"run": "a-run", "recipe": sys.argv[1], "started": 1.0, "ended": 2.0, "error": ""}
    journal.append(file, head)
sys.argv = ["", "a-run"]
mirror.main()
"""


class Reference:
    """One run that nobody kills, a step at a time, as far as somebody needs it; its home before and after each."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.recipe = folder, make(folder)
        self.done: dict[str, str] = {}  # stage -> reference
        self.pool = ThreadPoolExecutor(1)
        self.steps: dict[str, Future[None]] = {}

    def ask(self, step: str) -> "Future[None]":
        """The steps up to this one are made, in order."""
        for name in STEPS[: STEPS.index(step) + 1]:
            if name not in self.steps:
                self.steps[name] = self.pool.submit(self._make, name)
        return self.steps[step]

    def after(self, step: str) -> Home:
        self.ask(step).result()
        return Home(self.folder / f"after-{step}", self.recipe)

    def before(self, step: str, name: str) -> tuple[Home, dict[str, str]]:
        """A copy of the home in which `step` is the next, and what is done there. name: of its folder."""
        earlier = STEPS[: STEPS.index(step)]
        home = self.after(earlier[-1]) if earlier else Home(self.folder / "nothing", self.recipe)
        home.root.mkdir(exist_ok=True)
        return home.copy(self.folder / name), {stage: self.done[stage] for stage in earlier}

    def _make(self, step: str) -> None:
        home = Home(self.folder / "reference", self.recipe)
        made = run(step, home, self.done)
        assert made.code == 0, f"the reference run failed in {step}: {made.said}"
        self.done = self.done | made.done
        home.copy(self.folder / f"after-{step}")


def run(step: str, home: Home, done: dict[str, str], crash: str = "", **settings: str) -> Ended:
    """One stage, or MLflow's picture of the run."""
    if step == "mirror":
        return home.python(MIRROR, str(home.recipe), crash=crash)
    for _ in range(5):
        made = home.run(step, done, crash=crash, **settings)
        if BUSY not in made.said:
            break
    return made
