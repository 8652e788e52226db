"""That samples were forgotten: HOME/forgotten.jsonl, a line each time. When, by whom, how many; never which.

Until all is gone HOME/forgetting.json says which: one that was killed goes on from it, whatever is gone already.
"""

from itertools import chain
from pathlib import Path

from components.config import Config
from components.errors import UserError
from components.files import write_atomically
from pipelines.engine import journal
from pipelines.engine.context import append_line

FILE, BEGUN = "forgotten.jsonl", "forgetting.json"


class Forgotten(Config):
    """versions: data versions that went with them. models: name and version of those marked. time: ISO 8601, UTC."""

    time: str
    who: str
    recipe: str
    samples: int
    versions: list[str]
    models: list[str]


class Begun(Config):
    """samples: as they were asked for -> ids, of a delivery several. when, versions, models: see Forgotten."""

    recipe: str
    when: str
    samples: dict[str, list[str]]
    versions: list[str]
    models: list[str]


def begun(home: Path) -> Begun | None:
    """What a command that was killed had begun to forget."""
    file = home / BEGUN
    return Begun.model_validate_json(file.read_bytes()) if file.exists() else None


def begin(home: Path, entry: Begun) -> None:
    text = entry.model_dump_json().encode()
    write_atomically(home / BEGUN, lambda out: out.write(text))


def end(home: Path, entry: Begun, who: str) -> None:
    """One line, however often the command was killed."""
    line = Forgotten(
        time=entry.when, who=who, recipe=entry.recipe, samples=len(set(chain.from_iterable(entry.samples.values()))),
        versions=entry.versions, models=entry.models,
    )  # fmt: skip
    if line.model_dump() not in journal.records(home / FILE):
        append(home, line)


def append(home: Path, entry: Forgotten) -> None:
    append_line(home / FILE, entry.model_dump())


def refuse_erased(version: str, home: Path) -> None:
    """Raises UserError where a data version went because it held forgotten samples."""
    for line in journal.records(home / FILE):
        entry = Forgotten.model_validate(line)
        if version in entry.versions:
            raise UserError(
                "data-version-forgotten",
                f"data version {version} held samples that {entry.who} had forgotten on {entry.time[:10]}: it is gone "
                "for good, and so is what was made of it; run the recipe for a model without them",
            )
