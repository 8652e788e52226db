"""Where a report's model comes from."""

from types import SimpleNamespace
from typing import Any, cast

from pipelines.pages.sources import Sources
from pipelines.stages.report.lineage import rows


def of(register: dict[str, Any]) -> dict[str, str]:
    outputs = {"register": register, "pretrain": {}, "snapshot": {"version": "v"}}
    made = SimpleNamespace(manifests={}, outputs=outputs, context=SimpleNamespace(recipe="toys"))
    return dict(rows(cast(Sources, made)))


def test_an_encoder_that_is_registered_alone_is_named() -> None:
    found = of({"version": None, "skipped": "no labels", "encoder": "models:/toys-encoder/1"})
    assert found["registered encoder"] == "models:/toys-encoder/1"
    assert found["classifier"] == "none registered: no labels"
    assert "registered encoder" not in of({"version": None, "skipped": "no labels", "encoder": None})
    assert of({"version": "3", "name": "toys", "digest": "d"})["model"] == "toys version 3"
