import io
import re

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from PIL import Image

from components.data.inbox import Inbox
from components.errors import UserError
from components.modalities.image.suit import ImageLook
from components.modalities.registry import MODALITIES
from pipelines import recipe
from pipelines.flows.recipe_check import check
from pipelines.onboarding.init import init
from pipelines.onboarding.label_survey import are_classes
from pipelines.onboarding.recipe_template import seconds_of, suited
from pipelines.onboarding.survey import Found
from pipelines.settings import Settings

RNG = np.random.default_rng(0)


def picture(width=40, height=40, colour=True):
    pixels = RNG.integers(0, 256, (height, width, 3) if colour else (height, width), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


def put(folder, *names, **how):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(picture(**how))


@pytest.fixture
def settings(tmp_path):
    return Settings(home=tmp_path / "home", data=tmp_path / "data", recipes=tmp_path / "recipes")


@pytest.fixture
def source(tmp_path):
    return tmp_path / "mine"


def read(report):
    loaded = recipe.load(report.recipe)
    return loaded, loaded.sections


def test_files_that_are_not_looked_at_are_not_read(settings, source, monkeypatch):
    put(source, *(f"{kind}/{n:02}.png" for kind in ("cat", "dog") for n in range(30)))
    read, item = [], Inbox.item
    monkeypatch.setattr(Inbox, "item", lambda box, path, most: read.append(path) or item(box, path, most))
    monkeypatch.setattr("pipelines.onboarding.survey.LOOK", 7)
    found = init("pets", source, settings).found
    assert (found.samples, found.looked, found.labels.classes) == (60, 7, {"cat": 30, "dog": 30})
    assert read == [f"{kind}/{n:02}.png" for kind, n in (
        ("cat", 0), ("cat", 9), ("cat", 18), ("cat", 27), ("dog", 6), ("dog", 15), ("dog", 24),
    )]  # fmt: skip


def test_class_folders(settings, source, capsys):
    put(source, *(f"cat/{n}.png" for n in range(30)), *(f"dog/{n}.png" for n in range(20)))
    (source / "cat" / "broken.png").write_bytes(b"no image")
    report = init("pets", source, settings)
    loaded, sections = read(report)
    assert loaded.inbox == source
    assert loaded.modality == {"name": "image", "size": 40, "channels": 3}
    assert sections["ingest"]["labels_from"] == "folders"
    assert sections["pseudo_label"]["clusters"] == 4  # three a class, but ten samples each at least
    assert sections["pretrain"]["objective"] == {"name": "simclr"}
    assert sections["pretrain"]["views"] == "measured"
    said = capsys.readouterr().out
    assert "51 samples, 51 looked at: 40 x 40 pixels; 0 grey, 50 in colour" in said
    assert "bad: 1 not an image, e.g. cat/broken.png" in said
    assert "50 labels in 2 classes, from the folders' names: cat 30, dog 20" in said


@pytest.mark.slow
def test_the_recipe_is_what_the_stages_ask_for(settings, source):
    put(source, *(f"{c}/{n}.png" for c in "abc" for n in range(20)))
    check(recipe.load(init("letters", source, settings).recipe))


def test_a_file_of_labels_wins_over_folders(settings, source, capsys):
    put(
        source, *(f"batch1/{n}.png" for n in range(30)), *(f"batch2/{n}.png" for n in range(30)), colour=False
    )
    rows = "".join(f"batch1/{n}.png,{'cat' if n else 'cow'},{'test' if n % 3 else ''}\n" for n in range(12))
    (source / "labels.csv").write_text(f"path,label,split\n{rows}gone.png,dog,\n")
    loaded, sections = read(init("pets", source, settings))
    assert sections["ingest"]["labels_from"] == "file"
    assert loaded.modality["channels"] == 1
    said = capsys.readouterr().out
    assert "12 labels in 2 classes, from tables: cat 11, cow 1" in said
    assert "of these, 4 for training and 8 for testing (as named)" in said
    assert "note: without a sample, so left out: 1 label, e.g. labels.csv line 14, 'gone.png'" in said
    assert "note: 1 of 2 classes has fewer than 3 labels, e.g. cow" in said


def test_no_labels(settings, source, capsys):
    put(source, *(f"2026-01-{n % 2 + 10}/{n}.png" for n in range(60)), width=300, height=200)
    loaded, sections = read(init("plain", source, settings))
    assert sections["pseudo_label"]["clusters"] == "auto"
    assert "finetune" not in sections  # what suits no labels would stay when there are some
    assert loaded.modality["size"] == 96
    assert sections["pretrain"]["encoder"]["stem_stride"] == 2
    assert "no labels: clusters will be reported without classes" in capsys.readouterr().out


def test_a_table_beside_its_images_is_read_where_it_lies(settings, source):
    put(source, *(f"images/{n}.png" for n in range(20)))
    rows = "".join(f"images/{n}.png,{'ab'[n % 2]}\n" for n in range(20))
    (source / "table.csv").write_text("path,label\n" + rows)
    report = init("table", source / "table.csv", settings)
    assert report.inbox == source
    assert report.found.samples == 20
    assert report.found.labels.classes == {"a": 10, "b": 10}


@pytest.mark.parametrize("kind", ["absolute", "parent", "among others"])
def test_a_table_of_paths_elsewhere_gets_an_inbox_of_links(settings, source, kind, capsys):
    put(source, *(f"images/{n}.png" for n in range(25)))
    (source / "tables").mkdir()
    start = {"absolute": f"{source}/images", "parent": "../images", "among others": "images"}[kind]
    table = source / "table.csv" if kind == "among others" else source / "tables" / "table.csv"
    table.write_text("path,label\n" + "".join(f"{start}/{n}.png,{'ab'[n % 2]}\n" for n in range(20)))
    report = init("table", table, settings)
    assert report.inbox == settings.home / "inboxes" / "table"
    assert (report.found.samples, report.found.labels.classes) == (20, {"a": 10, "b": 10})
    links = {link.stat().st_ino for link in (report.inbox / "images").iterdir()}
    assert links == {(source / "images" / f"{n}.png").stat().st_ino for n in range(20)}
    assert read(report)[1]["ingest"]["table"] == str(table)
    assert f"{table} is followed" in capsys.readouterr().out


def test_a_parquet_delivery(settings, source):
    source.mkdir()
    images = [picture(28, 28, colour=False) for _ in range(40)]
    pq.write_table(pa.table({"image": images, "label": ["x", "y"] * 20}), source / "first.parquet")
    report = init("pq", source / "first.parquet", settings)
    assert (report.inbox, report.found.samples, report.found.labels.classes) == (
        source,
        40,
        {"x": 20, "y": 20},
    )
    assert read(report)[0].modality == {"name": "image", "size": 28, "channels": 1}


def test_grey_of_more_than_8_bits_gets_one_range_in_the_recipe(settings, source, capsys):
    source.mkdir()
    ramp = np.linspace(0, 1, 1024).reshape(32, 32)
    for n in range(1, 11):  # a camera of 12 bits, brighter from image to image
        Image.fromarray((ramp * 409.5 * n).astype(np.uint16)).save(source / f"{n}.tif")
    loaded, _ = read(init("deep", source, settings))
    low, high = loaded.modality["range"]
    assert 0 <= low < 10
    assert 4080 < high <= 4095
    said = capsys.readouterr().out
    assert f"10 of more than 8 bits: values from {low:g} to {high:g} become black to white" in said
    check(loaded)
    put(source, "eight.png", colour=False)
    assert read(init("mixed", source, settings))[0].modality["range"] == [low, high]


def test_floats_get_the_range_that_they_have(settings, source):
    source.mkdir()
    values = np.linspace(-1000, 3000, 1024, dtype=np.float32).reshape(32, 32)
    for n in range(3):
        Image.fromarray(values + n).save(source / f"{n}.tif")
    low, high = read(init("scans", source, settings))[0].modality["range"]
    assert (low, high) == pytest.approx((-1000, 3000), abs=8)


def test_images_of_one_single_colour_are_refused(settings, source):
    source.mkdir()
    for n in range(4):
        Image.new("RGB", (32, 32), (90, 80, 70)).save(source / f"{n}.png", compress_level=n)
    with pytest.raises(UserError, match=r"all 4 samples looked at .* same single colour \(90, 80, 70\)"):
        init("flat", source, settings)
    Image.new("RGB", (32, 32), (91, 80, 70)).save(source / "other.png")
    assert init("flat", source, settings).found.samples == 5


def test_many_bad_samples_are_said_and_allowed_for(settings, source, capsys):
    put(source, *(f"{n}.png" for n in range(40)))
    for n in range(10):
        (source / f"bad{n}.png").write_bytes(b"")
    _, sections = read(init("bad", source, settings))
    assert sections["ingest"]["max_bad_share"] == pytest.approx(0.41)
    assert "20% of the samples are bad" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "make", "word"),
    [
        ("x", lambda s: None, "there is nothing at"),
        ("x", lambda s: s.mkdir(), "nothing readable .* no images"),
        ("x", lambda s: (s.mkdir(), (s / "a.png").write_text("text")), "nothing readable .* 1 not an image"),
        ("x", lambda s: s.write_text("hello"), "is no data that can be read"),
        ("Big Name", lambda s: put(s, "a.png"), "small letters"),
        ("taken", lambda s: put(s, "a.png"), r"is taken by .*taken\.yaml"),
        ("shipped", lambda s: put(s, "a.png"), r"is taken by .*shipped\.yaml"),
    ],
)
def test_mistakes_are_one_line(settings, source, name, make, word):
    for folder, other in ((settings.user_recipes, "taken"), (settings.recipes, "shipped")):
        folder.mkdir(parents=True)
        (folder / f"{other}.yaml").write_text(f"name: {other}\nmodality: {{name: image}}\ninbox: in\n")
    make(source)
    with pytest.raises(UserError, match=word) as caught:
        init(name, source, settings)
    assert "\n" not in str(caught.value)
    assert [p.name for p in settings.user_recipes.iterdir()] == ["taken.yaml"]


