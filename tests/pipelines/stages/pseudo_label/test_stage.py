import json
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace

import numpy as np
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from components.clustering import cluster_labels, distributed, poisson, workers
from components.data.table import Table
from components.errors import UserError
from components.evaluation.representation.clusters import nearest
from pipelines.engine.artifact import Artifact
from pipelines.engine.context import Context
from pipelines.stages.pseudo_label import clusters
from pipelines.stages.pseudo_label import stage as pseudo_label
from pipelines.stages.pseudo_label.config import PseudoLabelConfig, auto_clusters
from pipelines.stages.pseudo_label.stage import Request

CLASSES = ["ant", "bee", "cow"]


class World:
    """A store of which two stages are done."""

    def __init__(self, root: Path, features, label, split=None, classes=CLASSES, ids=None):
        self.root, self.folders, self.outputs = root, {}, {}
        n = len(features)
        split = np.array(split if split is not None else ["train"] * n)
        ids = np.array(ids if ids is not None else [f"{i:04d}" for i in range(n)])
        snapshot, embed = self.folder("snapshot/a"), self.folder("embed/b")
        Table(ids, np.array(["s"] * n), split, np.asarray(label, dtype=np.int64)).save(
            snapshot / "table.parquet"
        )
        np.save(embed / "features.npy", np.asarray(features, dtype=np.float32))
        table = Artifact.of(snapshot / "table.parquet", snapshot)
        self.outputs["snapshot/a"] = SimpleNamespace(table=table, classes=list(classes))
        self.outputs["embed/b"] = SimpleNamespace(features=Artifact.of(embed / "features.npy", embed))

    def folder(self, reference):
        path = self.root / reference
        path.mkdir(parents=True)
        return path

    def run(self, reference="pseudo_label/c", workers=0, **asked):
        folder, world = self.folder(reference), self

        class Known(Context):
            def output(self, reference):
                return world.outputs[reference]

        settings = SimpleNamespace(home=self.root, store=self.root, workers=workers, ray="local")
        context = Known(store=self.root, settings=settings, recipe="small", folder=folder)
        output = pseudo_label.run(Request(snapshot="snapshot/a", embed="embed/b", **asked), folder, context)
        self.outputs[reference] = output
        return output, pq.read_table(folder / output.pseudo_labels.path).to_pylist()


def blobs(per=60, seed=0, spread=0.25):
    rng = np.random.default_rng(seed)
    truth = np.repeat(np.arange(3), per)
    return np.eye(3)[truth] * 3 + 1 + spread * rng.standard_normal((3 * per, 3)), truth


def few(truth, per):
    label = np.full(len(truth), -1)
    for c in np.unique(truth):
        label[np.flatnonzero(truth == c)[:per]] = c
    return label


def test_names_keeps_and_tells_where_from(tmp_path):
    features, truth = blobs()
    output, rows = World(tmp_path, features, few(truth, 5)).run()
    assert [r["row"] for r in rows] == list(range(180))
    assert [r["id"] for r in rows] == [f"{i:04d}" for i in range(180)]
    assert [r["class"] for r in rows] == [CLASSES[t] for t in truth]
    labelled = [r for r in rows if r["source"] == "label"]
    assert [r["row"] for r in labelled] == np.flatnonzero(few(truth, 5) >= 0).tolist()
    assert all(r["confidence"] == 1 and r["kept"] for r in labelled)
    assert {r["source"] for r in rows} <= {"label", "cluster", "neighbour"}
    assert all(0 <= r["confidence"] <= 1 for r in rows)
    assert all(
        len(r["probabilities"]) == 3 and sum(r["probabilities"]) == pytest.approx(1, abs=1e-4) for r in rows
    )
    kept = [r for r in rows if r["kept"]]
    assert output.named
    assert output.kept == len(kept) > 150
    assert output.kept_share == pytest.approx(len(kept) / 180)
    assert output.per_class == {c: sum(r["class"] == c for r in kept) for c in CLASSES}
    assert output.estimated_precision >= 0.9
    assert output.evidence == 15
    assert all(r["confidence"] >= output.threshold - 1e-6 for r in kept)
    assert output.curve[-1]["coverage"] == 1
    assert output.churn is None
    assert output.clusters == 9
    assert output.cluster_ids == list(range(9))
    for r in rows:
        if r["source"] != "label":
            assert output.cluster_class[str(r["cluster"])] == r["class"]


