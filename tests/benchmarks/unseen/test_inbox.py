import csv
import hashlib

import numpy as np
import pytest
from PIL import Image

from benchmarks.unseen.image_set import Images
from benchmarks.unseen.inbox import write
from benchmarks.unseen.split import draw_labels
from components.data.labels import read_labels, settle
from components.data.shards import Index
from components.errors import UserError
from pipelines import recipe
from pipelines.engine.context import Context
from pipelines.onboarding.init import init
from pipelines.settings import Settings
from pipelines.stages import ingest


@pytest.fixture
def found():
    rng = np.random.default_rng(0)
    return Images(
        rng.integers(0, 256, (60, 16, 16, 3), dtype=np.uint8),
        np.arange(60) % 3,
        ["cat", "dog, small", "42"],
        np.arange(60) < 18,
    )


def read(folder):
    with (folder / "labels.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_images_lie_flat_and_labels_are_the_drawn_ones_and_those_of_the_test(found, tmp_path):
    write(tmp_path / "in", found, 2, 7)
    assert sorted(path.name for path in (tmp_path / "in").glob("*.png")) == [
        f"{n:05d}.png" for n in range(60)
    ]
    assert np.array_equal(np.asarray(Image.open(tmp_path / "in" / "00041.png")), found.images[41])
    drawn = set(draw_labels(found, 2, 7).tolist())
    assert len(drawn) == 6
    assert read(tmp_path / "in") == [
        {
            "path": f"{row:05d}.png",
            "label": found.classes[row % 3],
            "split": "test" if row < 18 else "train",
        }
        for row in range(60)
        if row < 18 or row in drawn
    ]


def test_the_recipe_of_init_trains_on_the_drawn_labels_and_tests_on_the_test_images(found, tmp_path):
    write(tmp_path / "in", found, 2, 7)
    settings = Settings(home=tmp_path / "home", data=tmp_path / "data", recipes=tmp_path / "recipes")
    report = init("mine", tmp_path / "in", settings)
    assert report.found.labels.tests == 18
    loaded = recipe.load(report.recipe)
    request = ingest.Request.model_validate(
        {
            "inbox": str(report.inbox),
            "modality": loaded.modality,
            "settle_seconds": 0,
            **loaded.sections["ingest"],
        }
    )
    assert request.modality.channels == 3
    (tmp_path / "run").mkdir()
    ingest.run(request, tmp_path / "run", Context(settings.store, settings, "mine", tmp_path / "run"))
    folder = tmp_path / "data" / "mine"
    settled = settle(read_labels(folder, Index.load(folder)))

    ids = [hashlib.sha256((tmp_path / "in" / f"{n:05d}.png").read_bytes()).hexdigest() for n in range(60)]
    tests, drawn = set(ids[:18]), {ids[row] for row in draw_labels(found, 2, 7)}
    assert settled.named == dict.fromkeys(tests, "test") | dict.fromkeys(drawn, "train")
    assert settled.labels == {id: found.classes[row % 3] for row, id in enumerate(ids) if id in tests | drawn}


def test_a_folder_with_files_and_no_labels_are_refused(found, tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "mine.txt").touch()
    with pytest.raises(UserError, match="must be empty or new"):
        write(tmp_path / "in", found, 2, 0)
    with pytest.raises(UserError, match="at least 1, got 0"):
        write(tmp_path / "new", found, 0, 0)
