"""The report on runs whose manifests are real: its figures are theirs, nothing is loaded, nothing is empty."""

import base64
import csv
import dataclasses
import html
import io
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from components.data.table import Table
from components.errors import UserError
from components.registry.journal import Entry, Journal
from pipelines.engine.context import Context, append_metrics
from pipelines.engine.manifest import Manifest
from pipelines.graph import GRAPH
from pipelines.stages.report import protocols
from pipelines.stages.report import stage as report
from pipelines.stages.report.stage import Output, Request
from tests.pipelines.stages.evaluate import test_classification as test_evaluate
from tests.pipelines.stages.tiny import CLASSES

WINDOWS = [
    {"delivery": "2026-01.parquet", "samples": 40, "statistic": 0.0011, "p": 0.52},
    {"delivery": "2026-02 <b>.parquet", "samples": 60, "statistic": 0.0345, "p": 0.002},
]
PLAN: dict[str, Any] = {
    "decision": "warm", "reason": "40 new samples are 50.0% of the 80 that version 1 has seen: warm start from 1.",
    "settled": {}, "parent": "pretrain/a", "previous": None, "champion": "1", "new_samples": 40, "old_samples": 80,
    "new_labels": 3, "drift": WINDOWS, "drifted": False, "age_days": 2.25,
}  # fmt: skip
CHECKS = [
    {
        "name": "champion",
        "figure": -0.0375,
        "bound": -0.01,
        "passed": False,
        "why": "worse on 60 common items",
    },
    {"name": "classes", "figure": 0.4321, "bound": 0.2, "passed": True, "why": "recall of the worst class"},
]
REFUSED = {
    "skipped": None, "version": "2", "promoted": False, "waiting": False, "checks": CHECKS, "champion_version": "1",
    "previous_version": None, "reason": "champion: -0.0375 >= -0.01 is needed",
}  # fmt: skip


MOVE = Entry.now("root", "promote", "done", None, "1", "all 9 checks passed")
CHAMPION = {"champion": MOVE.model_dump_json(exclude={"gate"})}


def plain(value: Any) -> Any:
    return json.loads(value.model_dump_json()) if hasattr(value, "model_dump_json") else value


def finish(context: Context, stage: str, output: dict[str, Any], key: str = "0", **request: Any) -> None:
    folder = context.store / stage / key
    folder.mkdir(parents=True, exist_ok=True)
    manifest = Manifest(
        stage=stage, version=1, recipe="tiny", given=request, request=request, observed={}, code="c", output=output,
        started=0.0, seconds=1.5,
    )  # fmt: skip
    (folder / "manifest.json").write_text(manifest.model_dump_json())


def prepare(home: Path, skipped: str | None = None, **promoted: Any) -> Context:
    """Snapshot, embedding, clusters, pseudo-labels and evaluation are computed; the rest is written down."""
    here = test_evaluate.prepare(home, {} if skipped else {0: 6, 1: 6, 2: 6}, skipped=skipped)
    rated, _ = test_evaluate.run(here, bootstrap=200)
    table = Table.load(here.store / "snapshot/0/table.parquet")
    counts = {
        "samples": len(table), "labelled": len(table.labelled_rows()), "tests": len(table.test_rows()),
        "version": "abc.dir",
    }  # fmt: skip
    above = {
        name: {key: plain(v) for key, v in vars(here.outputs[f"{name}/0"]).items()}
        for name in ("snapshot", "embed")
    }
    trained = {"steps": 8, "epochs": 2, "samples": 120, "samples_per_second": 99.0, "data_wait_share": 0.01}
    encoder = {"encoder": plain(here.outputs["pretrain/0"].encoder)}
    finish(here, "ingest", {})
    finish(here, "snapshot", {**above["snapshot"], **counts})
    finish(here, "plan", PLAN, level=0.01, needed=2, windows=3)
    finish(here, "pretrain", {**trained, **encoder}, seed=7)
    finish(here, "embed", above["embed"], pretrain="pretrain/0")
    named = {**plain(here.outputs["pseudo_label/0"]), "threshold": 0.5}
    finish(here, "pseudo_label", named, embed="embed/0", previous=None)
    finish(here, "finetune", plain(here.outputs["finetune/0"]))
    finish(here, "evaluate", plain(rated))
    registered = {"name": "tiny", "version": "2", "digest": "d" * 64, "skipped": None}
    none = {"name": None, "version": None, "digest": None, "skipped": skipped}
    finish(here, "register", none if skipped else registered)
    unjudged = {
        **REFUSED,
        "version": None,
        "champion_version": None,
        "checks": [],
        "reason": "",
        "skipped": skipped,
    }
    finish(here, "promote", {**(unjudged if skipped else REFUSED), **promoted})
    for step in range(3):
        append_metrics(
            here.store / "pretrain/0", {"step": step, "loss/total": 3.0 - step, "diagnostics/rank": 4}
        )
    return Context(store=here.store, settings=here.settings, recipe="tiny", run="a-run", observed=CHAMPION)