def test_centroids_are_what_the_clusters_come_from(tmp_path):
    features, truth = blobs()
    world = World(tmp_path, features, few(truth, 2))
    output, rows = world.run()
    folder = tmp_path / "pseudo_label/c"
    centroids, centre = (np.load(folder / a.path) for a in (output.centroids, output.centre))
    np.testing.assert_allclose(centre, features.mean(axis=0), rtol=1e-5)
    again = np.array(output.cluster_ids)[nearest(features.astype(np.float32), centroids, centre=centre)]
    assert again.tolist() == [r["cluster"] for r in rows]


def test_test_rows_have_no_part_in_it(tmp_path):
    features, truth = blobs()
    split = np.where(np.arange(180) % 4 == 1, "test", "train")
    label = few(truth, 12)
    first, rows = World(tmp_path / "1", features, label, split).run()
    assert {r["row"] for r in rows} == set(np.flatnonzero(split == "train").tolist())
    assert first.labels == int(((label >= 0) & (split == "train")).sum())
    changed, wrong = features.copy(), label.copy()
    changed[split == "test"] = np.nan  # whatever the test rows hold
    wrong[split == "test"] = 0
    second, same = World(tmp_path / "2", changed, wrong, split).run()
    assert same == rows
    assert second.centroids == first.centroids


def test_same_request_same_bytes(tmp_path):
    features, truth = blobs()
    world = World(tmp_path, features, few(truth, 4))
    a, _ = world.run("pseudo_label/a", seed=3)
    b, _ = world.run("pseudo_label/b", seed=3)
    assert a == b


@pytest.fixture
def pieces(monkeypatch):
    """Files of 50 rows, read 20 at a time; in memory nothing may be clustered. What was asked of Ray."""
    asked = []

    def actors(held, settings, cpus):
        asked.append(len(held))
        return workers.here(held, settings)

    monkeypatch.setattr(clusters, "SHARD", 50)
    monkeypatch.setattr(clusters, "_CHUNK", 20)
    monkeypatch.setattr(clusters, "instance", lambda address, home: nullcontext())
    monkeypatch.setattr(distributed, "actors", actors)
    return asked


@pytest.mark.usefixtures("pieces")
def test_a_set_larger_than_memory_gets_the_same_clusters(tmp_path, monkeypatch):
    features, truth = blobs()
    split = np.where(np.arange(180) % 4 == 1, "test", "train")
    features[split == "test"] = np.nan
    world = World(tmp_path, features, few(truth, 8), split)
    whole, expected = world.run("pseudo_label/a", clusters=3)
    monkeypatch.delattr(clusters.km, "kmeans")
    monkeypatch.setattr(cluster_labels, "graph", small := Small(cluster_labels.graph))
    output, rows = world.run("pseudo_label/b", clusters=3, memory=1e-4)
    assert [r["cluster"] for r in rows] == [r["cluster"] for r in expected]
    for name in ("centroids", "centre"):
        a, b = (np.load(tmp_path / f"pseudo_label/{run}/{name}.npy") for run in "ab")
        np.testing.assert_allclose(a, b, atol=1e-6)
    assert small.largest == 3 * clusters.EACH
    assert [r["class"] for r in rows] == [CLASSES[t] for t in truth[split == "train"]]
    assert output.kept > 0.8 * len(rows)
    assert [r["kept"] and r["confidence"] == 1 for r in rows if r["source"] == "label"] == [
        True
    ] * output.labels
    assert "labels spread over 48 of the samples" in output.note
    assert "exceed" not in whole.note
    left = {path.name for path in (tmp_path / "pseudo_label/b").iterdir()}
    assert left == {path.name for path in (tmp_path / "pseudo_label/a").iterdir()}