def test_a_folder_name_with_odd_characters_survives_yaml(settings, tmp_path):
    odd = tmp_path / "my: data #1 'x'"
    put(odd, *(f"{n}.png" for n in range(10)))
    assert read(init("odd", odd, settings))[0].inbox == odd


def test_an_inbox_in_the_home_is_named_relative(settings):
    put(settings.home / "pictures", *(f"{n}.png" for n in range(10)))
    assert (
        yaml.safe_load(init("rel", settings.home / "pictures", settings).recipe.read_text())["inbox"]
        == "../pictures"
    )


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["cat", "dog"], True),
        (["0", "1", "7"], True),
        (["batch_1", "batch_2"], False),
        (["train", "test"], False),
        (["2026-01-01", "2026-01-02"], False),
        (["cat"], False),
        (["", ""], False),
    ],
)
def test_which_folders_read_like_classes(names, expected):
    assert are_classes(names * 5) is expected


def images(samples: int, side: int) -> Found:
    look = ImageLook()
    look.sizes = [(side, side)] * 10
    return Found("image", look, samples=samples, looked=10)


@pytest.mark.parametrize(
    ("side", "samples", "size"),
    [(28, 9000, 28), (33, 9000, 33), (200, 9000, 64), (200, 900, 96), (12, 9000, 16)],
)
def test_size_and_length_suit_the_data(side, samples, size):
    found = images(samples, side)
    values = suited(found)
    assert f"size: {size}," in found.look.suited(samples).modality
    assert values["batch_size"] * 4 <= samples
    assert 5 <= values["epochs"] <= 400


