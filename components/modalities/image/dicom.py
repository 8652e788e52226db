"""DICOM through pydicom: what of a file is a sample, and its values.

A sample is a DICOM file of the pixels alone and what gives them their meaning: no name, date or identifier of a patient
is stored. Frames are cut out without decoding them, so that a decoder that crashes costs the sample.

Values are those of the modality (rescale slope and intercept, lookup table: Hounsfield units of a CT); a window of the
file is not applied. White is high (MONOCHROME1 is turned over); palettes and YCbCr become RGB; a bit is 0 or 255.

Source: DICOM PS3.3, C.7.6.3 (image pixel), C.11.1 (modality LUT); PS3.5, annex A (transfer syntaxes).
Letters: H, W height and width in pixels, C channels of the recipe.
"""

import hashlib
import io
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from components.modalities.image.file import (
    NEEDS,
    ImageError,
    MissingDecoderError,
    has_decoder,
    line_of,
    quiet,
)

PREAMBLE = 128  # bytes before the letters DICM
PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
KEPT = (
    "Rows", "Columns", "SamplesPerPixel", "PhotometricInterpretation", "PlanarConfiguration", "BitsAllocated",
    "BitsStored", "HighBit", "PixelRepresentation", "RescaleSlope", "RescaleIntercept", "ModalityLUTSequence",
    "RedPaletteColorLookupTableDescriptor", "GreenPaletteColorLookupTableDescriptor",
    "BluePaletteColorLookupTableDescriptor", "RedPaletteColorLookupTableData", "GreenPaletteColorLookupTableData",
    "BluePaletteColorLookupTableData", "SegmentedRedPaletteColorLookupTableData",
    "SegmentedGreenPaletteColorLookupTableData", "SegmentedBluePaletteColorLookupTableData", "BurnedInAnnotation",
)  # fmt: skip
DIRECTORY = "1.2.840.10008.1.3.10"  # a list of files, which holds no pixels and is passed over
SECONDARY = "1.2.840.10008.5.1.4.1.1.7"  # secondary capture: an image of no special kind
OURS = "2.25.0"  # identifier of all samples, so that equal pixels are equal bytes
DECODER = "needs a decoder (pip install pylibjpeg pylibjpeg-libjpeg pylibjpeg-openjpeg)"


class Frame(NamedTuple):
    """A sample of a file. number: of its frame, from 0; None where it is the only sample. group: of its patient, as a
    digest; "" where the file names none."""

    number: int | None
    data: bytes
    group: str


def is_dicom(head: bytes) -> bool:
    """Whether a file begins as DICOM files do: needs its first 132 bytes."""
    return head[PREAMBLE : PREAMBLE + 4] == b"DICM"


def frames(data: bytes, every: int | None, channels: int) -> list[Frame]:
    """The samples of a DICOM file: each `every`-th frame; None: the first, or all frames together where there are C of
    one channel each. A file that cannot be taken apart is one sample as it is, for `read` to name what is wrong."""
    if not has_decoder("DICOM"):
        return [Frame(None, data, "")]
    import pydicom  # optional, and .3 s that only DICOM files need

    with quiet():
        try:
            whole = pydicom.dcmread(io.BytesIO(data))
            if str(whole.file_meta.get("MediaStorageSOPClassUID", "")) == DIRECTORY:
                return []
            return list(_frames(whole, every, channels))
        except Exception:  # whatever it is, read() meets it too
            return [Frame(None, data, "")]


def _frames(whole: Any, every: int | None, channels: int) -> Iterator[Frame]:
    count = int(whole.get("NumberOfFrames") or 1)
    group = _patient(whole)
    if count == 1:
        yield Frame(None, _written(whole, _parts(whole, count), 0), group)
    elif every is None:
        number = None if _are_channels(whole, count, channels) else 0
        yield Frame(None, _written(whole, _parts(whole, count), number), group)
    else:
        parts = _parts(whole, count)
        for number in range(0, count, every):
            yield Frame(number, _written(whole, parts, number), group)


def _are_channels(whole: Any, count: int, channels: int) -> bool:
    grey = (
        int(whole.get("SamplesPerPixel", 1)) == 1
        and whole.get("PhotometricInterpretation") != "PALETTE COLOR"
    )
    return channels == count > 1 and grey