@pytest.mark.parametrize("propagation", ["poisson", "poisson_mbo"])
def test_labels_flow_in_other_ways_over_the_same_graph(tmp_path, monkeypatch, propagation):
    features, truth = blobs()
    world = World(tmp_path, features, few(truth, 4))
    monkeypatch.delattr(cluster_labels, "spread_labels")
    output, rows = world.run("pseudo_label/a", clusters=3, propagation=propagation)
    assert [r["class"] for r in rows] == [CLASSES[t] for t in truth]
    assert output.kept == 180
    assert output.evidence == 12
    label = few(truth, 4)
    at = np.flatnonzero(label >= 0)
    points = (features - features.mean(axis=0)).astype(np.float32)
    by = getattr(poisson, propagation)
    expected = by(cluster_labels.affinities(points), at, label[at], 3)
    expected[at] = np.eye(3)[label[at]]
    np.testing.assert_allclose([r["probabilities"] for r in rows], expected, atol=1e-4)
    prior = by(cluster_labels.affinities(points), at, label[at], 3, prior=np.full(3, 1 / 3))
    _, balanced = world.run("pseudo_label/b", clusters=3, propagation=propagation, balance="uniform")
    prior[at] = np.eye(3)[label[at]]
    np.testing.assert_allclose([r["probabilities"] for r in balanced], prior, atol=1e-4)


def test_the_rows_that_fit_are_picked_and_the_labelled_ones_always():
    features = np.arange(4000, dtype=np.float32).reshape(1000, 4)
    rows, labelled = np.arange(0, 1000, 2), np.array([3, 77, 400])
    asked = PseudoLabelConfig(memory=100 * 16 / clusters.MB)
    with TemporaryDirectory() as folder:
        settings = SimpleNamespace(workers=0)
        made = clusters.cluster(features, rows, labelled, 2, asked, Path(folder), settings)
    assert len(made.picked) == len(set(made.picked.tolist())) == 100
    assert set(labelled.tolist()) <= set(made.picked.tolist())
    np.testing.assert_allclose(
        made.points, (features[rows] - features[rows].mean(axis=0))[made.picked], atol=1e-3
    )


class Small:
    """A function of points that remembers the most it was given."""

    def __init__(self, function):
        self.function, self.largest = function, 0

    def __call__(self, points):
        self.largest = max(self.largest, len(points))
        return self.function(points)


def test_workers_share_a_large_set_and_change_no_byte(tmp_path, pieces):
    features, truth = blobs()
    world = World(tmp_path, features, few(truth, 4))
    alone, _ = world.run("pseudo_label/a", memory=1e-4)
    assert pieces == []
    shared, _ = world.run("pseudo_label/b", memory=1e-4, workers=3)
    assert pieces == [3]
    assert shared == alone


@pytest.mark.slow
def test_actors_of_a_real_ray_change_no_byte_either(tmp_path, monkeypatch):
    monkeypatch.setattr(clusters, "SHARD", 50)
    world = World(tmp_path, (made := blobs())[0], few(made[1], 4))
    alone, _ = world.run("pseudo_label/a", memory=1e-4)
    shared, _ = world.run("pseudo_label/b", memory=1e-4, workers=2)
    assert shared == alone


