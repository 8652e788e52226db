"""Checkpoints: complete or absent, two kept, a torn one passed over, no code in them; the encoder."""

import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from components.training.checkpoint import (
    canonical,
    checkpoints,
    export_encoder,
    load_checkpoint,
    save_checkpoint,
)

CPU = torch.device("cpu")


def test_the_newest_comes_back_and_two_are_kept(tmp_path: Path) -> None:
    for step in (5, 10, 1000, 999):
        save_checkpoint(tmp_path, step, {"step": step, "w": torch.full((2,), float(step))})
    assert [f.name for f in checkpoints(tmp_path)] == ["step-000000999.pt", "step-000001000.pt"]
    state = load_checkpoint(tmp_path, CPU, pytest.fail)
    assert state is not None
    assert state["step"] == 1000
    assert state["w"].tolist() == [1000.0, 1000.0]


def test_nothing_there_is_none(tmp_path: Path) -> None:
    assert load_checkpoint(tmp_path / "absent", CPU, pytest.fail) is None


@pytest.mark.parametrize("how", ["cut", "flipped", "empty"])
def test_a_torn_checkpoint_is_passed_over_with_a_word(tmp_path: Path, how: str) -> None:
    for step in (1, 2):
        file = save_checkpoint(tmp_path, step, {"step": step, "w": torch.arange(4096.0)})
    data = bytearray(file.read_bytes())
    if how == "flipped":
        data[len(data) // 2] ^= 1
    file.write_bytes({"cut": data[: len(data) // 2], "flipped": data, "empty": b""}[how])
    said: list[str] = []
    state = load_checkpoint(tmp_path, CPU, said.append)
    assert state is not None
    assert state["step"] == 1
    assert len(said) == 1
    assert "step-000000002.pt cannot be read" in said[0]


def test_code_in_a_checkpoint_is_not_run(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.mkdir, (str(tmp_path / "evil"),)

    torch.save({"step": 1, "x": Evil()}, tmp_path / "step-000000001.pt")
    said: list[str] = []
    assert load_checkpoint(tmp_path, CPU, said.append) is None
    assert said
    assert not (tmp_path / "evil").exists()


def test_equal_values_are_equal_bytes(tmp_path: Path) -> None:
    """Equal strings that are not one object pickle differently, unless made one."""
    same, other = "learning rate", "".join(["learning", " rate"])
    first = save_checkpoint(tmp_path / "a", 1, {"a": {same: 1.0}, "b": {same: (2.0, None)}})
    second = save_checkpoint(tmp_path / "b", 1, {"a": {same: 1.0}, "b": {other: (2.0, None)}})
    assert first.read_bytes() == second.read_bytes()
    assert canonical([("x", {"y": 1})]) == [("x", {"y": 1})]


def test_the_encoder_alone_has_weights_and_buffers_and_the_same_bytes(tmp_path: Path) -> None:
    encoder = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
    encoder = encoder.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    for name in ("a", "b"):
        export_encoder(tmp_path / name, encoder)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    loaded = load_file(tmp_path / "a")
    assert loaded.keys() == encoder.state_dict().keys()
    assert all(torch.equal(loaded[k], v) for k, v in encoder.state_dict().items())