def test_the_time_that_is_promised_is_that_of_the_epochs(settings, source):
    """1,797 samples of 16 pixels: 1,437 to train on, about 1,330 a second."""
    found = images(1797, 16)
    values = suited(found)
    assert (values["batch_size"], values["epochs"]) == (128, 111)
    assert "stem_stride: 1}" in found.look.suited(1797).encoder
    assert values["seconds"] == pytest.approx(120, rel=0.02)
    many = suited(images(5_000_000, 28))
    assert (many["epochs"], many["learning_rate"], many["prototypes"]) == (5, 0.004, 2000)
    put(source, *(f"{n}.png" for n in range(30)), width=28, height=28)
    report = init("short", source, settings)
    text = report.recipe.read_text()
    assert re.search(r"train:  # about \d+ s on two cores", text)
    assert "or swav with prototypes: 10, queue: 0, freeze: 0.1, epsilon: 0.03;" in text
    assert read(report)[1]["pretrain"]["train"]["optimiser"]["learning_rate"] == 0.00035


@pytest.mark.parametrize(("text", "seconds"), [("90 s", 90), ("6 min", 360), ("1.5h", 5400)])
def test_a_budget_is_a_number_with_its_unit(text, seconds):
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "6", "min", "-3 s", "0 s", "6 days", "nan s"])
def test_another_budget_is_refused_with_what_one_is(text):
    with pytest.raises(UserError, match="a number above 0 and s, min or h"):
        seconds_of(text)