@pytest.mark.usefixtures("pieces")
def test_a_large_set_goes_on_where_it_was_stopped(tmp_path, monkeypatch):
    features, truth = blobs(spread=1.5)
    world = World(tmp_path, features, few(truth, 4))
    whole, _ = world.run("pseudo_label/a", memory=1e-4)
    steps, step = [], workers.Worker.step

    def stopped(self, *given):
        steps.append(1)
        if len(steps) == 3:
            raise KeyboardInterrupt
        return step(self, *given)

    monkeypatch.setattr(workers.Worker, "step", stopped)
    with pytest.raises(KeyboardInterrupt):
        world.run("pseudo_label/b", memory=1e-4)
    (tmp_path / "pseudo_label/b").rename(tmp_path / "kept")
    monkeypatch.setattr(world, "folder", lambda reference: (tmp_path / "kept").rename(tmp_path / reference))
    again, _ = world.run("pseudo_label/b", memory=1e-4)
    assert again == whole


def test_no_labels_at_all(tmp_path):
    features, _ = blobs()
    output, rows = World(tmp_path, features, [-1] * 180, classes=[]).run(clusters=5)
    assert not output.named
    assert "no labels" in output.note
    assert output.kept == 0
    assert output.threshold is None
    assert {r["class"] for r in rows} == {r["source"] for r in rows} == {None}
    assert not any(r["kept"] or r["confidence"] or r["probabilities"] for r in rows)
    assert {r["cluster"] for r in rows} == set(range(5))
    assert set(output.cluster_class.values()) == {None}


def test_one_label_a_class_is_used_and_said(tmp_path):
    features, truth = blobs()
    output, rows = World(tmp_path, features, few(truth, 1)).run()
    assert [r["class"] for r in rows] == [CLASSES[t] for t in truth]
    assert "not calibrated" in output.note
    assert output.estimated_precision is None
    assert output.evidence == 0


def test_where_all_have_a_label_no_more_are_asked_for(tmp_path):
    features, truth = blobs()
    output, rows = World(tmp_path, features, truth.tolist()).run()
    assert (
        output.note
        == "kept 180 of 180 samples, 180 of them labelled; every sample has a label, so there is none to name"
    )
    assert {r["source"] for r in rows} == {"label"}


def test_fewer_labels_than_classes(tmp_path):
    features, truth = blobs()
    label = few(truth, 1)
    label[truth == 2] = -1
    output, rows = World(tmp_path, features, label).run(balance="uniform")
    assert {r["class"] for r in rows} == {"ant", "bee"}
    assert "1 class without a label is never named" in output.note
    assert output.per_class["cow"] == 0


def test_ids_are_continued_and_new_samples_do_not_disturb_them(tmp_path):
    features, truth = blobs()
    world = World(tmp_path / "1", features, few(truth, 4))
    old, before = world.run(clusters=3)
    more, more_truth = blobs(per=20, seed=9)
    turned = np.roll(np.concatenate([more, features]), 1, axis=1) * 2  # another encoder's space, other order
    ids = [f"new{i}" for i in range(60)] + [f"{i:04d}" for i in range(180)]
    later = World(tmp_path / "2", turned, few(np.concatenate([more_truth, truth]), 4), ids=ids)
    later.outputs["pseudo_label/c"] = old
    (tmp_path / "2/pseudo_label").mkdir()
    (tmp_path / "2/pseudo_label/c").symlink_to(tmp_path / "1/pseudo_label/c")
    new, after = later.run("pseudo_label/d", clusters=4, previous="pseudo_label/c", seed=5)
    assert new.cluster_ids == [0, 1, 2, 3]
    assert new.next_cluster == 4
    was, now = ({r["id"]: r["cluster"] for r in rows} for rows in (before, after))
    changed = np.mean([now[i] != c for i, c in was.items()])
    assert new.churn == pytest.approx(changed)
    assert new.churn < 0.3  # the fourth cluster took its samples from somewhere
    same, _ = later.run("pseudo_label/e", clusters=3, previous="pseudo_label/c", seed=6)
    assert same.churn == 0


