from pipelines.graph import GRAPH, HEAVY, ORDER_ONLY, references


def test_what_a_stage_needs_is_listed_before_it():
    seen = set()
    for stage, needs in GRAPH.items():
        assert set(needs) <= seen, stage
        seen.add(stage)
    assert set(HEAVY) <= seen


def test_only_what_is_not_order_alone_is_a_reference():
    done = {stage: f"{stage}/0" for stage in GRAPH}
    assert references("snapshot", done) == {}
    assert references("embed", done) == {"snapshot": "snapshot/0", "pretrain": "pretrain/0"}
    assert all(set(first) <= set(GRAPH[stage]) for stage, first in ORDER_ONLY.items())


def test_a_touched_inbox_reaches_the_report_and_no_training():
    carried = {stage: set(references(stage, dict.fromkeys(GRAPH, ""))) for stage in GRAPH}
    assert [stage for stage in GRAPH if "ingest" in carried[stage]] == ["report"]
