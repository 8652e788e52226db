"""One list of checks for every kind of data: bytes to rows, rows to views, and back to a person."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from pydantic import TypeAdapter

from components.encoders import EncoderConfig, build_encoder
from components.modalities.packing import PACKINGS, PackingConfig
from components.modalities.registry import MODALITIES, ModalityConfig
from components.modalities.views import VIEW_MAKERS, build_views
from tests.components.modalities.cases import CASES, made


def test_every_modality_is_on_this_list() -> None:
    assert set(CASES) == set(MODALITIES) == set(PACKINGS) == set(VIEW_MAKERS)
    for name in CASES:
        assert set(MODALITIES[name].policies) == set(VIEW_MAKERS[name].policies)


def everything(one):
    """All rows of a packed case, as one clean view."""
    return one.samples.clean(np.arange(one.written.samples))


def equal(a: torch.Tensor, b: torch.Tensor) -> bool:
    return a.shape == b.shape and torch.equal(torch.nan_to_num(a, -7.0), torch.nan_to_num(b, -7.0))


@pytest.mark.parametrize("name", CASES)
class TestEveryModality:
    def test_a_packed_row_is_the_sample_read_alone(self, name: str, tmp_path: Path) -> None:
        one = made(name, tmp_path)
        assert (one.written.samples, one.written.unreadable) == (len(one.case.samples), {})
        packed, packing = one.samples.open(), one.samples.packing
        for place, data in enumerate(one.case.samples):
            np.testing.assert_array_equal(packed.row(place), one.modality.stored(data, packing))
        rows = [packed.row(place) for place in range(len(packed))]
        views = one.samples.views
        assert equal(views.clean(views.collate(rows)), everything(one))

    def test_the_same_samples_give_the_same_bytes_however_they_are_batched(
        self, name: str, tmp_path: Path
    ) -> None:
        one, other = made(name, tmp_path / "one", batch=5), made(name, tmp_path / "other", batch=24)
        assert one.samples.packing == other.samples.packing
        for key, file in one.samples.files.items():
            assert file.read_bytes() == other.samples.files[key].read_bytes()

    def test_rows_in_use_and_their_order(self, name: str, tmp_path: Path) -> None:
        one = made(name, tmp_path)
        some = np.array([9, 2, 17])
        packed, all_ = one.samples.open(some), one.samples.open()
        assert len(packed) == 3
        seen, whole = packed.gather(torch.tensor([2, 0])), all_.gather(torch.tensor([17, 9]))
        assert equal(seen, whole)
        assert equal(all_.select(some).gather(torch.tensor([2, 0])), whole)

    def test_a_row_of_an_earlier_snapshot_is_copied(self, name: str, tmp_path: Path) -> None:
        one = made(name, tmp_path / "one")
        packed = one.samples.open()
        given = [packed.row(k) if k % 2 else data for k, data in enumerate(one.case.samples)]
        again = made(name, tmp_path / "again", samples=given, before=one.samples.packing)
        for key, file in one.samples.files.items():
            assert file.read_bytes() == again.samples.files[key].read_bytes()
        assert again.samples.packing.reads(one.samples.packing)

    def test_what_stored_numbers_mean_stays_as_it_was_found_first(self, name: str, tmp_path: Path) -> None:
        one = made(name, tmp_path / "one", samples=CASES[name].samples[:12])
        if not one.modality.founded:
            return
        more = made(name, tmp_path / "more", before=one.samples.packing)
        assert one.samples.packing.reads(more.samples.packing)
        few = one.samples.open()
        for place in range(12):
            np.testing.assert_array_equal(more.samples.open().row(place), few.row(place))

    def test_bad_samples_are_named_and_cost_no_other(self, name: str, tmp_path: Path) -> None:
        case = CASES[name]
        one = made(name, tmp_path / "plain")
        reader = one.modality.reader(one.modality.Limits(**case.limits))
        reasons = reader.check([*case.hostile.values(), case.samples[0]])
        assert all(reasons[:-1]), dict(zip(case.hostile, reasons, strict=False))
        assert reasons[-1] is None
        assert all("\n" not in str(reason) and len(str(reason)) < 300 for reason in reasons)

    def test_packing_survives_json(self, name: str, tmp_path: Path) -> None:
        packing = made(name, tmp_path).samples.packing
        again = TypeAdapter(PackingConfig).validate_json(packing.model_dump_json())
        assert again == packing
        assert TypeAdapter(ModalityConfig).validate_python(packing.config.model_dump()) == packing.config

    def test_order_and_company_change_no_feature(self, name: str, tmp_path: Path) -> None:
        one = made(name, tmp_path)
        torch.manual_seed(0)
        config = TypeAdapter(EncoderConfig).validate_python(one.case.encoder)
        encoder = build_encoder(config, one.samples.packing).eval()
        order = np.random.default_rng(0).permutation(one.written.samples)
        with torch.inference_mode():
            together = encoder(everything(one))
            alone = torch.cat([encoder(one.samples.clean(order[k : k + 1])) for k in range(len(order))])
        assert torch.isfinite(together).all()
        assert together.std(dim=0).max() > 1e-4  # it does see the samples
        torch.testing.assert_close(alone, together[order], atol=1e-5, rtol=1e-4)

    def test_views_of_every_policy_are_of_the_samples_and_by_chance_alone(
        self, name: str, tmp_path: Path
    ) -> None:
        one = made(name, tmp_path)
        maker, clean = one.samples.views, everything(one)
        kept = clean.clone()
        for policy in maker.policies:
            chosen = maker.policy(policy)
            roles = maker.roles(policy, None)
            for how in (chosen.weak, chosen.strong, chosen.pretrain, *roles.values()):
                seen = maker.augment(clean, how, torch.Generator().manual_seed(3))
                again = maker.augment(clean, how, torch.Generator().manual_seed(3))
                assert equal(seen, again)
                assert len(seen) == len(clean)
                assert seen.dtype == clean.dtype
                assert seen.shape[-1] <= max(maker.length(how), clean.shape[-1])
            strong = maker.augment(clean, chosen.strong, torch.Generator().manual_seed(3))
            assert not equal(strong, clean)
            others = maker.augment(clean, chosen.strong, torch.Generator().manual_seed(4))
            assert not equal(strong, others)
        assert equal(clean, kept)

    def test_a_view_does_not_depend_on_the_other_samples(self, name: str, tmp_path: Path) -> None:
        one = made(name, tmp_path)
        maker, clean = one.samples.views, everything(one)
        how = maker.policy(maker.usual).strong
        seen = maker.augment(clean, how, torch.Generator().manual_seed(5))
        changed = clean.flip(0)
        changed[3] = clean[3]
        other = maker.augment(changed, how, torch.Generator().manual_seed(5))
        assert equal(seen[3], other[3])

    def test_an_encoder_can_be_built_and_sees_before_there_are_samples(self, name: str) -> None:
        from components.modalities.registry import build_modality

        packing = build_modality(CASES[name].config).placeholder()
        maker = build_views(packing)
        config = TypeAdapter(EncoderConfig).validate_python({"name": maker.encoder})
        encoder = build_encoder(config, packing).eval()
        with torch.inference_mode():
            assert encoder(maker.blank(2)).shape == (2, encoder.feature_dim)

    def test_what_a_look_suggests_is_a_configuration(self, name: str) -> None:
        from components.modalities.registry import build_modality

        case = CASES[name]
        look = build_modality(case.config).look()
        reasons = look.add([*case.samples, *case.hostile.values()])
        assert look.good == len(case.samples)
        assert sum(reason is not None for reason in reasons) == len(case.hostile)
        suited = look.suited(1000)
        modality = TypeAdapter(ModalityConfig).validate_python(yaml.safe_load(suited.modality))
        assert modality.name == name
        TypeAdapter(EncoderConfig).validate_python(yaml.safe_load(suited.encoder))
        assert suited.speed > 0
        assert look.lines()

    def test_an_example_comes_back_through_a_request(self, name: str, tmp_path: Path) -> None:
        one = made(name, tmp_path)
        packed, packing = one.samples.open(), one.samples.packing
        values = [one.modality.example(packed.row(place), packing) for place in range(5)]
        back = one.modality.values(one.modality.request(values), packing)
        assert len(back) == 5
        for place, value in enumerate(back):
            row = one.modality.row_of(value, packing)
            np.testing.assert_allclose(row, packed.row(place), atol=one.case.tolerance, equal_nan=True)

    def test_a_value_that_is_no_sample_is_an_error_in_one_line(self, name: str, tmp_path: Path) -> None:
        one = made(name, tmp_path)
        for value in (None, float("nan"), object()):
            with pytest.raises((ValueError, TypeError)) as error:
                one.modality.row_of(value, one.samples.packing)
            assert "\n" not in str(error.value)

    def test_samples_are_shown_as_html_that_loads_and_runs_nothing(self, name: str, tmp_path: Path) -> None:
        one = made(name, tmp_path)
        packed, packing = one.samples.open(), one.samples.packing
        rows = [packed.row(place) for place in range(6)]
        for html in (one.modality.show(rows[0], packing), one.modality.sheet(rows, packing, 3)):
            assert html.strip()
            assert "<script" not in html.lower()
            assert not re.search(r"(?:src|href)=[\"'](?!data:)", html)
            assert not re.search(r"<[^>]*\son\w+\s*=", html)
