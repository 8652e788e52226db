"""A recipe with a finished snapshot and a finished report, on pictures that are told apart by their brightness, and a
page served for it in a process of its own."""

import contextlib
import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from components.data.labels import Settled, read_labels, settle
from components.data.shards import Index, read_shards
from pipelines.engine.artifact import Artifact
from pipelines.engine.context import Context
from pipelines.engine.manifest import Manifest
from pipelines.labelling.sitting import Sitting
from pipelines.recipe import Recipe, load
from pipelines.settings import Settings
from pipelines.stages import ingest
from pipelines.stages.report import to_label
from pipelines.stages.snapshot import stage as snapshot

ROOT = Path(__file__).resolve().parents[3]
KINDS = ("dark", "grey", "light")
RECIPE = """\
name: tones
modality: {name: image, size: 8, channels: 1}
inbox: ../inbox
ingest: {settle_seconds: 0, labels_from: file}
snapshot: {test_share: 0.2}
"""


@dataclass
class Bench:
    """A recipe in a folder of its own. truth: id -> kind of the picture."""

    root: Path
    truth: dict[str, str] = field(default_factory=dict)

    @property
    def inbox(self) -> Path:
        return self.root / "inbox"

    @property
    def recipe(self) -> Recipe:
        return load(self.root / "recipes" / "tones.yaml")

    @property
    def settings(self) -> Settings:
        return Settings(home=self.root / "home", data=self.root / "data", device="cpu")

    @property
    def context(self) -> Context:
        return Context(store=self.settings.store, settings=self.settings, recipe="tones")

    @property
    def ids(self) -> list[str]:
        """In the order in which they came."""
        return list(self.truth)

    def deliver(self, count: int, seed: int = 0) -> None:
        """Pictures of the kinds in turn."""
        folder, rng = self.inbox / f"delivery-{seed}", np.random.default_rng(seed)
        folder.mkdir(parents=True)
        for number in range(count):
            pixels = rng.integers(0, 40, (8, 8)) + 100 * (number % 3)
            Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{number:04}-{KINDS[number % 3]}.png")

    def ingest(self) -> ingest.Output:
        folder = self.root / f"ingest-{time.monotonic_ns()}"
        folder.mkdir()
        made = ingest.run(
            ingest.Request.model_validate(self.recipe.request("ingest", {})), folder, self.context
        )
        target = self.settings.data / "tones"
        self.truth = {
            id: re.sub(r".*-(\w+)\.png", r"\1", name)
            for _, batch in read_shards(target, Index.load(target), ["id", "name"])
            for id, name in zip(batch["id"], batch["name"], strict=True)
        }
        return made

    def labels(self) -> Settled:
        """What holds after the last ingest."""
        target = self.settings.data / "tones"
        return settle(read_labels(target, Index.load(target)))

    def snapshot(self, key: str = "0" * 16) -> snapshot.Output:
        folder = self.settings.store / "snapshot" / key
        folder.mkdir(parents=True)
        given = self.recipe.request("snapshot", {})
        made = snapshot.run(snapshot.Request.model_validate(given), folder, self.context)
        self.finish("snapshot", key, made.model_dump(mode="json"), **given)
        return made

    def finish(self, stage: str, key: str, output: dict[str, Any], **given: Any) -> str:
        folder = self.settings.store / stage / key
        folder.mkdir(parents=True, exist_ok=True)
        manifest = Manifest(
            stage=stage, version=1, recipe="tones", given=given, request=given, observed={}, code="c", output=output,
            started=time.time(), seconds=1.0,
        )  # fmt: skip
        (folder / "manifest.json").write_text(manifest.model_dump_json())
        return f"{stage}/{key}"

    def report(self, listed: list[str], key: str = "1" * 16, **evaluated: Any) -> str:
        """A finished training whose report asks for these samples. Each kind is a cluster, and its pseudo-label."""
        rows = {id: row for row, id in enumerate(self.ids)}
        table = pq.read_table(self.settings.store / "snapshot" / ("0" * 16) / "table.parquet").to_pydict()
        train = [id for id, split in zip(table["id"], table["split"], strict=True) if split == "train"]
        place = {id: row for row, id in enumerate(table["id"])}
        features = np.zeros((len(rows), 3), dtype=np.float32)
        for id, row in place.items():
            features[row] = np.eye(3)[KINDS.index(self.truth[id])] + 0.01 * np.array(
                [row % 7, row % 5, row % 3]
            )
        clusters = [KINDS.index(self.truth[id]) + 10 for id in train]
        pseudo = {
            "id": train, "row": [place[id] for id in train], "class": [self.truth[id] for id in train],
            "confidence": [0.75] * len(train), "cluster": clusters,
        }  # fmt: skip
        at = {stage: self.settings.store / stage / key for stage in ("embed", "pseudo_label", "report")}
        for folder in at.values():
            folder.mkdir(parents=True)
        np.save(at["embed"] / "features.npy", features)
        np.save(at["pseudo_label"] / "centre.npy", np.zeros(3, np.float32))
        np.save(at["pseudo_label"] / "centroids.npy", np.eye(3, dtype=np.float32))
        pq.write_table(pa.table(pseudo), at["pseudo_label"] / "pseudo_labels.parquet")
        asked = [
            {"id": id, "rank": rank, "why": f"reason {rank}", "suggested class": self.truth[id]}
            for rank, id in enumerate(listed)
        ]
        to_label.write(asked, at["report"] / "to_label.csv")

        def artifact(stage: str, name: str) -> dict[str, Any]:
            return Artifact.of(at[stage] / name, at[stage]).model_dump(mode="json")

        done = {"snapshot": f"snapshot/{'0' * 16}"}
        done["pretrain"] = self.finish("pretrain", key, {"encoder": {"sha256": "e" * 64}})
        features_output = {"features": artifact("embed", "features.npy")}
        done["embed"] = self.finish("embed", key, features_output, pretrain=done["pretrain"])
        clustered = {
            "cluster_ids": [10, 11, 12],
            **{name: artifact("pseudo_label", f"{name}.npy") for name in ("centre", "centroids")},
            "pseudo_labels": artifact("pseudo_label", "pseudo_labels.parquet"),
        }
        done["pseudo_label"] = self.finish("pseudo_label", key, clustered, embed=done["embed"])
        done["finetune"] = self.finish("finetune", key, {})
        done["evaluate"] = self.finish("evaluate", key, self._evaluated(key, train, evaluated))
        return self.finish("report", key, {"to_label": artifact("report", "to_label.csv")}, **done)

    def _evaluated(self, key: str, train: list[str], given: dict[str, Any]) -> dict[str, Any]:
        """An output of evaluate; a list `review` of ids as the file that holds it."""
        if "review" not in given:
            return given
        folder = self.settings.store / "evaluate" / key
        folder.mkdir(parents=True)
        splits = ["train" if id in train else "test" for id in given["review"]]
        pq.write_table(pa.table({"id": given["review"], "split": splits}), folder / "review.parquet")
        return given | {"review": Artifact.of(folder / "review.parquet", folder).model_dump(mode="json")}

    @contextlib.contextmanager
    def sitting(self, annotator: str = "ana", overlap: float = 1.0) -> Iterator[Sitting]:
        made = Sitting(self.recipe, self.settings, annotator, overlap)
        try:
            yield made
        finally:
            made.close()

    def copy(self, root: Path) -> "Bench":
        shutil.copytree(self.root, root)
        return Bench(root, dict(self.truth))


