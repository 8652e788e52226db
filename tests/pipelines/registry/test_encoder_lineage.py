from pathlib import Path

import pytest

from components.errors import UserError
from pipelines.engine.manifest import Manifest
from pipelines.registry.encoder_lineage import encoder_digest, one_encoder


def finish(store: Path, reference: str, output: dict[str, object], **request: str) -> None:
    folder = store / reference
    folder.mkdir(parents=True)
    manifest = Manifest(
        stage=reference.partition("/")[0], version=1, recipe="r", given=request, request=request, observed={},
        code="", output=output, started=0, seconds=0,
    )  # fmt: skip
    (folder / "manifest.json").write_text(manifest.model_dump_json())


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Two encoders: a has two embeddings and pseudo-labels of the first, b has one."""
    for name in "ab":
        artifact = {"path": "encoder.safetensors", "sha256": name * 64, "bytes": 1}
        finish(tmp_path, f"pretrain/{name}", {"encoder": artifact})
        finish(tmp_path, f"embed/{name}1", {}, pretrain=f"pretrain/{name}")
    finish(tmp_path, "embed/a2", {}, pretrain="pretrain/a")
    finish(tmp_path, "pseudo_label/a", {}, embed="embed/a1")
    finish(tmp_path, "snapshot/s", {})
    return tmp_path


def test_runs_of_one_encoder_may_be_compared(store: Path) -> None:
    assert one_encoder(["embed/a1", "embed/a2", "pseudo_label/a", "pretrain/a"], store) == "a" * 64
    assert encoder_digest("embed/b1", store) == "b" * 64


def test_runs_of_two_encoders_are_refused_by_name(store: Path) -> None:
    with pytest.raises(
        UserError, match=r"one encoder are needed, got embed/b1 by b{12}, pseudo_label/a by a{12};"
    ):
        one_encoder(["embed/b1", "pseudo_label/a"], store)


@pytest.mark.parametrize("reference", ["snapshot/s", "embed/gone"])
def test_a_run_without_an_encoder_is_a_users_error(store: Path, reference: str) -> None:
    with pytest.raises(UserError, match=r"no encoder|no finished run"):
        encoder_digest(reference, store)
