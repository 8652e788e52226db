"""Lineage as a Mermaid flowchart."""

from pipelines.engine.manifest import Manifest
from pipelines.registry.lineage_graph import mermaid


def made(stage, output=None, **given):
    return Manifest(
        stage=stage, version=1, recipe="toys", given=given, observed={}, code="", request={}, output=output or {},
        started=0.0, seconds=1.0,
    )  # fmt: skip


A, B, C = "snapshot/0123456789abcdef", "pretrain/0123456789abcdef", "finetune/0123456789abcdef"


def test_a_node_for_each_run_and_an_edge_from_each_that_it_was_given():
    record = {
        A: made("snapshot", {"samples": 12345}),
        B: made("pretrain", {"epochs": 3}, snapshot=A, start={"parent": "pretrain/ffffffffffffffff"}),
        C: made("finetune", {"labels": None}, snapshot=A, pretrain=B),
    }
    assert mermaid(record, 'toy"s version 2').splitlines() == [
        "flowchart TD",
        f'  n0["{A}<br/>12,345 samples"]',
        f'  n1["{B}<br/>3 epochs"]',
        f'  n2["{C}"]',
        "  n0 --> n1",
        "  n0 --> n2",
        "  n1 --> n2",
        '  model(["toy&quot;s version 2"])',
        "  n2 --> model",
    ]
