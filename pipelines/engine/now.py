"""What a run is doing at this moment: home/runs/RUN.now, there while a stage runs, written whole or not at all.

`selfsup runs` shows it. A kill leaves it behind, so it counts only for a run that is at work.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from components.config import Config
from components.files import write_atomically

Watch = Callable[[dict[str, Any]], None]


class Lead(Config):
    """seconds: since the stage began. candidates: by name the share of held-out labels that is right, the leader first;
    empty where no label could be held out. model, folder: name and model folder of the best one that can be used."""

    seconds: float
    candidates: dict[str, float] = Field(default_factory=dict)
    model: str = ""
    folder: str = ""


class Now(Config):
    """started: unix time, the start of the stage's process included."""

    stage: str
    reference: str
    started: float
    lead: Lead | None = None


@contextmanager
def shown(file: Path, now: Now, watch: Watch) -> Iterator[Watch]:
    """Keep `file` while the stage runs; what it tells of its candidates goes there, all else to `watch`."""

    def write(changed: Now) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(file, lambda out: out.write(changed.model_dump_json().encode()))

    def told(record: dict[str, Any]) -> None:
        if "lead" in record:
            write(now.model_copy(update={"lead": Lead.model_validate(record["lead"])}))
        else:
            watch(record)

    write(now)
    try:
        yield told
    finally:
        file.unlink(missing_ok=True)


def lines(file: Path) -> list[str]:
    """The stage and for how long it has run, who leads and what can be used already; none where there is no such
    file."""
    try:
        now = Now.model_validate_json(file.read_bytes())
    except (OSError, ValidationError):  # no stage runs; or another version of selfsup wrote it
        return []
    said = [f"  {'now':<7}{max(0.0, time.time() - now.started):>8.1f} s  {now.reference}"]
    if (lead := now.lead) is not None:
        after = f"{lead.seconds:>8.1f} s"
        if lead.candidates:
            (best, share), *others = lead.candidates.items()
            rest = "".join(f", {name} {other:.1%}" for name, other in others)
            said.append(f"  {'leads':<7}{after}  {best} {share:.1%} of held-out labels{rest}")
        if lead.folder:
            said.append(f"  {'usable':<7}{after}  {lead.model}: {lead.folder}")
    return said