def test_a_budget_sets_epochs_and_steps(settings, source):
    found = images(9000, 28)
    usual, twice, third = (suited(found, seconds) for seconds in (360, 720, 120))
    assert suited(found, 1440)["epochs"] == pytest.approx(2 * twice["epochs"], rel=0.05)
    assert third["epochs"] < 0.6 * usual["epochs"]
    # 1,735 samples of two views a second, 787 views a step, two fifths of the time: 634, 1,269 and 211
    assert (usual["steps"], twice["steps"], third["steps"]) == (400, 400, 211)
    large = suited(images(2000, 64), 360)
    assert large["steps"] == 150  # 121 would fit


def test_a_budget_that_cannot_be_kept_is_said(settings, source, capsys):
    put(source, *(f"{label}/{n}.png" for label in ("cat", "dog") for n in range(300)))
    report = init("hurry", source, settings, budget=2)
    assert "note: a budget of 2 s is less than the shortest pretraining" in capsys.readouterr().out
    assert read(report)[1]["finetune"]["steps"] == 150
    assert "# For about 2 s a run on two cores" in report.recipe.read_text()


def test_split_folders_and_unlabelled_ones_are_told(settings, source, capsys):
    put(
        source,
        *(
            f"{part}/{kind}/{n}.png"
            for part in ("train", "test")
            for kind in ("cat", "dog")
            for n in range(6)
        ),
    )
    put(source, *(f"unlabeled/{n}.png" for n in range(30)))
    report = init("pets", source, settings)
    said = capsys.readouterr().out
    assert "folder test: 12 samples for testing, never trained on\n" in said
    assert "folder train: 12 samples for training\n" in said
    assert "folder unlabeled: 30 samples without a label\n" in said
    assert "24 labels in 2 classes, from the folders' names: cat 12, dog 12\n" in said
    assert "of these, 12 for training and 12 for testing (as named)\n" in said
    ingest = read(report)[1]["ingest"]
    assert (ingest["labels_from"], ingest["unlabelled"]) == ("folders", ["unlabeled"])
    assert report.values["label_batch"] == 12  # what trains


def test_a_file_corrects_class_folders(settings, source, capsys):
    put(source, *(f"{kind}/{n}.png" for kind in ("cat", "dog") for n in range(20)))
    (source / "labels.csv").write_text("path,label\ncat/0.png,dog\ncat/1.png,dog\ncat/2.png,cat\n")
    _, sections = read(init("pets", source, settings))
    assert sections["ingest"]["labels_from"] == "folders"
    said = capsys.readouterr().out
    assert "2 labels of folders are corrected by labels.csv" in said
    assert "40 labels in 2 classes, from the folders' names: cat 18, dog 22" in said
    assert "of these, about 32 for training and about 8 for testing (20%, drawn)" in said


def test_a_file_of_other_classes_wins_over_folders_that_read_like_classes(settings, source):
    put(source, *(f"{site}/{n}.png" for site in ("berlin", "paris") for n in range(20)))
    rows = "".join(f"berlin/{n}.png,{'cat' if n % 2 else 'dog'}\n" for n in range(10))
    (source / "labels.csv").write_text(f"path,label\n{rows}")
    report = init("pets", source, settings)
    assert read(report)[1]["ingest"]["labels_from"] == "file"
    assert report.found.labels.classes == {"cat": 5, "dog": 5}