class NotStartedError(Exception):
    """What `selfsup label` printed in place of an address."""


class Page:
    """`selfsup label` in a process of its own, and a client that behaves as its page does."""

    def __init__(self, bench: Bench, *arguments: str, annotator: str = "ana") -> None:
        self.bench = bench
        command = [sys.executable, "-m", "pipelines.cli.main", "label", str(bench.recipe.file)]
        self.process = subprocess.Popen(
            [*command, "--port", "0", "--annotator", annotator, *arguments],
            env={**os.environ, **bench.settings.environ(), "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            preexec_fn=partial(
                signal.signal, signal.SIGINT, signal.SIG_DFL
            ),  # as in a terminal, also in a job
        )
        assert self.process.stdout is not None
        first = self.process.stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:(\d+)/\?token=(\S+)", first)
        if found is None:
            said, _ = self.process.communicate()
            raise NotStartedError(first + said)
        self.address, self.port, self.token = found[0], int(found[1]), found[2]
        self.host = f"127.0.0.1:{self.port}"
        self.cookie = f"selfsup-label-{self.port}={self.token}"
        self._connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)

    def call(
        self, method: str, path: str, body: Any = None, raw: bytes | None = None, **headers: str | None
    ) -> tuple[int, Any, dict[str, str]]:
        """Status, JSON or text, headers. headers: in place of those that the page sends; None: left out."""
        own: dict[str, str | None] = {"Host": self.host, "Cookie": self.cookie}
        if method == "POST":
            own |= {"Origin": f"http://{self.host}", "Content-Type": "application/json"}
        own |= {name.replace("_", "-"): value for name, value in headers.items()}
        data = raw if raw is not None else None if body is None else json.dumps(body).encode()
        sent = {name: value for name, value in own.items() if value is not None}
        try:
            self._connection.request(method, path, data, sent)
            reply = self._connection.getresponse()
            text = reply.read().decode()
        except (http.client.HTTPException, ConnectionError):
            self._connection.close()
            raise
        try:
            return reply.status, json.loads(text), dict(reply.getheaders())
        except ValueError:
            return reply.status, text, dict(reply.getheaders())

    def get(self, path: str) -> Any:
        status, said, _ = self.call("GET", path)
        assert status == 200, said
        return said

    def post(self, path: str, body: Any) -> Any:
        status, said, _ = self.call("POST", path, body)
        assert status == 200, said
        return said

    def answer(self, id: str, label: str | None, request: str, queue: str = "next") -> Any:
        return self.post("/api/answer", {"request": request, "queue": queue, "id": id, "label": label})

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()
        self._connection.close()

    def end(self) -> int:
        self._connection.close()
        self.process.send_signal(signal.SIGINT)
        code = self.process.wait(30)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code


@contextlib.contextmanager
def serving(bench: Bench, *arguments: str, annotator: str = "ana") -> Iterator[Page]:
    page = Page(bench, *arguments, annotator=annotator)
    try:
        yield page
    finally:
        if page.process.poll() is None:
            page.kill()