def test_without_a_sample_in_common_no_id_is_continued(tmp_path):
    features, truth = blobs()
    old, _ = World(tmp_path / "1", features, few(truth, 4)).run(clusters=3)
    later = World(tmp_path / "2", features, few(truth, 4), ids=[f"new{i:03d}" for i in range(180)])
    later.outputs["pseudo_label/c"] = old
    (tmp_path / "2/pseudo_label").mkdir()
    (tmp_path / "2/pseudo_label/c").symlink_to(tmp_path / "1/pseudo_label/c")
    new, _ = later.run("pseudo_label/d", clusters=3, previous="pseudo_label/c")
    assert new.cluster_ids == [3, 4, 5]
    assert new.churn is None


def test_ids_of_clusters_that_are_gone_are_not_given_again(tmp_path):
    features, truth = blobs()
    world = World(tmp_path, features, few(truth, 4))
    first, _ = world.run("pseudo_label/a", clusters=3)
    world.outputs["pseudo_label/a"] = first.model_copy(update={"next_cluster": 9})  # 3 to 8 were there once
    second, _ = world.run("pseudo_label/b", clusters=5, previous="pseudo_label/a")
    assert second.cluster_ids == [0, 1, 2, 9, 10]
    assert second.next_cluster == 11


def test_uniform_balance_evens_out_a_greedy_class(tmp_path):
    features, truth = blobs(spread=2.0)
    label = few(truth, 3)
    label[truth == 0] = few(truth, 20)[truth == 0]
    plain, _ = World(tmp_path / "1", features, label).run(target_precision=0.5, cap=100)
    even, _ = World(tmp_path / "2", features, label).run(target_precision=0.5, cap=100, balance="uniform")
    assert even.per_class["ant"] < plain.per_class["ant"]


def test_no_class_outgrows_its_cap(tmp_path):
    features, truth = blobs()
    _, rows = World(tmp_path, features, few(truth, 5)).run(cap=0.5)
    for (
        c
    ) in CLASSES:  # each has a third of the labels: at most .5 / 3 of what would be kept, beyond the labels
        assert sum(r["kept"] and r["source"] != "label" and r["class"] == c for r in rows) <= -(-165 // 6)


def test_figures_are_logged(tmp_path):
    features, truth = blobs()
    output, _ = World(tmp_path, features, few(truth, 5)).run()
    line = json.loads((tmp_path / "pseudo_label/c/metrics.jsonl").read_text())
    assert line["step"] == 0
    assert line["kept_share"] == output.kept_share
    assert line["estimated_precision"] == output.estimated_precision
    assert "churn" not in line


@pytest.mark.parametrize(
    ("samples", "classes", "clusters"),
    [(16_000, 10, 63), (16_000, 100, 300), (100, 10, 10), (10, 3, 2), (1, 0, 1), (1_000_000, 10, 500)],
)
def test_auto_clusters(samples, classes, clusters):
    assert auto_clusters(samples, classes) == clusters


def test_refuses_in_one_line(tmp_path):
    features, truth = blobs()
    with pytest.raises(UserError, match="clusters <= points"):
        World(tmp_path / "1", features, few(truth, 2)).run(clusters=181)
    with pytest.raises(UserError, match="split train"):
        World(tmp_path / "2", features, few(truth, 2), ["test"] * 180).run()
    with pytest.raises(UserError, match="finite"):
        World(tmp_path / "3", features * np.nan, few(truth, 2)).run()
    with pytest.raises(ValidationError, match="target_precision"):
        Request(snapshot="s/a", embed="e/b", target_precision=1.5)
    with pytest.raises(ValidationError, match="did you mean 'clusters'"):
        Request(snapshot="s/a", embed="e/b", cluster=3)


def test_imports_no_torch():
    code = "import sys, pipelines.stages.pseudo_label.stage; print('torch' in sys.modules)"
    root = Path(pseudo_label.__file__).parents[3]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    assert done.stdout.strip() == "False"