def test_what_is_odd_about_labels_is_noted(settings, source, capsys):
    put(source, *(f"{n}.png" for n in range(30)))
    rows = [f"{n}.png,{'Größe' if n % 2 else 'disc'}" for n in range(20)] + ["0.png,bars", "2.png,Disc"]
    (source / "labels.csv").write_bytes("\n".join(["path,label", *rows, ""]).encode("latin1"))
    (source / "label-new.csv").write_text("path,label\n1.png,\n")
    report = init("odd", source, settings)
    assert report.found.labels.classes == {"Größe": 10, "disc": 8}
    said = capsys.readouterr().out
    assert "note: labels.csv is not in UTF-8 and was read as Windows-1252" in said
    assert "note: label-new.csv gives no label" in said
    assert "note: contradictory labels, so without a label: 2 samples, e.g. 0.png: bars | disc" in said
    (source / "labels.csv").write_text("path,label\n0.png,disc\n1.png,Disc\n")
    init("spelling", source, settings)
    assert (
        "note: 'Disc' (1) and 'disc' (1) are classes of their own: give them one" in capsys.readouterr().out
    )


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        (
            "labels.csv",
            "path,label\nx/0.png,cat\n1.png,cat\n",
            r"1 of 2 labels find no sample, e.g. line 2, 'x/0.png'",
        ),
        ("labels.csv", 'path,label\n0.png,"cat\n', "labels.csv: unreadable table: line 2: a quote"),
        ("labels.xlsx", "PK", "labels.xlsx: not a form of labels that is read: save it as CSV"),
        ("list.csv", 'path,label\n0.png,"cat\n', "list.csv: unreadable table: line 2: a quote"),
    ],
)
def test_labels_that_would_be_lost_stop_it(settings, source, name, text, message):
    put(source, *(f"{n}.png" for n in range(10)))
    (source / name).write_text(text)
    with pytest.raises(UserError, match=message):
        init("lost", source, settings)
    assert not settings.recipes.exists()


def test_labels_of_parquet_deliveries_with_the_same_names_are_all_counted(settings, source):
    source.mkdir()
    for part in "ab":
        table = {
            "image": [picture(28, 28) for _ in range(10)],
            "name": [str(n) for n in range(10)],
            "label": [0, -1] * 5,
        }
        pq.write_table(pa.table(table), source / f"{part}.parquet")
    assert init("pq", source, settings).found.labels.classes == {"0": 10}


def prices(source, count, texts):
    """A table of houses with some prices."""
    source.mkdir()
    rows = "".join(f"{n},{n * 7 % 13},{texts(n)}\n" for n in range(count))
    (source / "houses.csv").write_text(f"rooms,age,price\n{rows}")
    return {"name": "table", "target": "price"}


def test_labels_that_are_numbers_of_many_values_make_a_regression_and_say_how_to_change_it(
    settings, source, capsys
):
    modality = prices(source, 80, lambda n: f"{1000 + 37 * n}.5" if n % 2 else "")
    report = init("houses", source, settings, modality=modality)
    loaded, sections = read(report)
    assert loaded.task == {"name": "regression"}
    said = capsys.readouterr().out
    assert (
        "40 labels that are numbers, of 40 different values: the task is regression; `--task classification`"
        in said
    )
    assert "of these, about 32 for training and about 8 for testing" in said
    assert "classes" not in sections["pseudo_label"]
    assert sections["finetune"]["batch_size"] == 40
    check(loaded)
    other = init("classes", source, settings, modality=modality, task="classification")
    assert read(other)[0].task == {"name": "classification"}
    assert len(other.found.labels.classes) == 40


