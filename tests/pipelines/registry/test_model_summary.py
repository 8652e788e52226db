"""What `selfsup show` prints of a model: read by a person, whatever of it is known."""

import json

from pipelines.registry.model_summary import summary

CHECKS = {
    "size": (True, "bytes of the model 9, needed <= 10"),
    "classes": (False, "recall 0.1, needed >= 0.2"),
}
TAGS = {
    "selfsup.gate": "refused: classes: recall 0.1, needed >= 0.2",
    "selfsup.override": "2026-11-30 ana: the test items are wrong",
    "selfsup.forgotten": "2026-11-30T12:00:00+00:00",
    "selfsup.figure.accuracy": "0.7731", "selfsup.figure.accuracy_low": "0.7602",
    "selfsup.figure.accuracy_high": "0.7851", "selfsup.figure.ece": "0.031",
    "selfsup.figure.baselines": json.dumps({"knn_plain": 0.65, "scratch": 0.684, "lost": None}),
    "selfsup.data": "abc.dir", "selfsup.seconds": "351.2", "selfsup.parent": "1", "selfsup.pretrain": "pretrain/a",
    "selfsup.snapshot": "snapshot/b", "selfsup.recipe_text": "name: toys",
    **{f"selfsup.gate.{k}": json.dumps({"passed": p, "why": w}) for k, (p, w) in CHECKS.items()},
}  # fmt: skip


def test_a_model_as_a_person_wants_to_know_it():
    assert summary("toys", "2", TAGS, ["champion"]) == [
        "toys version 2 (champion)",
        "  gate          refused: classes: recall 0.1, needed >= 0.2",
        "  override      2026-11-30 ana: the test items are wrong",
        "  forgotten     made from data with samples that were forgotten on 2026-11-30; run the recipe for one without",
        "  accuracy      0.773 [0.760, 0.785] on the test samples, calibration error 0.031",
        "  baselines     scratch 0.684, knn_plain 0.650, lost unknown",
        "  data version  abc.dir",
        "  trained in    351 s",
        "  in place of   version 1",
        "  snapshot      snapshot/b",
        "  pretrain      pretrain/a",
        "  2 checks:",
        "    failed  classes: recall 0.1, needed >= 0.2",
        "    passed  size: bytes of the model 9, needed <= 10",
    ]


def test_of_a_version_by_another_hand_little_is_known():
    assert summary("toys", "1", {"team": "x"}, []) == ["toys version 1", "  gate          never judged"]
