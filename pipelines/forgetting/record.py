"""That samples were forgotten: HOME/forgotten.jsonl, a line each time. When, by whom, how many; never which."""

from pathlib import Path

from components.config import Config
from components.errors import UserError
from pipelines import journal
from pipelines.context import append_line

FILE = "forgotten.jsonl"


class Forgotten(Config):
    """versions: data versions that went with them. models: name and version of those marked. time: ISO 8601, UTC."""

    time: str
    who: str
    recipe: str
    samples: int
    versions: list[str]
    models: list[str]


def append(home: Path, entry: Forgotten) -> None:
    append_line(home / FILE, entry.model_dump())


def refuse_erased(version: str, home: Path) -> None:
    """Raises UserError where a data version went because it held forgotten samples."""
    for line in journal.records(home / FILE):
        entry = Forgotten.model_validate(line)
        if version in entry.versions:
            raise UserError(
                f"data version {version} held samples that {entry.who} had forgotten on {entry.time[:10]}: it is gone "
                "for good, and so is what was made of it; run the recipe for a model without them"
            )