def test_few_values_and_counted_classes_stay_classes(settings, source):
    modality = prices(source, 60, lambda n: n % 3)
    assert read(init("three", source, settings, modality=modality))[0].task == {"name": "classification"}
    asked = init("asked", source, settings, modality=modality, task={"name": "regression", "decimal": "."})
    assert read(asked)[0].task == {"name": "regression", "decimal": "."}
    with pytest.raises(UserError, match="task: unknown name 'forecast'"):
        init("unknown", source, settings, modality=modality, task="forecast")


def test_a_regression_of_words_is_refused(settings, source):
    modality = prices(source, 60, lambda n: "ab"[n % 2])
    with pytest.raises(UserError, match="needs labels that are numbers, got 'a', 'b'"):
        init("words", source, settings, modality=modality, task="regression")


def test_anomalies_need_no_label_and_the_rarer_of_two_is_taken_for_one(settings, source, capsys):
    modality = prices(source, 80, lambda n: "" if n % 4 else ("fraud" if n % 16 == 0 else "fine"))
    report = init("odd", source, settings, modality=modality, task="anomaly")
    loaded, sections = read(report)
    assert loaded.task == {"name": "anomaly", "anomalies": ["fraud"], "normal": ["fine"]}
    assert "20 labels: fine 15, fraud 5; of these, about 16 for training" in capsys.readouterr().out
    assert "finetune" not in sections
    assert sections["pretrain"]["train"]["epochs"] == 1  # detectors look at the columns alone
    assert "# the least: detectors look at the columns alone" in report.recipe.read_text()
    check(loaded)
    nothing = init("blank", source, settings, modality={"name": "table", "ignore": ["price"]}, task="anomaly")
    assert read(nothing)[0].task == {"name": "anomaly"}
    assert "samples are ranked all the same, and nothing can be measured" in capsys.readouterr().out
    check(read(nothing)[0])


def put_mask(file, values):
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values.astype(np.uint8)).save(file)


def test_masks_beside_images(settings, source):
    put(source, *(f"{part}/{n:02}.png" for part in ("train", "test") for n in range(30)))
    for part, count in (("train", 8), ("test", 5)):
        for n in range(count):
            put_mask(source / part / "masks" / f"{n:02}.png", RNG.integers(0, 3, (40, 40)))
    (source / "classes.txt").write_text("ground\ncell\nnucleus\n")
    report = init("cells", source, settings, task="segmentation")
    loaded, sections = read(report)
    assert loaded.task == {"name": "segmentation", "classes": ["ground", "cell", "nucleus"]}
    assert report.found.samples == 60
    assert report.found.labels.masks == 13
    assert "13 masks; of these, 8 for training and 5 for testing (as named)" in report.lines
    assert sections["ingest"]["labels_from"] == "file"
    assert "finetune" not in sections
    check(loaded)


def test_masks_that_are_wrong(settings, source):
    put(source, *(f"{n:02}.png" for n in range(30)))
    for n in range(20):
        put_mask(source / f"{n:02}.mask.png", RNG.integers(0, 4, (40, 40)))
    (source / "classes.txt").write_text("ground\ncell\n")
    report = init("cells", source, settings, task="segmentation")
    assert any(
        line.startswith("note: 20 masks will count as no label: a class below 2 is required")
        for line in report.lines
    )
    for n in range(3):
        put_mask(source / f"{n:02}.mask.png", RNG.integers(0, 2, (40, 30)))
    with pytest.raises(
        UserError, match=r"3 of 20 masks are refused, e\.g\. 00\.mask\.png: a mask of 30 x 40 pixels"
    ):
        init("others", source, settings, task="segmentation")
    (source / "classes.txt").write_text("ground\nground\n")
    with pytest.raises(
        UserError, match=r"classes\.txt: a name of a class on each line is required, each once"
    ):
        init("others", source, settings, task="segmentation")


def test_classes_where_masks_are_asked_for_are_refused(settings, source):
    put(source, *(f"{n:02}.png" for n in range(30)))
    (source / "labels.csv").write_text(
        "name,label\n" + "".join(f"{n:02}.png,{'cat' if n % 2 else 'dog'}\n" for n in range(20))
    )
    with pytest.raises(
        UserError, match=r"none of 20 labels is a mask: a mask is required .* got '(cat|dog)'"
    ):
        init("cells", source, settings, task="segmentation")


