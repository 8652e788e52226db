from pathlib import Path

import pytest
import torch
from pydantic import ValidationError
from safetensors.torch import load_file, save_file

from components.encoders import build_encoder, start_encoder
from components.encoders.resnet import ResnetConfig
from components.encoders.start import Start, digest
from components.encoders.vit import VitConfig
from components.errors import UserError
from components.modalities.image.config import image_packing
from components.training.checkpoint import export_encoder

SMALL = VitConfig(width=8, depth=1, heads=2, patch=4)
X = torch.rand(2, 1, 8, 8, generator=torch.Generator().manual_seed(0))


def build(config=SMALL, mean=0.5, seed=0):
    torch.manual_seed(seed)
    return build_encoder(config, image_packing(1, [mean], [0.3]))


def started(start, config=SMALL, mean=0.5):
    torch.manual_seed(9)
    return start_encoder(config.model_copy(update={"start": start}), image_packing(1, [mean], [0.3]))


@pytest.fixture
def file(tmp_path):
    export_encoder(tmp_path / "e.safetensors", build())
    return tmp_path / "e.safetensors"


def of(file, **more):
    return Start(weights=str(file), sha256=digest(file), **more)


def test_it_begins_from_the_file_and_build_does_not(file):
    torch.testing.assert_close(started(of(file))(X), build()(X), rtol=0, atol=0)
    assert not torch.equal(build(SMALL.model_copy(update={"start": of(file)}), seed=9)(X), build()(X))
    assert torch.equal(started(None)(X), build(seed=9)(X))


def test_a_file_without_statistics_of_pixels_leaves_ours(file):
    tensors = {k: v for k, v in load_file(file).items() if k not in ("mean", "std")}
    save_file(tensors, file)
    encoder = started(of(file), mean=0.25)
    assert encoder.mean.item() == 0.25
    assert torch.equal(encoder.norm.weight, build().norm.weight)


@pytest.mark.parametrize(("how", "learning"), [("full", "all"), ("frozen", "none"), ("lora", "deltas")])
def test_adapt_says_what_learns(file, how, learning):
    encoder = started(of(file, adapt=how, rank=2))
    free = {name: p.requires_grad for name, p in encoder.named_parameters()}
    assert torch.equal(encoder(X), build()(X))
    if learning == "deltas":
        assert free == {name: name.endswith((".a", ".b")) for name in free}
        assert any(free.values())
    else:
        assert set(free.values()) == {learning == "all"}


def test_what_is_exported_is_plain_and_gives_the_same(file, tmp_path):
    encoder = started(of(file, adapt="lora", rank=2))
    for name, parameter in encoder.named_parameters():
        if name.endswith(".b"):
            torch.nn.init.normal_(parameter)
    export_encoder(tmp_path / "adapted.safetensors", encoder)
    plain = build(seed=5)
    plain.load_state_dict(load_file(tmp_path / "adapted.safetensors"))
    torch.testing.assert_close(plain(X), encoder(X))
    assert not torch.allclose(plain(X), build()(X), atol=1e-2)


def test_another_network_is_refused_and_what_differs_is_named(file):
    with pytest.raises(UserError, match=r"12 missing: blocks\.1\.attn\.proj\.bias, .*strict to false"):
        started(of(file), SMALL.model_copy(update={"depth": 2}))
    with pytest.raises(UserError, match=r"1 of another shape: patch_embed\.proj\.weight"):
        started(of(file), SMALL.model_copy(update={"patch": 2}))
    with pytest.raises(UserError, match="does not fit this encoder"):  # nothing does
        started(of(file, strict=False), ResnetConfig(widths=(4,), blocks=(1,)))


def test_what_is_too_much_is_refused(file):
    save_file({**load_file(file), "extra": torch.zeros(1)}, file)
    with pytest.raises(UserError, match=r"1 unexpected: extra; change"):
        started(of(file))


def test_not_strict_takes_what_fits(file):
    encoder = started(of(file, strict=False), SMALL.model_copy(update={"depth": 2, "patch": 2}))
    same = build()
    assert torch.equal(encoder.blocks[0].mlp["fc1"].weight, same.blocks[0].mlp["fc1"].weight)
    assert encoder.patch_embed["proj"].weight.shape == (8, 1, 2, 2)


def test_a_file_that_changed_is_noticed(file):
    start = of(file)
    save_file({k: v + 1 for k, v in load_file(file).items()}, file)
    with pytest.raises(UserError, match=rf"sha256 {start.sha256[:12]} needed, got {digest(file)[:12]}"):
        started(start)


def test_a_missing_and_a_strange_file_are_told(tmp_path):
    with pytest.raises(UserError, match="which is missing"):
        started(Start(weights=str(tmp_path / "none"), sha256="0" * 64))
    (tmp_path / "text").write_text("no tensors")
    with pytest.raises(UserError, match="a safetensors file is needed"):
        started(of(tmp_path / "text"))


def test_the_digest_must_be_said_and_the_message_tells_it(file):
    with pytest.raises(ValidationError, match=f"sha256 .* is needed.*it is {digest(file)} now"):
        Start(weights=str(file))
    with pytest.raises(ValidationError, match="the file is missing"):
        Start(weights="/none/such")
    with pytest.raises(ValidationError, match="absolute path"):
        Start(weights=str(Path("e.safetensors")), sha256="0" * 64)