def _patient(whole: Any) -> str:
    """Digest of the patient's identifier and its issuer."""
    name = str(whole.get("PatientID") or "").strip()
    issuer = str(whole.get("IssuerOfPatientID") or "").strip()
    return f"patient {hashlib.sha256(f'{issuer}/{name}'.encode()).hexdigest()[:16]}" if name else ""


def _parts(whole: Any, count: int) -> Sequence[bytes]:
    """The bytes of each frame, still encoded.

    Raises:
        ValueError, AttributeError: they cannot be told apart.
    """
    from pydicom.encaps import generate_frames
    from pydicom.pixels.utils import get_expected_length

    name = next(name for name in PIXELS if name in whole)
    pixels = whole[name].value
    if whole.file_meta.TransferSyntaxUID.is_encapsulated:
        offsets = (whole.get("ExtendedOffsetTable"), whole.get("ExtendedOffsetTableLengths"))
        extended = None if offsets[0] is None else offsets
        return list(generate_frames(pixels, number_of_frames=count, extended_offsets=extended))
    if count == 1:
        return [pixels]
    bits = int(whole.Rows) * int(whole.Columns) * int(whole.SamplesPerPixel) * int(whole.BitsAllocated)
    if bits % 8:
        raise ValueError("frames that do not end with a byte")
    size = get_expected_length(whole) // count
    return [pixels[start : start + size] for start in range(0, size * count, size)]


def _written(whole: Any, parts: Sequence[bytes], number: int | None) -> bytes:
    """A DICOM file of one frame, or of all of them, and of what gives its values their meaning."""
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.encaps import encapsulate
    from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian

    syntax = whole.file_meta.TransferSyntaxUID
    one = Dataset()
    for name in KEPT:
        if name in whole:
            one[name] = whole[name]
    for name, value in _rescale(whole, number or 0).items():
        setattr(one, name, value)
    chosen = parts if number is None else [parts[number]]
    if len(chosen) > 1:
        one.NumberOfFrames = len(chosen)
    kind = next(name for name in PIXELS if name in whole)
    pixels = encapsulate(list(chosen)) if syntax.is_encapsulated else b"".join(chosen)
    setattr(one, kind, pixels + b"\0" * (len(pixels) % 2))
    if kind == "PixelData":
        one["PixelData"].VR = "OB" if syntax.is_encapsulated else _representation(whole)
    if syntax.is_encapsulated:
        one["PixelData"].is_undefined_length = True
    about = FileMetaDataset()
    about.FileMetaInformationVersion = b"\0\1"
    about.MediaStorageSOPClassUID, about.MediaStorageSOPInstanceUID = SECONDARY, OURS
    about.ImplementationClassUID = OURS
    plain = ExplicitVRBigEndian if syntax == ExplicitVRBigEndian else ExplicitVRLittleEndian
    about.TransferSyntaxUID = syntax if syntax.is_encapsulated else plain
    one.file_meta, one.preamble = about, b"\0" * PREAMBLE
    out = io.BytesIO()
    one.save_as(out, enforce_file_format=False)
    return out.getvalue()


def _representation(whole: Any) -> str:
    """OB, or OW, whose bytes are in pairs: as the file has it, which matters where these are swapped."""
    given = str(whole["PixelData"].VR)
    return given if given in ("OB", "OW") else "OW" if int(whole.BitsAllocated) > 8 else "OB"


def _rescale(whole: Any, number: int) -> dict[str, Any]:
    """Slope and intercept of a frame, where an enhanced file has them in its functional groups."""
    for place, index in (("PerFrameFunctionalGroupsSequence", number), ("SharedFunctionalGroupsSequence", 0)):
        groups = whole.get(place) or []
        own = groups[index].get("PixelValueTransformationSequence") if len(groups) > index else None
        if own:
            return {name: own[0].get(name) for name in ("RescaleSlope", "RescaleIntercept") if name in own[0]}
    return {}