def test_what_an_unreadable_inbox_holds_is_named(settings, source):
    source.mkdir()
    (source / "clicks.csv").write_text("customer,product,when\nu,i,1\n")
    with pytest.raises(
        UserError,
        match=r"1 no column of events or path: it has customer, product, when .* set modality\.user",
    ):
        init("shop", source, settings, modality="events")
    (source / "clicks.csv").write_text("")
    with pytest.raises(UserError, match=r"1 unreadable table: it is empty"):
        init("shop", source, settings, modality="events")


def test_a_split_in_a_table_is_no_feature_and_no_guess_of_a_label(settings, source):
    source.mkdir()
    rows = "".join(f"{k},{k % 7},{'ab'[k % 2]},{'test' if k % 3 else 'train'}\n" for k in range(40))
    (source / "rows.csv").write_text(f"id,size,label,split\n{rows}")
    report = init("rows", source, settings, modality="table")
    assert read(report)[0].modality == {"name": "table", "key": "id", "ignore": ["split"]}
    [line] = [line for line in report.lines if line.startswith("guessed")]
    assert "modality.ignore" not in line
    assert line.endswith("key: COLUMN}'`")


def test_histories_of_users_are_found_and_ranked_without_labels(settings, source):
    source.mkdir()
    rows = "".join(f"u{user},i{(user + k) % 5},{k}\n" for user in range(30) for k in range(6))
    (source / "events.csv").write_text(f"User,Item,Time\n{rows}")
    report = init("shop", source, settings)
    loaded, sections = read(report)
    assert (loaded.task, loaded.modality) == ({"name": "ranking"}, {"name": "events"})
    assert sections["snapshot"]["test_share"] == 0
    assert sections["pretrain"]["objective"] == {"name": "sasrec"}
    assert report.found.samples == 30
    assert any("no labels are needed" in line for line in report.lines)
    assert "task: ranking  # needs no labels" in report.recipe.read_text()
    check(loaded)


def table(source, header, rows):
    source.mkdir(exist_ok=True)
    (source / "data.csv").write_text("".join(f"{line}\n" for line in [header, *rows]))


def customers(source, count=60, labelled=40):
    """churn of the first ones; the days of a month, so that no two columns name a row."""
    rows = (
        f"{k},{k * 7 % 31},{'abc'[k % 3]},{('yes', 'no')[k % 2] if k < labelled else ''}"
        for k in range(count)
    )
    table(source, "id,age,plan,churn", rows)


def test_the_label_that_is_guessed_is_taken_as_one_that_is_given(settings, source, capsys):
    customers(source)
    guessed = init("guessed", source, settings)
    said = capsys.readouterr().out
    given = init("given", source, settings, modality={"name": "table", "target": "churn"})
    text = given.recipe.read_text()
    assert guessed.recipe.read_text() == text.replace("name: given", "name: guessed")
    assert read(guessed)[0].modality == {"name": "table", "key": "id", "target": "churn"}
    assert read(guessed)[1]["finetune"]["batch_size"] == 40
    assert guessed.found.labels.classes == {"yes": 20, "no": 20}
    assert "40 labels in 2 classes, from tables: no 20, yes 20\n" in said
    assert (
        "guessed: modality.key id, modality.target churn; another: `--modality '{name: table, target: "
        in said
    )
    assert "guessed: modality.key id; another: `--modality '{name: table, key: " in capsys.readouterr().out


@pytest.mark.parametrize(("header", "labels"), [("id,age,churn,label", {"x": 60}), ("id,age,churn,l", {})])
def test_no_label_is_guessed_where_there_are_labels(settings, source, header, labels):
    table(source, header, (f"{k},{k % 31},{'yn'[k % 2]},x" for k in range(60)))
    if not labels:
        (source / "labels.csv").write_text("id,label\n3,spam\n4,ham\n")
        labels = {"spam": 1, "ham": 1}
    report = init("given", source, settings)
    assert report.found.labels.classes == labels
    assert read(report)[0].modality == {"name": "table", "key": "id"}


