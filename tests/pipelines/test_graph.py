from pipelines.graph import FLOWS, GRAPH, HEAVY, ORDER_ONLY, references


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


def test_a_flow_runs_what_its_stages_need_before_them():
    for flow, stages in FLOWS.items():
        for place, stage in enumerate(stages):
            assert set(GRAPH[stage]) <= set(stages[:place]), f"{flow}: {stage}"
    assert {stage for stages in FLOWS.values() for stage in stages} == set(GRAPH)


def test_every_stage_after_the_plan_waits_for_it_and_only_the_report_is_named_by_it():
    after = FLOWS["train"][FLOWS["train"].index("plan") + 1 :]
    done = {stage: f"{stage}/0" for stage in GRAPH}
    assert [stage for stage in GRAPH if "plan" in GRAPH[stage]] == list(after)
    assert [stage for stage in GRAPH if "plan" in references(stage, done)] == ["report"]
