"""DICOM: values beside pydicom's own, frames, patients, and files that cannot be used. Skipped without pydicom."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from components.modalities.image import dicom
from components.modalities.image import file as image_file
from components.modalities.image.check import check_images
from components.modalities.image.config import ImageConfig, ImageLimits
from components.modalities.image.file import quiet
from components.modalities.image.pack import decode
from components.modalities.image.read import ImageReader
from components.modalities.image.values import read

pydicom = pytest.importorskip("pydicom")
FILES = Path(pydicom.__file__).parent / "data" / "test_files"
LIMITS = ImageLimits(min_side=3)
GREY = ImageConfig(channels=1, keep=True)
# Where pydicom is asked itself: type of the sample's values, by file. Compressed syntaxes among them are decoded by
# pydicom or Pillow, which are there.
GOOD = {
    "CT_small.dcm": "int16", "MR_small.dcm": "int16", "MR_small_RLE.dcm": "int16", "MR_small_bigendian.dcm": "int16",
    "MR_small_implicit.dcm": "int16", "MR_small_expb.dcm": "int16", "ExplVR_BigEnd.dcm": "uint8",
    "SC_rgb_rle_16bit.dcm": "uint16", "SC_ybr_full_422_uncompressed.dcm": "uint8", "image_dfl.dcm": "uint8",
    "SC_rgb_dcmtk_+eb+cy+np.dcm": "uint8", "examples_palette.dcm": "uint16", "SC_rgb_small_odd.dcm": "uint8",
    "SC_rgb_small_odd_big_endian.dcm": "uint8", "examples_overlay.dcm": "uint16", "rtdose_1frame.dcm": "float32",
    "MR_small_jp2klossless.dcm": "int16",
}  # fmt: skip


def there(name: str) -> bytes:
    return (FILES / name).read_bytes()


def sample(name: str, every: int | None = None, channels: int = 1) -> bytes:
    return dicom.frames(there(name), every, channels)[0].data


def made(values: np.ndarray, **tags: Any) -> bytes:
    """A DICOM file [H, W], [H, W, 3] or, with NumberOfFrames, [N, H, W], uncompressed, with other tags as given."""
    from pydicom.dataset import Dataset, FileMetaDataset

    whole = Dataset()
    whole.file_meta = FileMetaDataset()
    whole.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    whole.file_meta.MediaStorageSOPClassUID = pydicom.uid.CTImageStorage
    whole.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
    frames = "NumberOfFrames" in tags
    whole.Rows, whole.Columns = values.shape[1:3] if frames else values.shape[:2]
    whole.SamplesPerPixel = 3 if values.ndim == 3 and not frames else 1
    whole.PhotometricInterpretation = "RGB" if whole.SamplesPerPixel == 3 else "MONOCHROME2"
    if whole.SamplesPerPixel == 3:
        whole.PlanarConfiguration = 0
    whole.BitsAllocated = whole.BitsStored = 8 * values.itemsize
    whole.HighBit = whole.BitsStored - 1
    whole.PixelRepresentation = int(values.dtype.kind == "i")
    whole.PatientID, whole.PatientName, whole.StudyDate = "77-Meier", "Meier^Hans", "20260101"
    whole.PixelData = values.tobytes() + b"\0" * (values.nbytes % 2)
    whole["PixelData"].VR = "OB" if values.itemsize == 1 else "OW"
    for name, value in tags.items():
        setattr(whole, name, value)
    out = io.BytesIO()
    pydicom.dcmwrite(out, whole, enforce_file_format=True)
    return out.getvalue()


def ramp(*shape: int, kind: type = np.uint16, step: int = 1) -> np.ndarray:
    return (np.arange(int(np.prod(shape))) * step).reshape(shape).astype(kind)


@pytest.mark.parametrize("name", GOOD)
def test_a_sample_has_the_values_of_the_whole_file(name: str) -> None:
    from pydicom.pixels import apply_color_lut, apply_modality_lut, pixel_array

    with quiet():
        whole = pydicom.dcmread(FILES / name)
        expected = pixel_array(whole)
        if whole.PhotometricInterpretation == "PALETTE COLOR":
            expected = apply_color_lut(expected, whole)
        elif expected.ndim == 2:
            expected = apply_modality_lut(expected, whole)
        found = read(sample(name), 3 if expected.ndim == 3 else 1)
    assert found.dtype == GOOD[name]
    channels_last = found[0] if expected.ndim == 2 else found.transpose(1, 2, 0)
    assert np.array_equal(channels_last, expected.astype(found.dtype))


def test_hounsfield_units_of_the_small_ct() -> None:
    """Stored 175 and 180 in its first two pixels, intercept -1024."""
    values = read(sample("CT_small.dcm"), 1)
    assert values[0, 0, :2].tolist() == [175 - 1024, 180 - 1024]


def test_slope_and_intercept_that_give_no_whole_numbers() -> None:
    data = made(ramp(4, 5), RescaleSlope=0.5, RescaleIntercept=-3)
    found = read(data, 1)
    assert found.dtype == np.float32
    assert np.array_equal(found[0], ramp(4, 5) * 0.5 - 3)
    whole = read(made(ramp(4, 5), RescaleSlope=2, RescaleIntercept=-3), 1)
    assert whole.dtype == np.int16
    assert np.array_equal(whole[0], ramp(4, 5).astype(int) * 2 - 3)
    large = read(made(ramp(4, 5, step=3000), RescaleSlope=2, RescaleIntercept=-3), 1)
    assert large.dtype == np.float32  # up to 114,000
    assert large.max() == 2 * 57_000 - 3


def test_white_is_high_in_monochrome1() -> None:
    plain = ramp(4, 5)
    found = read(made(plain, PhotometricInterpretation="MONOCHROME1", BitsStored=12, HighBit=11), 1)
    assert np.array_equal(found[0], 4095 - plain)
    signed = (plain.astype(np.int16) - 7).astype(np.int16)
    assert np.array_equal(read(made(signed, PhotometricInterpretation="MONOCHROME1"), 1)[0], -1 - signed)


def test_a_bit_is_black_or_white() -> None:
    with quiet():
        assert set(np.unique(read(sample("liver_1frame.dcm"), 1)).tolist()) == {0, 255}


class TestFrames:
    def test_each_frame_is_a_sample_and_knows_its_patient(self) -> None:
        values = ramp(6, 4, 5)
        found = dicom.frames(made(values, NumberOfFrames=6), 2, 1)
        assert [one.number for one in found] == [0, 2, 4]
        assert len({one.group for one in found}) == 1
        for one in found:
            assert np.array_equal(read(one.data, 1)[0], values[one.number])

    def test_the_first_where_frames_are_no_samples_and_all_where_they_are_the_channels(self) -> None:
        values = ramp(6, 4, 5)
        data = made(values, NumberOfFrames=6)
        (first,) = dicom.frames(data, None, 1)
        assert first.number is None
        assert np.array_equal(read(first.data, 1)[0], values[0])
        (together,) = dicom.frames(data, None, 6)
        assert together.number is None
        assert np.array_equal(read(together.data, 6), values)

    @pytest.mark.parametrize(
        ("name", "count"),
        [("SC_rgb_rle_2frame.dcm", 2), ("examples_ybr_color.dcm", 30), ("rtdose_expb.dcm", 15), ("rtdose_rle.dcm", 15)],
    )  # fmt: skip
    def test_frames_of_real_files_beside_pydicom(self, name: str, count: int) -> None:
        with quiet():
            found = dicom.frames(there(name), 1, 1)
            assert len(found) == count
            for one in found[:: max(1, count // 3)]:
                expected = pydicom.pixels.pixel_array(FILES / name, index=one.number)
                values = read(one.data, 1 if expected.ndim == 2 else 3)
                flat = values[0] if expected.ndim == 2 else values.transpose(1, 2, 0)
                assert np.array_equal(flat, expected.astype(flat.dtype)), one.number

    def test_slope_and_intercept_of_a_frame(self) -> None:
        from pydicom.dataset import Dataset

        groups = []
        for intercept in (10, 20, 30):
            own, group = Dataset(), Dataset()
            own.RescaleSlope, own.RescaleIntercept, own.RescaleType = 2, intercept, "US"
            group.PixelValueTransformationSequence = [own]
            groups.append(group)
        data = made(ramp(3, 4, 5), NumberOfFrames=3, PerFrameFunctionalGroupsSequence=groups)
        for one in dicom.frames(data, 1, 1):
            expected = ramp(3, 4, 5)[one.number] * 2 + 10 * (one.number + 1)
            assert np.array_equal(read(one.data, 1)[0], expected)


class TestPatients:
    def test_a_sample_says_nothing_of_its_patient(self) -> None:
        data = made(ramp(4, 5))
        assert b"Meier" in data
        for one in dicom.frames(data, 1, 1):
            for word in (b"Meier", b"Hans", b"20260101"):
                assert word not in one.data
            assert "Meier" not in one.group

    def test_equal_pixels_of_two_patients_are_equal_bytes_in_two_groups(self) -> None:
        one, other = (dicom.frames(made(ramp(4, 5), PatientID=who), 1, 1)[0] for who in ("a", "b"))
        assert one.data == other.data
        assert one.group != other.group
        assert (
            dicom.frames(made(ramp(4, 5), PatientID="a", IssuerOfPatientID="here"), 1, 1)[0].group
            != one.group
        )

    def test_frames_without_a_patient_stay_together_by_their_file(self, tmp_path: Path) -> None:
        file = tmp_path / "scan.dcm"
        file.write_bytes(made(ramp(3, 8, 8), NumberOfFrames=3, PatientID=""))
        rows = list(ImageReader(LIMITS, ImageConfig(frames=1)).rows(file, "a/scan.dcm", None))
        assert [row.name for row in rows] == ["a/scan.dcm@0", "a/scan.dcm@1", "a/scan.dcm@2"]
        assert {row.group for row in rows} == {"a/scan.dcm"}
        file.write_bytes(made(ramp(8, 8), PatientID=""))
        (row,) = ImageReader(LIMITS, GREY).rows(file, "a/scan.dcm", None)
        assert (row.name, row.group) == ("a/scan.dcm", "")


BAD = {
    "rtplan.dcm": "no pixel data: RT Plan Storage",
    "reportsi.dcm": "no pixel data: Basic Text SR Storage",
    "MR_truncated.dcm": "truncated: ",
    "badVR.dcm": "unreadable: ",
    "meta_missing_tsyntax.dcm": "unreadable: ",
    "MR_small_jpeg_ls_lossless.dcm": "DICOM of JPEG-LS Lossless Image Compression needs a decoder",
    "no_meta.dcm": "not an image",
}


class TestBad:
    def test_pydicoms_own_bad_files_are_named(self, tmp_path: Path) -> None:
        for config in (GREY, ImageConfig(channels=3)):
            reader = ImageReader(LIMITS, config)
            rows = [row for name in BAD for row in reader.rows(FILES / name, name, None)]
            reasons = reader.check([row.data for row in rows])
            for row, reason in zip(rows, reasons, strict=True):
                expected = BAD[row.name]
                if row.name == "MR_small_jpeg_ls_lossless.dcm" and reason is None:
                    continue  # a decoder is installed
                assert str(reason).startswith(expected), (row.name, reason)
                assert "\n" not in str(reason)
                assert len(str(reason)) < 300

    def test_every_file_of_pydicom_is_a_sample_or_has_a_reason(self) -> None:
        good = 0
        for name in sorted(path.name for path in FILES.glob("*.dcm")):
            for one in dicom.frames(there(name), None, 3)[:1]:
                colour = check_images([one.data], LIMITS, ImageConfig(channels=3, keep=True))[0]
                assert colour is None or (colour and "\n" not in colour), name
                good += colour is None
        assert good > 30

    @pytest.mark.parametrize("cut", [140, 300, 500, 700])
    def test_cut_files(self, cut: int) -> None:
        (one,) = dicom.frames(made(ramp(20, 20))[:cut], 1, 1)
        (reason,) = check_images([one.data], LIMITS, GREY)
        assert reason is not None
        assert reason.startswith(("truncated", "unreadable", "no pixel data"))

    def test_too_many_pixels_by_the_header(self) -> None:
        data = made(ramp(4, 5), Rows=40_000, Columns=40_000)
        assert check_images([data], LIMITS, GREY) == ["too many pixels: 40000 x 40000, allowed 50000000"]

    def test_burnt_in_annotation_is_flagged_unless_the_recipe_takes_it(self, tmp_path: Path) -> None:
        (tmp_path / "a.dcm").write_bytes(made(ramp(8, 8), BurnedInAnnotation="YES"))
        for config in (GREY, ImageConfig(channels=1)):
            (row,) = ImageReader(LIMITS, config).rows(tmp_path / "a.dcm", "a.dcm", None)
            (reason,) = ImageReader(LIMITS, config).check([row.data])
            assert reason == (
                "burnt-in annotation: the file is marked so; ingest.limits.burnt_in: true takes it"
            )
            taken = ImageReader(LIMITS.model_copy(update={"burnt_in": True}), config)
            assert taken.check([row.data]) == [None]

    def test_a_list_of_files_is_no_sample(self) -> None:
        assert dicom.frames(there("dicomdirtests/DICOMDIR"), 1, 1) == []

    def test_without_pydicom_the_reason_names_it_and_goes_when_it_is_there(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        data, reader = made(ramp(8, 8)), ImageReader(LIMITS, GREY)
        with monkeypatch.context() as patch:
            patch.setitem(image_file.MODULES, "DICOM", "no_such_module")
            assert dicom.frames(data, 1, 1) == [dicom.Frame(None, data, "")]
            (reason,) = reader.check([data])
            assert reason == "DICOM needs pydicom (pip install 'selfsup[medical]')"
            assert not reader.mended(reason)
        assert reader.mended(reason)

    def test_a_decoder_that_was_installed_mends(self, monkeypatch: pytest.MonkeyPatch) -> None:
        reader = ImageReader(LIMITS, GREY)
        assert reader.mended("DICOM of RLE Lossless needs a decoder (pip install x)")
        assert not reader.mended("DICOM of MPEG2 Main Profile / Main Level needs a decoder (pip install x)")
        assert not reader.mended("unreadable: RLE")


def test_a_recipe_of_8_bits_brings_them_to_its_range() -> None:
    values = np.array([-1000, -100, 0, 100, 1000, 40, 140, 240] * 8, np.int16).reshape(8, 8)
    data = dicom.frames(made(values, PixelRepresentation=1), 1, 1)[0].data
    found = decode(data, ImageConfig(size=8, channels=1, range=(-100, 100)))
    assert np.abs(found[0, 0].astype(int) - [0, 0, 127, 255, 255, 178, 255, 255]).max() <= 1


def test_a_file_of_a_request_is_read_as_it_is() -> None:
    data = made(ramp(8, 8))
    assert np.array_equal(read(data, 1)[0], ramp(8, 8))
    assert check_images([data], LIMITS, GREY) == [None]
