"""Forgetting a sample: no byte of it is left, in whatever a file holds it, and the next training is without it."""

import base64
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from components.data.shards import Index
from components.data.table import Table
from pipelines.engine.manifest import Manifest

ROOT = Path(__file__).resolve().parents[4]
RECIPE = """\
name: small
modality: {name: image, size: 16, channels: 1}
inbox: ../inbox
snapshot: {test_share: 0.3}
pretrain:
  objective: {name: moco, hidden: 16, embedding: 8, queue: 32}
  encoder: {name: resnet, widths: [8, 16], blocks: [1, 1], stem_stride: 2}
  train: {epochs: 1, batch_size: 32}
finetune: {steps: 5, batch_size: 8}
"""


def picture(seed: int) -> bytes:
    """Half of them dark: two classes."""
    pixels = np.random.default_rng(seed).integers(0, 128, (16, 16), dtype=np.uint8) + 127 * (seed % 2)
    out = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(out, "PNG")
    return out.getvalue()


def name_of(seed: int) -> str:
    return f"photo-of-customer-{seed:03}.png"


class Place:
    """A home with a recipe, an inbox of 120 pictures and labels for 40 of them."""

    def __init__(self, root: Path) -> None:
        self.root, self.inbox = root, root / "inbox"
        for folder in (self.inbox / "first", root / "recipes"):
            folder.mkdir(parents=True)
        (root / "recipes" / "small.yaml").write_text(RECIPE)
        for seed in range(120):
            (self.inbox / "first" / name_of(seed)).write_bytes(picture(seed))
        (self.inbox / "copies").mkdir()  # a duplicate, of which quarantine keeps the bytes
        self.labels(range(40))

    def labels(self, seeds: object) -> None:
        rows = "".join(f"first/{name_of(s)},{('dark', 'light')[s % 2]}\n" for s in seeds)  # type: ignore[attr-defined]
        (self.inbox / "labels.csv").write_text(f"path,label\n{rows}")

    def selfsup(self, *arguments: str) -> tuple[int, str, str]:
        environ = {
            **os.environ, "PYTHONPATH": str(ROOT), "SELFSUP_HOME": str(self.root / "home"),
            "SELFSUP_DATA": str(self.root / "data"), "SELFSUP_RECIPES": str(self.root / "recipes"),
        }  # fmt: skip
        done = subprocess.run(
            [sys.executable, "-m", "pipelines.cli.main", *arguments],
            cwd=self.root, env=environ, capture_output=True, text=True, timeout=500,
        )  # fmt: skip
        return done.returncode, done.stdout, done.stderr

    def ids(self) -> dict[str, str]:
        """Name -> id of the data as they are now."""
        folder = self.root / "data" / "small"
        tables = [pq.read_table(folder / shard.file) for shard in Index.load(folder).shards]
        return {
            name: id
            for table in tables
            for name, id in zip(*(table[c].to_pylist() for c in ("name", "id")), strict=True)
        }

    def made(self, stage: str) -> list[Manifest]:
        files = sorted((self.root / "home" / "store" / stage).glob("[!.]*/manifest.json"))
        return [Manifest.model_validate_json(file.read_bytes()) for file in files]

    def tables(self) -> list[Table]:
        return [
            Table.load(file)
            for file in (self.root / "home" / "store" / "snapshot").glob("[!.]*/table.parquet")
        ]


def contents(file: Path) -> Iterator[bytes]:
    """What a file holds, as it stands and unpacked."""
    data = file.read_bytes()
    yield data
    if data.startswith(b"PAR1"):
        for column in pq.read_table(io.BytesIO(data)).columns:
            if (
                pa.types.is_string(column.type)
                or pa.types.is_binary(column.type)
                or pa.types.is_large_binary(column.type)
            ):
                yield from (
                    v if isinstance(v, bytes) else v.encode() for v in column.to_pylist() if v is not None
                )
    for packed in re.findall(rb"[A-Za-z0-9+/]{80,}={0,2}", data.replace(b"\\n", b"")):
        try:
            plain = base64.b64decode(packed, validate=True)
        except ValueError:
            continue
        yield plain
        if plain.startswith(b"\x89PNG"):
            yield np.asarray(Image.open(io.BytesIO(plain)).convert("L")).tobytes()


def left(root: Path, needles: dict[str, bytes]) -> list[str]:
    """Where something of the sample is."""
    found = []
    for file in sorted(file for file in root.rglob("*") if file.is_file() and not file.is_symlink()):
        if "inbox" in file.relative_to(root).parts[:1]:
            continue
        for text in contents(file):
            found += [
                f"{what}: {file.relative_to(root)}" for what, needle in needles.items() if needle in text
            ]
    return sorted(set(found))


