"""The record of a model and what reproduce makes of it, without a run: references, order, comparison."""

import random
from pathlib import Path

import pytest

from pipelines.engine.manifest import Manifest
from pipelines.maintenance.reproduce import Line, compare, differences, model_digest, replaced, table
from pipelines.registry.record import collect, dump, references, trace
from pipelines.settings import Settings
from tests.pipelines.maintenance.test_retention import graph, manifest, name


def test_references_are_found_however_deep() -> None:
    a, b, c = name(0), name(9), name(18)
    given = {
        "snapshot": a,
        "start": {"parent": b},
        "list": [[c], a],
        "seed": 3,
        "text": f"see {a}",
        "other": "a/b",
    }
    assert references(given) == [a, b, c]
    assert replaced(given, {a: "new", b: "other"}) == {
        **given, "snapshot": "new", "start": {"parent": "other"}, "list": [[c], "new"],
    }  # fmt: skip


@pytest.mark.parametrize("seed", range(20))
def test_each_run_of_a_record_comes_after_what_it_was_given(tmp_path: Path, seed: int) -> None:
    edges = graph(seed)
    for reference, given in edges.items():
        folder = tmp_path / reference
        folder.mkdir(parents=True)
        (folder / "manifest.json").write_text(manifest(reference, given).model_dump_json())
    last = max(edges, key=lambda reference: reference.partition("/")[2])
    record = collect([last], tmp_path)
    assert list(record)[-1] == last
    for order in (list(record), list(trace([last], shuffled(record, seed).get))):
        assert set(order) == record.keys()
        for place, reference in enumerate(order):
            assert set(edges[reference]) & set(order) <= set(order[:place])
    again = {reference: Manifest.model_validate(value) for reference, value in dump(record).items()}
    assert (list(again), again) == (list(record), record)


def shuffled(record: dict[str, Manifest], seed: int) -> dict[str, Manifest]:
    items = list(record.items())
    random.Random(seed).shuffle(items)
    return dict(items)


def test_figures_side_by_side() -> None:
    then = {"metrics": {"accuracy": 0.1 + 0.2, "ece": 0.05}, "baselines": {"scratch": 0.6}}
    now = {"metrics": {"accuracy": 0.3, "ece": 0.05, "new": 1.0}, "baselines": {"scratch": 0.6}}
    lines = compare(then, now)
    assert [(line.figure, line.equal) for line in lines] == [
        ("accuracy", False), ("ece", True), ("new", False), ("scratch", True),
    ]  # fmt: skip
    assert lines[0].then == "0.30000000000000004"  # every bit counts, and is told
    said = table([*lines, Line("model digest", "a" * 64, "a" * 64)])
    assert said[1].split() == ["accuracy", "0.30000000000000004", "0.3", "NO"]
    assert said[-1].split()[-1] == "yes"
    assert (
        len({line.index(word) for line, word in zip(said[1:], ("NO", "yes", "NO", "yes"), strict=False)}) == 1
    )


def test_the_digest_is_the_one_that_register_writes() -> None:
    from components.registry.champion import FILES, combined

    output = {"model": {"sha256": "1" * 64}, "config": {"sha256": "2" * 64}}
    assert model_digest(output) == combined(dict(zip(FILES.values(), ("1" * 64, "2" * 64), strict=True)))
    assert model_digest({"model": None, "skipped": "no labels"}) == "none: no labels"


def test_it_warns_of_other_code_packages_and_devices(tmp_path: Path) -> None:
    tags = {"selfsup.commit": "0" * 40, "selfsup.lock": "1" * 64, "selfsup.device": "cuda"}
    record = {name(8): manifest(name(8), [])}
    said = differences(tags, record, Settings(home=tmp_path, device="cpu"))
    told = [line.partition(": ")[2].split()[1] for line in said]
    assert told == ["commit", "lock", "device", "code"]
    assert "check out the commit" in said[-1]