def reported(context: Context, **changes: Any) -> tuple[Output, str, Path]:
    folder = context.store / "report" / ".k.part"
    folder.mkdir(parents=True, exist_ok=True)
    asked = {stage: f"{stage}/0" for stage in GRAPH["report"]}
    output = report.run(Request(**{**asked, "ask": 12, **changes}), folder, context)
    return output, (folder / output.page.path).read_text(), folder


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Context:
    return prepare(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def made(context: Context) -> tuple[Output, str, Path]:
    file = context.store / "truth.parquet"
    table = Table.load(context.store / "snapshot/0/table.parquet")
    pq.write_table(pa.table({"id": table.ids.tolist(), "label": [CLASSES[0]] * len(table)}), file)
    return reported(context, truth=str(file))


def output_of(context: Context, stage: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((context.store / stage / "0" / "manifest.json").read_text())["output"]
    return found


def test_the_page_has_the_figures_of_the_manifests(context: Context, made: tuple[Output, str, Path]) -> None:
    page, found = made[1], output_of(context, "evaluate")
    assert f"{100 * found['metrics']['accuracy']:.1f} %" in page
    for name, row in found["per_class"].items():
        figures = "".join(f'<td class="n">{row[key]:.3f}</td>' for key in ("precision", "recall", "f1"))
        assert f"<td>{name}</td>{figures}" in page
    for figure in found["intervals"].values():
        assert f"{100 * figure['low']:.1f} to {100 * figure['high']:.1f}" in page
    assert f"0.50 and more are kept, {output_of(context, 'pseudo_label')['kept']:,} in all" in page
    assert "d" * 64 in page
    assert output_of(context, "pretrain")["encoder"]["sha256"] in page


def test_protocols_and_the_figures_of_the_training_are_told(
    context: Context, made: tuple[Output, str, Path]
) -> None:
    page, found = html.unescape(made[1]), output_of(context, "evaluate")["protocols"]["figures"]
    for name, figures in found.items():
        assert f"<td>{protocols.sentence(name, figures)}</td>" in page
    assert 'alt="accuracy by severity of the damage"' in page
    assert "<td>effective rank (RankMe)</td>" in page


def test_the_plan_and_its_drift_are_told(made: tuple[Output, str, Path]) -> None:
    page = made[1]
    assert "40 new samples are 50.0% of the 80 that version 1 has seen" in page
    for name, value in (("decision", "warm start from the champion"), ("new or changed labels", "3")):
        assert f"<th>{name}</th><td>{value}</td>" in page
    assert "2.2 days" in page
    rule = "no: 1 of the last 2 deliveries is unlike old samples (p at most 0.01), and 2 are needed"
    assert f"<th>drift</th><td>{rule}</td>" in page
    assert re.search(r"2026-01\.parquet</td>.*>0\.520<.*like old samples", page)
    assert re.search(r"2026-02 &lt;b&gt;\.parquet</td>.*>0\.002<.*unlike old samples", page)


def test_the_gate_says_who_stood_against_whom_and_each_verdict(made: tuple[Output, str, Path]) -> None:
    page = made[1]
    refused = f"Version 2 was not promoted: {REFUSED['reason']}."
    assert (
        html.unescape(page).count(f"{refused} Version 1 is the champion.") == 2
    )  # at the top, and at the gate
    for check in CHECKS:
        verdict = "passed" if check["passed"] else "failed"
        row = rf"<td>{check['name']}</td>.*{check['figure']:.4g}.*{check['bound']:.4g}.*>{verdict}<.*{check['why']}"
        assert re.search(row, page)


def test_an_override_makes_the_report_anew_and_it_says_who_made_the_champion(tmp_path: Path) -> None:
    context = prepare(tmp_path)
    request = Request(**{stage: f"{stage}/0" for stage in GRAPH["report"]})
    before = report.observe(request, context.settings)
    journal = Journal(context.settings.home / "journal" / "tiny.jsonl")
    journal.append(Entry.now("ana", "override", "done", "1", "2", "the test items are wrong"))
    after = report.observe(request, context.settings)
    assert (before, after.keys()) == ({}, {"champion"})
    page = html.unescape(reported(dataclasses.replace(context, observed=after))[1])
    assert "was not promoted" not in page
    assert "Version 2 is the champion, in place of version 1: ana made it so" in page


def shown(page: str, heading: str) -> int:
    """How many samples a section shows, each in a sheet with its text."""
    section = page.partition(heading)[2].partition("<h")[0]
    sheets = re.findall(r'<div class="sheet">(.*?)</div>', section, flags=re.DOTALL)
    assert all(sheet.count('<img alt="" src="') == 1 and sheet.partition(">")[2] for sheet in sheets)
    return len(sheets)


def test_nothing_is_loaded_and_no_picture_is_empty(made: tuple[Output, str, Path]) -> None:
    page = made[1]
    assert not re.search(r'(src|href)\s*=\s*["\'](?!data:|#)', page)
    assert page.count("<script") == 2  # the map's colours, and what zooms it
    assert not re.search(r"\b(fetch|import|XMLHttpRequest|eval)\b\s*\(", page)
    assert "@import" not in page
    assert "url(" not in page
    pictures = re.findall(r'alt="([^"]*)" src="data:image/png;base64,([^"]*)"', page)
    assert len(pictures) == page.count("<img")
    names = {alt for alt, _ in pictures}
    assert {
        "models compared",
        "learning curve",
        "drift of the deliveries",
        "confusion matrix",
    } <= names
    assert {"reliability", "share right against share kept"} <= names
    for alt, data in pictures:
        image = np.asarray(Image.open(io.BytesIO(base64.b64decode(data))).convert("L"))
        assert image.std() > 1, alt
    for heading in ("<h2>Clusters and pseudo-labels", "<h2>What to label next", "<h3>Surest mistakes"):
        assert shown(page, heading) > 0, heading


def test_what_else_speaks_for_or_against_the_model_is_shown(
    context: Context, made: tuple[Output, str, Path]
) -> None:
    page, found = made[1], output_of(context, "evaluate")
    assert f"supervised learning needs all {found['saving']['sizes'][-1]} for" in page
    assert "1 of 18 labels is probably wrong" in page
    assert "rather " in page
    assert "wrong with probability" in page
    assert f"<b>{found['benefit']['line']}.</b>" in page
    assert page.count("Warning [") == len(found["benefit"]["warnings"])
    assert "<td>same encoder, labels alone</td>" in page
    assert shown(page, "<h2>Labels that may be wrong") == found["suspects"]["found"] == 1
    assert shown(page, "<h2>Samples unlike all others") == 12
    assert f"hold it in {100 * found['sets']['coverage']['value']:.1f} % of the test samples" in page
    assert 'alt="accuracy by number of labels"' in page


def test_the_list_asks_for_training_samples_without_a_label_once(
    context: Context, made: tuple[Output, str, Path]
) -> None:
    output, page, folder = made
    with (folder / "to_label.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    table = Table.load(context.store / "snapshot/0/table.parquet")
    place = {name: row for row, name in enumerate(table.ids.tolist())}
    asked = [place[row["id"]] for row in rows]
    assert len(set(asked)) == len(asked) == output.asked > 5
    assert [table.split[row] == "test" for row in asked] == [row["use"] == "testing" for row in rows]
    assert (table.label[asked] == -1).all()
    assert shown(page, "<h2>What to label next") == output.asked
    assert str(context.store / "report" / "k" / "to_label.csv") in page


def test_without_a_classifier_no_model_and_no_digest_is_claimed(tmp_path: Path) -> None:
    context = prepare(tmp_path, skipped="no labels: a classifier needs labels of at least two classes")
    output, page, folder = reported(context)
    assert "None" not in page
    assert "digest</th><td><code>None" not in page
    assert "none registered: no labels: a classifier needs" in page
    assert "What it gets wrong" not in page
    assert output.asked > 0  # with no label at all there is the more to ask for
    with (folder / "to_label.csv").open(newline="") as stream:
        assert {row["suggested class"] for row in csv.DictReader(stream)} == {""}


def test_it_is_made_again_byte_for_byte(context: Context, made: tuple[Output, str, Path]) -> None:
    again, page, _ = reported(context, truth=str(context.store / "truth.parquet"))
    assert (again, page) == (made[0], made[1])


def test_features_and_clusters_of_two_encoders_are_refused(tmp_path: Path) -> None:
    context = prepare(tmp_path)
    other = {"encoder": {"path": "e", "sha256": "f" * 64, "bytes": 1}}
    finish(context, "pretrain", {**output_of(context, "pretrain"), **other}, key="1")
    finish(context, "embed", output_of(context, "embed"), key="1", pretrain="pretrain/1")
    finish(context, "pseudo_label", output_of(context, "pseudo_label"), embed="embed/1", previous=None)
    with pytest.raises(
        UserError, match=r"features of one encoder are needed, got embed/0 by .*, pseudo_label/0 by f"
    ):
        reported(context)
