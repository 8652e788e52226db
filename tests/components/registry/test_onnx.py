from pathlib import Path

import pytest
import torch
from torch import nn

from components.encoders import build_encoder
from components.encoders.resnet import ResnetConfig
from components.errors import UserError
from components.modalities.image.config import image_packing
from components.registry import onnx

CONFIG = ResnetConfig(widths=(8, 16), blocks=(1, 1))


def encoder(channels: int = 1) -> nn.Module:
    torch.manual_seed(0)
    made = build_encoder(CONFIG, image_packing(channels, [0.3] * channels, [0.2] * channels))
    made.train()
    made(torch.rand(16, channels, 16, 16))  # running statistics that are not those of birth
    return made.eval()


def view(channels: int = 1, samples: int = 3) -> torch.Tensor:
    return torch.rand(samples, channels, 16, 16, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("channels", [1, 3])
def test_onnxruntime_gives_the_features_of_torch_at_any_batch(tmp_path: Path, channels: int) -> None:
    import onnxruntime

    made = encoder(channels)
    assert onnx.export_encoder(made, view(channels), tmp_path / "e.onnx") <= 1e-4
    session = onnxruntime.InferenceSession(str(tmp_path / "e.onnx"), providers=["CPUExecutionProvider"])
    x = torch.rand(7, channels, 16, 16)
    (found,) = session.run(["feature"], {"image": x.numpy()})
    torch.testing.assert_close(torch.from_numpy(found), made(x).detach(), atol=1e-4, rtol=1e-4)
    assert found.shape == (7, 16)


def test_other_weights_are_noticed(tmp_path: Path) -> None:
    made = encoder()
    onnx.export_encoder(made, view(), tmp_path / "e.onnx")
    with torch.no_grad():
        next(made.parameters()).mul_(1.05)
    assert onnx.difference(made, view(), tmp_path / "e.onnx") > 1e-4


@pytest.mark.parametrize("samples", [1, 9])
def test_it_is_compared_on_one_sample_and_on_five_however_many_are_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, samples: int
) -> None:
    """One sample is repeated; of nine the first five are taken."""
    given, seen = view(samples=samples), list[torch.Tensor]()
    made = encoder()
    onnx.export_encoder(made, given, tmp_path / "e.onnx")
    made.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0].clone()))
    onnx.difference(made, given, tmp_path / "e.onnx")
    expected = given[:5] if samples == 9 else given.repeat(5, 1, 1, 1)
    assert [len(x) for x in seen] == [1, 5]
    assert torch.equal(seen[1], expected)


def test_the_exporter_through_torch_export_is_tried_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: object) -> None:
        raise RuntimeError("was removed")

    called: list[Path] = []
    through = onnx._through_script
    monkeypatch.setattr(onnx, "_through_script", gone)
    monkeypatch.setattr(onnx, "_through_export", lambda e, x, f: (called.append(f), through(e, x, f)))
    assert onnx.export_encoder(encoder(), view(), tmp_path / "e.onnx") <= 1e-4
    assert called


@pytest.mark.slow
def test_the_exporter_through_torch_export_gives_the_same(tmp_path: Path) -> None:
    made = encoder()
    onnx._through_export(made, torch.rand(2, 1, 16, 16), tmp_path / "e.onnx")
    assert onnx.difference(made, view(), tmp_path / "e.onnx") <= 1e-4


def test_an_export_that_differs_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnx, "difference", lambda *_: 2e-4)
    monkeypatch.setattr(onnx, "_through_export", onnx._through_script)
    with pytest.raises(UserError, match=r"features differ by 0\.0002, at most 1e-04"):
        onnx.export_encoder(encoder(), view(), tmp_path / "e.onnx")


def test_what_cannot_be_exported_says_so_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        onnx, "_through_script", lambda *_: (_ for _ in ()).throw(RuntimeError("no such operator"))
    )
    monkeypatch.setattr(
        onnx, "_through_export", lambda *_: (_ for _ in ()).throw(RuntimeError("nor this one"))
    )
    with pytest.raises(UserError, match=r"nor this one.*set `onnx: false`"):
        onnx.export_encoder(encoder(), view(), tmp_path / "e.onnx")
    assert not (tmp_path / "e.onnx").exists()


def test_an_exporters_message_is_one_sentence_without_colours() -> None:
    raised = "Failed to export the model with torch.export. \x1b[96mThis is step 1/3\x1b[0m of exporting\nNext steps:"
    assert onnx._sentence(raised) == "Failed to export the model with torch.export"
    assert onnx._sentence("\x1b[31mno operator:\x1b[0m\n1") == "no operator"