@pytest.mark.slow
@pytest.mark.timeout(1800)  # five runs of the command
def test_no_byte_of_a_forgotten_sample_is_left_and_the_next_training_is_without_it(tmp_path: Path) -> None:
    place = Place(tmp_path)
    assert place.selfsup("run", "small")[0] == 0
    (table,), ids = place.tables(), place.ids()
    row = {id: row for row, id in enumerate(table.ids.tolist())}
    rows = {seed: row[ids[f"first/{name_of(seed)}"]] for seed in range(120)}
    first = int(table.train_rows()[0])  # it is the example beside the model
    trained = next(seed for seed, at in rows.items() if at == first)
    tested = next(seed for seed, at in rows.items() if seed < 40 and table.split[at] == "test")
    (place.inbox / "copies" / "again-the-customer.png").write_bytes(picture(trained))
    code, out, err = place.selfsup(
        "override", "small", "1", "--name", "ana", "--reason", "a champion is needed"
    )
    assert code == 0 or "is the champion already" in err, err
    assert place.selfsup("run", "small", "--flow", "score")[0] == 0

    needles = {}
    for what, seed in (("trained", trained), ("tested", tested)):
        pixels = np.asarray(Image.open(io.BytesIO(picture(seed))))
        needles |= {
            f"{what}, as it came": picture(seed), f"{what}, pixels": pixels.tobytes(),
            f"{what}, id": ids[f"first/{name_of(seed)}"].encode(), f"{what}, name": name_of(seed).encode(),
        }  # fmt: skip
    needles["copy's name"] = b"again-the-customer"
    before = left(tmp_path, needles)
    for what in ("trained, as it came", "trained, pixels", "tested, id", "tested, name", "copy's name"):
        assert [found for found in before if found.startswith(what)], what
    for folder in ("data/", "home/store/", "home/dvc-cache/", "home/dvc-remote/", "home/mlflow/"):
        assert [found for found in before if f": {folder}" in found], folder
    version = json.dumps([made.output["version"] for made in place.made("snapshot")])

    file = place.inbox / "first" / name_of(trained)
    samples = (str(file), ids[f"first/{name_of(tested)}"])
    code, out, err = place.selfsup("forget", "small", *samples, "--yes")
    assert code == 2
    assert "still in the inbox, from which the next ingest would take them again: 3 files" in err
    code, out, err = place.selfsup("forget", "small", *samples)
    assert code == 0, err
    assert out.startswith("2 samples: in ")
    assert "still in the inbox" in out
    assert "nothing was changed" in out
    id = ids[f"first/{name_of(trained)}"]
    for path in (
        file,
        place.inbox / "first" / name_of(tested),
        place.inbox / "copies" / "again-the-customer.png",
    ):
        path.unlink()
    place.labels(s for s in range(40) if s not in (trained, tested))
    samples = (f"first/{name_of(trained)}", samples[1])
    code, out, err = place.selfsup("forget", "small", *samples)
    assert (code, left(tmp_path, needles)) == (0, before), err
    assert out.startswith("2 samples: in ")
    assert "nothing was changed: add --yes" in out
    code, out, err = place.selfsup("forget", "small", *samples, "--yes")
    assert code == 0, err
    assert "forgotten; marked: small/1" in out
    code, _, err = place.selfsup("gc", "--yes")
    assert code == 0, err
    assert left(tmp_path, needles) == []

    line = json.loads((tmp_path / "home" / "forgotten.jsonl").read_text())
    assert (line["recipe"], line["samples"], line["models"][0]) == ("small", 2, "small/1")
    assert set(line["versions"]) == set(json.loads(version))
    code, _, err = place.selfsup("data", "checkout", line["versions"][0])
    assert code == 2
    assert "held samples that" in err
    assert "forgotten on" in place.selfsup("show", "small/1")[1]
    assert "nothing holds them" in place.selfsup("forget", "small", id)[1]

    code, out, err = place.selfsup("run", "small")
    assert code == 0, err
    assert "plan: scratch." in out  # a warm start would go on from weights that have seen it
    (table,) = place.tables()
    assert not {id, samples[1]} & set(table.ids.tolist())
    assert len(table) == 118
    assert left(tmp_path, needles) == []
    assert "figure missing" not in out  # the champion's predictions on the other test items are there still