def read(data: bytes, channels: int, max_pixels: int, burnt_in: bool) -> NDArray[Any]:
    """[C, H, W] of a file whose frames are the channels; [1, H, W] or [3, H, W] of the first frame of any other.

    Call it inside components.modalities.image.file.quiet: pydicom warns of much that is good enough.

    burnt_in: whether images are read that are marked as having text in their pixels.

    Raises:
        ImageError: no pixels, too many, marked as having text, or pixels that cannot be decoded.
        MissingDecoderError: pydicom, or a decoder of the transfer syntax, is not installed.
    """
    if not has_decoder("DICOM"):
        raise MissingDecoderError(NEEDS["DICOM"])
    import pydicom  # see frames

    try:
        whole = pydicom.dcmread(io.BytesIO(data))
        _refuse(whole, max_pixels, burnt_in)
        count = int(whole.get("NumberOfFrames") or 1)
        if _are_channels(whole, count, channels):
            return np.stack([_values(whole, number) for number in range(count)])
        values = _values(whole, 0)
        return values[None] if values.ndim == 2 else np.moveaxis(values, 2, 0)
    except ImageError:
        raise
    except Exception as error:  # pydicom and decoders raise nearly anything
        said = line_of(error)
        short = any(
            word in said for word in ("less than expected", "cannot reshape", "Unexpected end of file")
        )
        kind = "truncated" if short or isinstance(error, EOFError) else "unreadable"
        raise ImageError(f"{kind}: {said[:200]}") from None


def _refuse(whole: Any, max_pixels: int, burnt_in: bool) -> None:
    """Raise what is wrong by the header."""
    from pydicom.pixels import get_decoder

    if not any(name in whole for name in PIXELS):
        kind = whole.file_meta.get("MediaStorageSOPClassUID") if hasattr(whole, "file_meta") else None
        raise ImageError(f"no pixel data: {kind.name if kind else 'DICOM of an unknown kind'}")
    width, height = int(whole.Columns), int(whole.Rows)
    if width * height > max_pixels:
        raise ImageError(f"too many pixels: {width} x {height}, allowed {max_pixels}")
    if not burnt_in and str(whole.get("BurnedInAnnotation", "")).strip().upper() == "YES":
        raise ImageError("burnt-in annotation: the file is marked so; ingest.limits.burnt_in: true takes it")
    syntax = whole.file_meta.TransferSyntaxUID
    if syntax.is_encapsulated and not _decodes(syntax, get_decoder):
        raise MissingDecoderError(f"DICOM of {syntax.name} {DECODER}")


def _decodes(syntax: Any, get_decoder: Any) -> bool:
    try:
        return bool(get_decoder(syntax).is_available)
    except NotImplementedError:
        return False


def decodes(reason: str) -> bool:
    """Whether samples that were quarantined for want of a decoder can be decoded now. reason: of the quarantine."""
    if not reason.startswith("DICOM of ") or not has_decoder("DICOM"):
        return False
    from pydicom.pixels import get_decoder
    from pydicom.uid import AllTransferSyntaxes

    named = [uid for uid in AllTransferSyntaxes if reason.startswith(f"DICOM of {uid.name} needs")]
    return any(_decodes(uid, get_decoder) for uid in named)


def _values(whole: Any, number: int) -> NDArray[Any]:
    """The values of a frame, [H, W] or [H, W, 3]."""
    from pydicom.pixels import apply_color_lut, apply_modality_lut, pixel_array

    values = pixel_array(whole, index=number)
    values = values.astype(values.dtype.newbyteorder("="), copy=False)
    if int(whole.get("BitsAllocated", 0)) == 1:
        return np.asarray(values.astype(np.uint8) * np.uint8(255))
    photometric = whole.get("PhotometricInterpretation")
    if photometric == "PALETTE COLOR":
        return np.asarray(apply_color_lut(values, whole))
    if photometric == "MONOCHROME1" and values.dtype.kind in "iu":
        values = (
            ~values
            if values.dtype.kind == "i"
            else values.dtype.type(2 ** int(whole.BitsStored) - 1) - values
        )
    slope, intercept = float(whole.get("RescaleSlope") or 1), float(whole.get("RescaleIntercept") or 0)
    if values.ndim == 2 and ((slope, intercept) != (1, 0) or "ModalityLUTSequence" in whole):
        return narrowed(np.asarray(apply_modality_lut(values, whole)))
    return np.asarray(values)


def narrowed(values: NDArray[Any]) -> NDArray[Any]:
    """Whole numbers as int16, or uint16, where these hold them; else float32."""
    if (values == np.rint(values)).all():
        low, high = values.min(), values.max()
        for kind in (np.int16, np.uint16):
            if np.iinfo(kind).min <= low and high <= np.iinfo(kind).max:
                return values.astype(kind)
    return values.astype(np.float32)
