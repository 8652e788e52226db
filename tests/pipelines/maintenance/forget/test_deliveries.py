"""What of a delivery is forgotten: all that it brought and that no longer lies in the inbox."""

import hashlib
from pathlib import Path

import pytest

from components.data.shards import Index, ShardWriter
from components.errors import UserError
from components.modalities.table.check import canonical
from pipelines.maintenance.forget.forget import _ids
from pipelines.recipe import Recipe
from pipelines.settings import Settings

RIGHT = [{"a": str(n), "b": "x"} for n in range(4)]
WRONG = [{"a": f"{n} m", "b": "y"} for n in range(3)]


def ids(rows: list[dict[str, str]]) -> list[str]:
    return sorted(hashlib.sha256(canonical(row)).hexdigest() for row in rows)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", data=tmp_path / "data", recipes=tmp_path)


@pytest.fixture
def recipe(tmp_path: Path, settings: Settings) -> Recipe:
    """Two deliveries have been taken: right.csv, and bad.csv with three rows that are wrong and one that is right."""
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    folder, shards = settings.data / "mine", []
    for delivery, rows in (("right.csv", RIGHT[:3]), ("bad.csv", [*WRONG, RIGHT[3]])):
        writer = ShardWriter(folder, delivery, rows=16)
        for number, row in enumerate(rows):
            data = canonical(row)
            writer.add(hashlib.sha256(data).hexdigest(), data, f"{delivery}#{number}")
        shards += writer.finish()
    Index(shards=shards).save(folder)
    return Recipe(
        file=tmp_path / "mine.yaml", inbox=inbox, name="mine", modality={"name": "table"}, sections={}
    )


def deliver(recipe: Recipe, name: str, rows: list[dict[str, str]]) -> Path:
    file = recipe.inbox / name
    file.write_text("a,b\n" + "".join(f"{row['a']},{row['b']}\n" for row in rows))
    return file


def test_a_delivery_that_is_gone_is_forgotten_as_a_whole(recipe: Recipe, settings: Settings) -> None:
    assert _ids("bad.csv", recipe, settings) == ids([*WRONG, RIGHT[3]])
    assert _ids("right.csv#1", recipe, settings) == ids([RIGHT[1]])


def test_what_a_corrected_file_still_has_stays(recipe: Recipe, settings: Settings) -> None:
    file = deliver(recipe, "bad.csv", [RIGHT[3], {"a": "9", "b": "y"}])
    assert _ids("bad.csv", recipe, settings) == ids(WRONG)
    assert _ids(str(file), recipe, settings) == ids(WRONG)


def test_of_a_delivery_that_lies_there_all_is_meant(recipe: Recipe, settings: Settings) -> None:
    """`--yes` is then refused, as for any sample that the next ingest would take again."""
    deliver(recipe, "bad.csv", [*WRONG, RIGHT[3]])
    assert _ids("bad.csv", recipe, settings) == ids([*WRONG, RIGHT[3]])


def test_a_name_that_nothing_has(recipe: Recipe, settings: Settings) -> None:
    with pytest.raises(UserError, match="no sample or delivery has this name"):
        _ids("worse.csv", recipe, settings)
