"""What gc keeps, on random graphs of runs, and what a journal says of a run."""

import json
import random
from pathlib import Path

import pytest

from components.registry.journal import Entry
from pipelines.engine.manifest import Manifest
from pipelines.maintenance import retention as module
from pipelines.maintenance.retention import Root, needed, of_models, of_runs, open_since, runs
from pipelines.registry.registry import journal_of, registry_of
from pipelines.settings import Settings

STAGES = ("snapshot", "plan", "pretrain", "embed", "pseudo_label", "finetune", "evaluate", "register")


def name(number: int) -> str:
    return f"{STAGES[number % len(STAGES)]}/{number:016x}"


def graph(seed: int) -> dict[str, list[str]]:
    """Run -> what it was given: a random graph without circles; some of what was given is gone."""
    rng = random.Random(seed)
    count = rng.randrange(1, 40)
    edges = {
        name(n): [name(rng.randrange(n)) for _ in range(rng.randrange(4))] if n else [] for n in range(count)
    }
    for lost in rng.sample(list(edges), count // 8):
        del edges[lost]
    return edges


def manifest(reference: str, given: list[str], **output: object) -> Manifest:
    stage = reference.partition("/")[0]
    nested = {"snapshot": given[0] if given else None, "start": {"parent": given[1:2]}, "more": [given[2:]]}
    return Manifest(
        stage=stage, version=1, recipe="toys", given=nested, observed={}, code="c", request={}, output=output,
        started=0.0, seconds=1.0,
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(40))
def test_what_is_needed_is_all_that_can_be_reached_and_no_more(seed: int) -> None:
    edges, rng = graph(seed), random.Random(seed + 1000)
    roots = [
        Root(reference, f"root {n}") for n, reference in enumerate(rng.sample(list(edges), len(edges) // 5))
    ]
    kept = needed(roots, module.given({r: manifest(r, given) for r, given in edges.items()}))
    slow = {root.reference for root in roots}
    while more := {up for r in slow for up in edges.get(r, ())} - slow:
        slow |= more
    assert set(kept) == slow
    assert all(kept[root.reference] in {other.why for other in roots} for root in roots)


def journal(home: Path, run: str, flow: str | None, started: float, error: str | None, *made: str) -> None:
    file = home / "runs" / f"{run}.jsonl"
    file.parent.mkdir(parents=True, exist_ok=True)
    lines: list[dict[str, object]] = [{"run": run, "recipe": "toys.yaml", "started": started, "flow": flow}]
    for reference in made:
        stage = reference.partition("/")[0]
        lines.append(
            {"stage": stage, "reference": reference, "status": "ran", "started": started, "seconds": 1}
        )
    lines += [] if error is None else [{"ended": started + 1, "error": error}]
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))


def test_the_newest_run_of_each_flow_and_what_has_not_ended_since(tmp_path: Path) -> None:
    a, b, c, d, e, f = (name(8 * n) for n in range(6))
    journal(tmp_path, "1-train", "train", 1.0, "UserError: ...", a)  # a later one has ended well
    journal(tmp_path, "2-train", "train", 2.0, "", b)
    journal(tmp_path, "3-train", "train", 3.0, "", c)
    journal(tmp_path, "4-train", "train", 4.0, "StageError: ...", d)
    journal(tmp_path, "5-score", "score", 5.0, "", e)
    journal(tmp_path, "6-train", "train", 6.0, None, f)  # killed, or at work
    found = runs(Settings(home=tmp_path), {})
    kept = {root.reference: root.why for root in of_runs(found)}
    assert kept == {
        c: "newest train run of toys", e: "newest score run of toys",
        d: "run 4-train, not ended", f: "run 6-train, not ended",
    }  # fmt: skip
    assert open_since(found) == 4.0
    assert open_since(found[:3]) is None


def test_a_run_that_was_killed_before_its_first_stage_ended_counts(tmp_path: Path) -> None:
    journal(tmp_path, "1-train", "train", 1.0, None)
    assert open_since(runs(Settings(home=tmp_path), {})) == 1.0


@pytest.mark.slow
def test_every_version_with_an_alias_or_in_the_journal(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    registry = registry_of("toys", settings)
    run = registry.client.create_run(registry.client.create_experiment("toys")).info.run_id
    made = [name(8 * n + 6) for n in range(6)]
    for number, reference in enumerate(made):
        tags = {"selfsup.evaluate": reference, "selfsup.start": name(800 + number), "selfsup.seeds": "{}"}
        registry.register(f"register/{number}", source="s", run_id=run, model_id=None, tags=tags)  # type: ignore[arg-type]
    registry.set_alias("champion", "2")
    registry.set_alias("challenger", "5")
    journal_of("toys", settings).append(Entry.now("ana", "promote", "done", "1", "2", "better"))
    journal_of("toys", settings).append(Entry.now("ana", "promote", "done", "6", "2", "better"))
    registry.client.delete_model_version("toys", "6")
    lost = manifest("register/" + "f" * 16, [name(9)], name="toys", version="6")
    found = of_models(settings, {"register/" + "f" * 16: lost})
    assert {root.reference for root in found} == {
        *(made[n] for n in (0, 1, 4)), *(name(800 + n) for n in (0, 1, 4)), "register/" + "f" * 16,
    }  # fmt: skip
    assert {root.why for root in found} == {
        "toys version 1, in the journal", "toys version 2, champion", "toys version 5, challenger",
        "toys version 6, in the journal",
    }  # fmt: skip
