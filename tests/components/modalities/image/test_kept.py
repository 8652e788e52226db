"""Values that are stored as they are: their type, their scale in views, and the way from a file to a prediction."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from pydantic import TypeAdapter, ValidationError

from components.encoders import EncoderConfig, build_encoder
from components.errors import UserError
from components.modalities.image import file as image_file
from components.modalities.image import pack as bytes_pack
from components.modalities.image.config import ImageConfig, ImageLimits, ImagePacking
from components.modalities.image.file import ImageError
from components.modalities.image.kept import (
    as_kind,
    common_kind,
    cut,
    levels,
    pack,
    scale_of,
    square,
    statistics,
)
from components.modalities.image.modality import Images, shown
from components.modalities.image.near_duplicates import groups
from components.modalities.packing import PackingConfig
from components.modalities.registry import ModalityConfig, packed_as
from components.modalities.samples import Samples

BANDS = ImageConfig(size=8, channels=5)


def npy(values: np.ndarray) -> bytes:
    out = io.BytesIO()
    np.save(out, values)
    return out.getvalue()


def png(pixels: np.ndarray) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


def bands(seed: int, *shape: int, top: int = 4000, kind: type = np.uint16) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, top, shape or (5, 8, 8)).astype(kind)


def packed(
    folder: Path, samples: list[Any], config: ImageConfig = BANDS, before: Any = None, batch: int = 7
) -> tuple[Images, Any, Samples]:
    folder.mkdir(parents=True, exist_ok=True)
    modality = Images(config)

    def encoded() -> Any:
        return (samples[start : start + batch] for start in range(0, len(samples), batch))

    written = modality.pack(encoded, len(samples), folder, before=before)
    packing = modality.packing(written, folder, np.arange(written.samples))
    return modality, written, Samples(packing=packing, files={"images": folder / "images.npy"})


class TestConfig:
    def test_what_keeps_values(self) -> None:
        assert not ImageConfig().kept
        assert not ImageConfig(channels=1, range=(0, 4095)).kept
        assert ImageConfig(channels=1, keep=True).kept
        assert ImageConfig(channels=2).kept
        assert ImageConfig(channels=1, window=(40, 400)).kept
        assert ImageConfig(channels=1, window=(40, 400)).ends == (-160, 240)
        assert ImageConfig(range=(1, 2)).ends == (1, 2)

    @pytest.mark.parametrize(
        "given",
        [
            {"channels": 0},
            {"channels": 33},
            {"window": (40, 0)},
            {"window": (40, 4), "range": (0, 1)},
            {"frames": 0},
        ],
    )
    def test_what_makes_no_sense(self, given: dict[str, Any]) -> None:
        with pytest.raises(ValidationError):
            ImageConfig.model_validate(given)

    def test_models_of_other_scales_do_not_read_each_other(self) -> None:
        one = ImagePacking(size=8, channels=1, mean=(0.5,), std=(0.2,), kind="uint16", scale=((0, 10),))
        assert one.reads(one.model_copy(update={"kind": "float32", "mean": (0.1,)}))
        assert not one.reads(one.model_copy(update={"scale": ((0, 11),)}))
        assert not one.reads(one.model_copy(update={"scale": None}))


class TestCut:
    def test_the_right_size_is_left_as_it_is(self) -> None:
        for kind in (np.uint8, np.uint16, np.int16, np.float16, np.float32):
            values = bands(0).astype(kind)
            found = cut(values, 8)
            assert found.dtype == kind
            assert np.array_equal(found, values)

    @pytest.mark.parametrize(("height", "width"), [(8, 20), (20, 8)])
    def test_the_centre_is_cut_out_of_each_channel(self, height: int, width: int) -> None:
        values = bands(0, 5, height, width)
        top, left = (height - 8) // 2, (width - 8) // 2
        assert np.array_equal(cut(values, 8), values[:, top : top + 8, left : left + 8])

    def test_a_plane_stays_a_plane_in_its_own_units(self) -> None:
        """Halved, a slope of 100 a pixel has 200: bicubic resampling reproduces planes away from the edges."""
        plane = (np.arange(32)[None, :, None] * 100 + np.arange(32) * 1000 + 5).astype(np.uint16)
        found = cut(plane, 16)[0].astype(int)
        rows, columns = np.indices((16, 16))
        expected = (2 * rows + 0.5) * 100 + (2 * columns + 0.5) * 1000 + 5
        assert np.abs(found - expected)[2:-2, 2:-2].max() <= 1

    def test_integers_are_clipped_to_their_type_and_not_wrapped_around(self) -> None:
        edge = np.zeros((1, 32, 32), np.uint16)
        edge[:, :, 16:] = 65535
        found = cut(edge, 24)[0]
        assert (found[:, :12] < 33_000).all()
        assert (found[:, 12:] > 33_000).all()
        assert (found.min(), found.max()) == (0, 65535)


class TestKinds:
    @pytest.mark.parametrize(
        ("given", "kind"),
        [
            (["u1"], "uint8"), (["u1", "u2"], "uint16"), (["u1", "i2"], "int16"), (["u2", "i2"], "float32"),
            (["f2", "u1"], "float16"), (["f2", "u2"], "float32"), (["f2", "f4"], "float32"), (["i2"], "int16"),
        ],
    )  # fmt: skip
    def test_the_smallest_that_holds_all(self, given: list[str], kind: str) -> None:
        assert common_kind(map(np.dtype, given)) == kind

    def test_another_type_is_taken_where_it_is_exact(self) -> None:
        assert as_kind(np.array([[[1, 300]]], np.int16), "uint16").dtype == np.uint16
        assert as_kind(np.array([[[1.0, 300.0]]], np.float32), "uint16").tolist() == [[[1, 300]]]
        for values, kind in (([1.5], "uint16"), ([-1.0], "uint16"), ([2049.0], "float16"), ([1e9], "int16")):
            with pytest.raises(ImageError, match=f"are no {kind}, the type of the recipe's first samples"):
                as_kind(np.array([[values]], np.float32), kind)  # type: ignore[arg-type]


class TestPack:
    def test_values_are_kept_bit_by_bit(self, tmp_path: Path) -> None:
        given = [bands(k) for k in range(20)]
        _, written, samples = packed(tmp_path, [npy(one) for one in given])
        assert written.samples == 20
        array = np.load(tmp_path / "images.npy")
        assert array.dtype == np.uint16
        assert np.array_equal(array, given)
        assert samples.packing.kind == "uint16"

    def test_a_later_sample_that_does_not_fit_is_left_out_with_its_reason(self, tmp_path: Path) -> None:
        odd = [npy(np.full((5, 8, 8), 70_000)), npy(bands(1, kind=np.float32)), npy(np.full((5, 8, 8), 0.5))]
        _, written, _ = packed(tmp_path, [npy(bands(0))] * 3 + odd, batch=3)
        assert written.samples == 4  # whole numbers in floats are stored
        assert list(written.unreadable) == [3, 5]
        assert "float32 from 0.5 to 0.5 are no uint16" in written.unreadable[5]

    def test_type_and_scale_stay_as_they_were_found_first(self, tmp_path: Path) -> None:
        _, _, first = packed(tmp_path / "a", [npy(bands(k)) for k in range(5)])
        later = [npy(bands(k, top=60_000)) for k in range(9)]
        _, _, second = packed(tmp_path / "b", [*later, npy(bands(0))], before=first.packing)
        assert second.packing.scale == first.packing.scale
        assert second.packing.kind == "uint16"
        assert first.packing.reads(second.packing)
        _, _, fewer = packed(
            tmp_path / "d", [npy(bands(k, kind=np.uint8, top=9)) for k in range(3)], before=first.packing
        )
        assert fewer.packing.kind == "uint16"
        assert np.load(tmp_path / "d" / "images.npy").dtype == np.uint16
        _, _, alone = packed(tmp_path / "c", later)
        assert not first.packing.reads(alone.packing)

    def test_8_bits_are_the_same_bytes_whether_values_are_kept_or_not(self, tmp_path: Path) -> None:
        random = np.random.default_rng(0)
        files = []
        for seed in range(12):
            colour = random.integers(0, 256, (20 + seed, 30, 3), dtype=np.uint8)
            out = io.BytesIO()
            Image.fromarray(colour if seed % 2 else colour[..., 0]).save(
                out, ("PNG", "JPEG", "WEBP", "BMP")[seed % 4]
            )
            files.append(out.getvalue())
        for channels in (1, 3):
            plain = ImageConfig(size=12, channels=channels)
            bytes_pack.pack([files], 12, plain, tmp_path / "plain.npy")
            pack([files], 12, plain.model_copy(update={"keep": True}), tmp_path / "kept.npy")
            assert (tmp_path / "plain.npy").read_bytes() == (tmp_path / "kept.npy").read_bytes()

    def test_sixteen_bits_of_a_png_are_kept(self) -> None:
        grey = np.arange(64).reshape(8, 8).astype(np.uint16) * 1000 + 7
        found = square(png(grey), ImageConfig(size=8, channels=1, keep=True))
        assert found.dtype == np.uint16
        assert np.array_equal(found[0], grey)

    def test_nothing_that_can_be_read(self, tmp_path: Path) -> None:
        made, kind = pack([[b"x", b"y"]], 2, BANDS, tmp_path / "images.npy")
        assert (made.samples, kind) == (0, "uint8")
        assert np.load(tmp_path / "images.npy").shape == (0, 5, 8, 8)

    def test_a_missing_decoder_ends_the_run_and_names_it(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(image_file, "has_decoder", lambda name: False)
        with pytest.raises(UserError, match=r"HEIC needs pillow-heif.*; install it and run again"):
            pack([[b"\0\0\0\x18ftypheic" + bytes(99)]], 1, BANDS, tmp_path / "images.npy")


class TestScale:
    def test_a_window_is_black_below_and_white_above_and_the_array_is_whole(self, tmp_path: Path) -> None:
        values = np.array([-1000, -160, -60, 40, 140, 240, 3000, 0] * 8, np.int16).reshape(8, 8)
        config = ImageConfig(size=8, channels=1, window=(40, 400))
        _, _, samples = packed(tmp_path, [npy(values), npy(values.T.copy())], config)
        assert np.array_equal(samples.open().row(0)[0], values)
        view = samples.clean(np.arange(2))
        assert view[0, 0, 0].tolist() == pytest.approx([0, 0, 0.25, 0.5, 0.75, 1, 1, 0.4])
        assert samples.packing.scale == ((-160, 240),)

    def test_each_channel_has_its_own_scale(self, tmp_path: Path) -> None:
        factor = np.array([1, 10, 0.1, 5, 0.01])[:, None, None]
        given = [(bands(k) * factor).astype(np.float32) for k in range(20)]
        _, _, samples = packed(tmp_path, [npy(one) for one in given])
        view = samples.clean(np.arange(20))
        torch.testing.assert_close(view.mean((0, 2, 3)), torch.full((5,), 0.5), atol=0.03, rtol=0)
        low, high = np.array(samples.packing.scale).T
        flat = np.stack(given)[:, 3].ravel()
        assert low[3] == pytest.approx(np.quantile(flat, 0.001), abs=1e-2)
        assert high[3] == pytest.approx(np.quantile(flat, 0.999), abs=1e-2)

    def test_bytes_keep_their_own(self) -> None:
        images = bands(0, 4, 2, 8, 8, top=100, kind=np.uint8)
        assert scale_of(images, ImageConfig(channels=2)) == ((0, 255), (0, 255))
        assert scale_of(images, ImageConfig(channels=2, range=(0, 99))) == ((0, 99), (0, 99))

    def test_statistics_are_those_of_the_views(self) -> None:
        images = bands(0, 9, 2, 8, 8)
        scale = ((0.0, 4000.0), (1000.0, 2000.0))
        rows = np.array([0, 3, 4, 8])
        mean, std = statistics(images, rows, scale)
        for channel, (low, high) in enumerate(scale):
            view = np.clip((images[rows, channel].astype(float) - low) / (high - low), 0, 1)
            assert mean[channel] == pytest.approx(view.mean(), abs=1e-6)
            assert std[channel] == pytest.approx(view.std(), abs=1e-6)

    def test_a_constant_channel_has_std_1_and_all_constant_is_an_error(self) -> None:
        images = bands(0, 4, 2, 8, 8)
        images[:, 1] = 77
        scale = scale_of(images, ImageConfig(channels=2))
        assert scale[1] == (77, 78)
        assert statistics(images, np.arange(4), scale)[1][1] == 1
        images[:] = 5
        with pytest.raises(UserError, match="one value in each channel"):
            statistics(images, np.arange(4), scale_of(images, ImageConfig(channels=2)))


class TestSamples:
    """What every kind of data promises, for five channels of 16 bits."""

    def test_from_the_file_to_a_view_and_back_through_a_request(self, tmp_path: Path) -> None:
        given = [npy(bands(k, 5, 9, 11)) for k in range(12)]
        modality, _, samples = packed(tmp_path, given)
        packing, rows = samples.packing, samples.open()
        again = TypeAdapter(PackingConfig).validate_json(packing.model_dump_json())
        assert again == packing
        assert TypeAdapter(ModalityConfig).validate_python(packing.config.model_dump()) == packing.config
        served = packed_as(packing)
        for place, data in enumerate(given):
            assert np.array_equal(rows.row(place), modality.stored(data, packing))
            assert np.array_equal(rows.row(place), served.row_of(data, packing))
        values = [served.example(rows.row(place), packing) for place in range(12)]
        for place, value in enumerate(served.values(served.request(values), packing)):
            assert np.array_equal(served.row_of(value, packing), rows.row(place))
        assert len(served.values(np.stack([rows.row(place) for place in range(3)]), packing)) == 3
        assert len(served.values(rows.row(0), packing)) == 1
        assert len(served.values(rows.row(0).transpose(1, 2, 0), packing)) == 1
        for value in (None, object(), bands(0, 4, 8, 8), np.ones(3)):
            with pytest.raises((ValueError, TypeError)) as error:
                served.row_of(value, packing)
            assert "\n" not in str(error.value)

    def test_encoders_see_all_channels(self, tmp_path: Path) -> None:
        _, _, samples = packed(tmp_path, [npy(bands(k)) for k in range(6)])
        view = samples.clean(np.arange(6))
        for given in (
            {"name": "resnet", "widths": [4, 8], "blocks": [1, 1]},
            {"name": "vit", "width": 16, "depth": 1, "heads": 2, "patch": 4},
            {"name": "convnext", "widths": [8, 16], "blocks": [1, 1]},
        ):
            torch.manual_seed(0)
            encoder = build_encoder(TypeAdapter(EncoderConfig).validate_python(given), samples.packing).eval()
            features = encoder(view)
            for channel in range(5):
                other = view.clone()
                other[:, channel] = 1 - other[:, channel]
                assert not torch.allclose(features, encoder(other), atol=1e-5), (given["name"], channel)

    def test_views_of_every_policy_stay_in_bounds_and_mix_no_channels(self, tmp_path: Path) -> None:
        """A channel's view is the same whatever the other channels hold: no colour operation runs."""
        _, _, samples = packed(
            tmp_path, [npy(bands(k, 5, 16, 16)) for k in range(8)], BANDS.model_copy(update={"size": 16})
        )
        maker, view = samples.views, samples.clean(np.arange(8))
        changed = view.clone()
        changed[:, 1:] = 1 - changed[:, 1:]
        for policy in maker.policies:
            chosen = maker.policy(policy)
            for how in (chosen.weak, chosen.strong, chosen.pretrain):
                how = how.model_copy(
                    update={
                        "saturation": 0.4,
                        "hue": 0.1,
                        "grayscale": 0.5,
                        "solarise": 0.3,
                        "randaugment": 2,
                    }
                )
                seen = maker.augment(view, how, torch.Generator().manual_seed(3))
                assert seen.shape == (8, 5, 16, 16)
                assert 0 <= seen.min() <= seen.max() <= 1
                other = maker.augment(changed, how, torch.Generator().manual_seed(3))
                assert torch.equal(seen[:, 0], other[:, 0]), policy

    def test_images_of_8_bits_for_what_measures_views(self, tmp_path: Path) -> None:
        _, _, samples = packed(tmp_path, [npy(bands(k)) for k in range(6)])
        found = samples.images(np.array([4, 1]))
        expected = np.rint(255 * levels(np.stack([bands(4), bands(1)]), samples.packing.scale))
        assert found.dtype == np.uint8
        assert np.abs(found.astype(int) - expected).max() <= 1

    def test_near_duplicates_are_found_in_units_of_the_views(self, tmp_path: Path) -> None:
        smooth = np.kron(bands(0, 5, 4, 4), np.ones((1, 4, 4), np.uint16))
        close = (smooth + bands(1, 5, 16, 16, top=60)).astype(np.uint16)
        far = np.kron(bands(2, 5, 4, 4), np.ones((1, 4, 4), np.uint16))
        others = [npy(np.kron(bands(k, 5, 4, 4), np.ones((1, 4, 4), np.uint16))) for k in range(10, 15)]
        config = BANDS.model_copy(update={"size": 16})
        modality, _, samples = packed(
            tmp_path, [npy(smooth), npy(far), npy(close), npy(smooth), *others], config
        )
        found = modality.near_duplicates(samples.files)
        assert found[:4].tolist() == [0, 1, 0, 0]
        assert found[4:].tolist() == [4, 5, 6, 7, 8]

    def test_grey_of_other_channels_is_their_mean(self) -> None:
        packing = ImagePacking(
            size=8, channels=2, mean=(0, 0), std=(1, 1), kind="uint16", scale=((0, 100), (0, 200))
        )
        row = np.stack([np.full((8, 8), 50), np.full((8, 8), 200)]).astype(np.uint16)
        assert shown(row, packing).tolist() == np.full((1, 8, 8), 192).tolist()  # (128 + 255) / 2, to even
        assert "<img" in Images(packing.config).show(row, packing)


def test_the_groups_of_8_bits_are_as_before() -> None:
    """One channel: its mean over channels is itself."""
    images = bands(0, 6, 1, 8, 8, top=256, kind=np.uint8)
    images[4] = images[1]
    assert groups(images).tolist() == [0, 1, 2, 3, 1, 5]


def test_a_look_says_what_was_found_and_writes_the_recipe() -> None:
    modality = Images(ImageConfig(channels=5))
    look = modality.look()
    reasons = look.add([*(npy(bands(k, 5, 20, 30)) for k in range(4)), npy(bands(0, 4, 9, 9))])
    assert [reason is None for reason in reasons] == [True] * 4 + [False]
    assert look.lines() == ["30 x 20 pixels, 5 channels of uint16, stored as they are"]
    assert look.suited(100).modality == "{name: image, size: 16, channels: 5}"
    same = Images(ImageConfig(channels=5)).look()
    same.add([npy(np.full((5, 9, 9), 3))] * 2)
    assert "single colour" in str(same.useless)


def test_limits_have_a_line_for_text_in_pixels() -> None:
    assert ImageLimits().burnt_in is False