def test_a_label_that_no_table_has_is_refused(settings, source):
    customers(source)
    with pytest.raises(UserError) as caught:
        init("typo", source, settings, modality={"name": "table", "target": "churned"})
    assert caught.value.code == "column-missing"
    assert str(caught.value) == (
        "modality.target: no table of samples in the inbox has a column 'churned'; "
        "columns at hand: age, churn, id, plan; did you mean 'churn'?"
    )


@pytest.mark.parametrize("modality", ["series", {"name": "series", "series": "machne"}])
def test_a_table_that_the_kind_of_data_cannot_read_is_the_users_mistake(settings, source, modality):
    customers(source)
    wanted = "the column (series|machne) is required, it has id, age, plan, churn"
    with pytest.raises(UserError, match=wanted) as caught:
        init("none", source, settings, modality=modality)
    assert caught.value.code == "delivery-invalid"


def test_rows_that_look_like_another_kind_are_told(settings, source, capsys):
    table(source, "machine,time,vib", (f"m{m},{t},{m * t % 7}" for m in range(4) for t in range(10)))
    init("long", source, settings)
    assert "--modality '{name: series, series: machine}'\n" in capsys.readouterr().out
    table(source, "size,body,label", (f"{k % 9},one two three four w{k},{'ab'[k % 2]}" for k in range(40)))
    init("mails", source, settings)
    assert "--modality '{name: text, column: body}'\n" in capsys.readouterr().out
    customers(source)
    init("rows", source, settings)
    assert "--modality '{name: series" not in capsys.readouterr().out


def test_labels_of_bad_samples_do_not_count(settings, source, capsys):
    put(source, *(f"{n}.png" for n in range(30)))
    for n in range(5):
        (source / f"{n}.png").write_bytes(b"no image")
    rows = "".join(f"{n}.png,{'cat' if n % 2 else 'dog'}\n" for n in range(20))
    (source / "labels.csv").write_text(f"path,label\n{rows}")
    assert init("pets", source, settings).found.labels.classes == {"cat": 8, "dog": 7}
    said = capsys.readouterr().out
    assert "of these, about 12 for training and about 3 for testing (20%, drawn)\n" in said
    assert said.count("5 labels of bad samples are left out\n") == 1
    for n in range(30):
        (source / f"{n}.png").rename(source / f"{n}.png.was")
        (source / ("cat" if n % 2 else "dog")).mkdir(exist_ok=True)
        (source / f"{n}.png.was").rename(source / ("cat" if n % 2 else "dog") / f"{n}.png")
    (source / "labels.csv").unlink()
    assert init("folders", source, settings).found.labels.classes == {"cat": 13, "dog": 12}


def test_a_split_that_somebody_named_is_told_even_where_no_test_item_has_a_label(settings, source, capsys):
    put(source, *(f"{n}.png" for n in range(30)))
    rows = [
        f"{n}.png,{('cat', 'dog')[n % 2] if n < 12 else ''},{'train' if n < 12 else 'test'}"
        for n in range(30)
    ]
    (source / "labels.csv").write_text("\n".join(["path,label,split", *rows, ""]))
    report = init("pets", source, settings)
    said = capsys.readouterr().out
    assert "of these, 12 for training and 0 for testing (as named)\n" in said
    assert "note: no sample that is named for testing has a label: nothing can be measured" in said
    assert "test_share: 0.2  # unused: test items are named" in report.recipe.read_text()
    (source / "labels.csv").write_text("\n".join(["path,label,split", *rows, "20.png,cat,test", ""]))
    init("tested", source, settings)
    assert "of these, 12 for training and 1 for testing (as named)\n" in capsys.readouterr().out


@pytest.mark.parametrize("name", [None, "notes.docx"])
def test_a_folder_without_any_kind_of_data_asks_for_all_kinds(settings, source, name):
    source.mkdir()
    if name:
        (source / name).touch()
    with pytest.raises(
        UserError, match=f"no images, sounds, texts, .*series.*; .* {', '.join(MODALITIES)} "
    ) as caught:
        init("none", source, settings)
    assert ("(1 file, e.g. notes.docx)" in str(caught.value)) == (name is not None)
