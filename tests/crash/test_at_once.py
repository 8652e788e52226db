"""Two at the same work at the same time, and deliveries that come while a training runs."""

import json
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch

from components.data.shards import Index, read_shards
from components.data.table import Table
from pipelines.engine.journal import journal_file, records
from tests.crash.place import NAME, Home, deliver, ended, make
from tests.crash.reference import Reference
from tests.crash.traces import files, halves, processes

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


@pytest.fixture
def homes(reference: Reference, tmp_path: Path) -> tuple[Home, Home, Home]:
    """One that has ingested, and two fresh ones."""
    done = reference.after("ingest")
    return done, Home(tmp_path / "one", reference.recipe), Home(tmp_path / "two", reference.recipe)


def test_two_homes_ingest_into_one_data_folder_and_nothing_is_doubled(homes: tuple[Home, Home, Home]) -> None:
    whole, one, two = homes
    both = [home.begin("ingest", {}, SELFSUP_DATA=str(one.data)) for home in (one, two)]
    assert [ended(process).code for process in both] == [0, 0]
    assert files(one) == files(whole)
    new = [
        json.loads(next(home.store.glob("ingest/*/manifest.json")).read_text())["output"]
        for home in (one, two)
    ]
    assert sorted(output["samples_new"] for output in new) == [0, 330]
    assert sorted(output["deliveries_known"] for output in new) == [0, 3]
    assert halves(one) == halves(two) == []


def test_one_home_is_asked_for_the_same_stage_twice_and_runs_it_once(homes: tuple[Home, Home, Home]) -> None:
    whole, one, _ = homes
    both = [ended(process) for process in [one.begin("ingest", {}) for _ in range(2)]]
    assert [made.code for made in both] == [0, 0]
    assert both[0].done == both[1].done
    assert files(one) == files(whole)
    assert len(list(one.store.glob("ingest/*/manifest.json"))) == 1
    assert halves(one) == []
    journal = records(journal_file(one.root / "home", "a-run"))
    assert sorted(line["status"] for line in journal) == ["found", "ran"]


def test_five_deliveries_while_a_training_runs_are_each_trained_on_once_by_the_next(tmp_path: Path) -> None:
    recipe = make(tmp_path)
    recipe.write_text(recipe.read_text().replace("epochs: 2", "epochs: 40") + "plan: {policy: always}\n")
    home, inbox = Home(tmp_path / "home", recipe), tmp_path / "inbox"
    first = home.run("ingest snapshot plan", {}).done
    training = home.begin("pretrain embed pseudo_label finetune evaluate register promote", first)
    until = time.monotonic() + 300
    while not list(home.store.glob("pretrain/.*.part/checkpoints/step-*.pt")):
        assert training.poll() is None, ended(training).said
        assert time.monotonic() < until, "the training did not begin"
        time.sleep(0.05)
    for number in range(5):
        deliver(inbox / f"late-{number}", 24, seed=1000 + number)
        if number % 2 == 0:
            assert home.run("ingest", {}).code == 0
    assert list(home.store.glob("pretrain/.*.part")), "the training was over before the last delivery came"
    champion = ended(training)
    assert champion.code == 0, champion.said

    second = home.run("ingest snapshot plan pretrain", {})
    assert second.code == 0, second.said
    index = Index.load(home.data / NAME)
    held = Counter(i for _, batch in read_shards(home.data / NAME, index, ["id"]) for i in batch["id"])
    assert set(held.values()) == {1}
    assert len(held) == 330 + 5 * 24
    old, new = (table_of(home, done["snapshot"]) for done in (champion.done, second.done))
    assert sorted(new.ids) == sorted(held)
    fresh = sorted(set(new.ids[new.train_rows()]) - set(old.ids))
    assert len(fresh) == sum(
        split == "train" for i, split in zip(new.ids, new.split, strict=True) if i not in old.ids
    )
    plan = json.loads((home.store / second.done["plan"] / "manifest.json").read_text())["output"]
    assert (plan["decision"], plan["new_samples"]) == ("warm", len(fresh))
    assert plan["parent"] == champion.done["pretrain"]
    visited = Counter(new.ids[new.train_rows()][visits(home, second.done["pretrain"])])
    assert {visited[i] for i in fresh} == {1}
    assert set(visited.values()) == {1}
    assert not set(visited) & set(new.ids[new.split == "test"])
    assert halves(home) == processes(home) == []


def table_of(home: Home, snapshot: str) -> Table:
    return Table.load(home.store / snapshot / "table.parquet")


def visits(home: Home, pretrain: str) -> np.ndarray:
    """[n] int64: the training samples of the last epoch, from the checkpoint before the last."""
    before_last, _ = sorted((home.store / pretrain / "checkpoints").glob("step-*.pt"))
    chosen = torch.load(before_last, weights_only=True)["position"]["chosen"]
    return np.asarray(chosen.numpy(), dtype=np.int64)
