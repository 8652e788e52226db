"""Deliberate errors in images of many channels, 16 bits and floats; in DICOM, TIFF and videos."""

from tests.mutations.base import Mutation, mirrored


def of(name: str, old: str, new: str, *tests: str) -> Mutation:
    file = f"components/modalities/image/{name}.py"
    return Mutation(file, old, new, tests or (mirrored(file),))


READ, KEPT = (mirrored(f"components/modalities/image/{name}.py") for name in ("read", "kept"))
DICOM = mirrored("components/modalities/image/dicom.py")
VALUES = mirrored("components/modalities/image/values.py")
INGEST = ("tests/pipelines/stages/test_ingest.py", "-k", "scan or patient")

MUTATIONS = [
    # values
    of("values", "if first != channels and (last", "if (last"),
    of("values", "if first == channels or first in usual:", "if first in usual:"),
    of("values", "values.astype(np.uint8) * np.uint8(255)", "values.astype(np.uint8)"),
    of("values", "channel[known].mean(dtype=np.float64) if known.any() else whole", "whole"),
    of("values", "if len(data) - stream.tell() < wanted:", "if False:"),
    of("values", '"i1": np.int16', '"i1": np.uint8'),
    of("values", "np.iinfo(values.dtype).max - values", "values"),
    of("values", "and not (alpha and channels in (1, 3))", ""),
    of("values", "for number in range(0, len(file.pages), every):", "for number in range(len(file.pages)):"),
    of("values", "if width * height * page.imagedepth > max_pixels:", "if False:"),
    of("values", "len(pages) != channels", "len(pages) < channels"),
    of("values", "if values.shape != page.shape:", "if False:"),
    # kept
    of("kept", "np.clip(np.rint(out), info.min, info.max)", "np.rint(out)"),
    of("kept", "np.array_equal(turned.astype(values.dtype), values)", "True"),
    of("kept", "kind = common_kind(good)", "kind = common_kind(good[:0] or [np.dtype('f4')])"),
    of("kept", "if config.ends is not None:", "if False:"),
    of("kept", "part.sum((0, 2, 3)), np.square(part)", "part.sum((0, 2, 3)), part"),
    of("kept", "float(s) if s >= FLAT else 1.0", "float(s)"),
    of("kept", "return fitted(found, config).pixels", "return cut(of_picture(found), config.size)"),
    of("config", "centre - width / 2, centre + width / 2", "centre - width, centre + width", KEPT),
    of("config", "if self.scale != other.scale:", "if False:", KEPT),
    of("modality", "known = before.kind if before is not None else None", "known = None", KEPT),
    of("modality", "scale = before.scale if before is not None else None", "scale = None", KEPT),
    of(
        "modality",
        "lambda rows: 255 * kept.levels(rows, scale)",
        "lambda rows: kept.levels(rows, scale)",
        KEPT,
    ),
    of("views", "return scaled.clamp_(0, 1)", "return scaled", KEPT),
    of("colour", "(offset.unsqueeze(1) * means)", "(offset * means.mean(dim=1)).unsqueeze(1)", KEPT),
    # DICOM
    of("dicom", 'f"patient {hashlib', 'f"patient {name}{hashlib'),
    of("dicom", "for name in KEPT:", 'for name in (*KEPT, "PatientName"):'),
    of("dicom", "for number in range(0, count, every):", "for number in range(count):"),
    of(
        "dicom",
        "values.dtype.type(2 ** int(whole.BitsStored) - 1) - values",
        "np.iinfo(values.dtype).max - values",
    ),
    of("dicom", "            ~values\n", "            values\n"),
    of("dicom", "_rescale(whole, number or 0)", "_rescale(whole, 0)"),
    of(
        "dicom",
        "size = get_expected_length(whole) // count",
        "size = get_expected_length(whole) // count - 1",
    ),
    of("dicom", 'return given if given in ("OB", "OW") else', "return"),
    of("dicom", "if not burnt_in and", "if False and"),
    of("dicom", "return channels == count > 1 and grey", "return False"),
    of("dicom", "if (values == np.rint(values)).all():", "if True:"),
    of("dicom", "np.iinfo(kind).min <= low and high <= np.iinfo(kind).max", "True"),
    of("dicom", "/{name}'.encode()", "'.encode()"),
    # which files, and what of them
    of("read", 'one.group or ("" if one.number is None else delivery)', "one.group", DICOM),
    of(
        "read",
        'yield TableSample(f"{delivery}@{number}", data, group=delivery)\n        else',
        "return\n        else",
    ),
    of("read", "if size > most:", "if False:"),
    of("read", "return decodes(reason) or any(", "return any(", DICOM),
    Mutation("components/data/growing.py", "any(mended(kind)", "any(False", INGEST),
    Mutation("components/data/inbox.py", "group=told.group or group", "group=group", INGEST),
    Mutation("components/data/inbox.py", "not in claimed | several.keys()", "not in claimed", INGEST),
    Mutation("components/data/checked_files.py", 'return "several"', "return None", INGEST),
]
