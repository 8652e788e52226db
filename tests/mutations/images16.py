"""Deliberate errors in images of many channels, 16 bits and floats; in DICOM, TIFF and videos."""

from tests.mutations.base import Mutation, mirrored

KEPT, DICOM = ((mirrored(f"components/modalities/image/{name}.py"),) for name in ("kept", "dicom"))
INGEST = ("tests/pipelines/stages/test_ingest.py", "-k", "scan or patient")

MUTATIONS = [
    Mutation("channels_first", "if first != channels and (last", "if (last"),
    Mutation("channels_first", "if first == channels or first in usual:", "if first in usual:"),
    Mutation("values.plain", "values.astype(np.uint8) * np.uint8(255)", "values.astype(np.uint8)"),
    Mutation("values.filled", "channel[known].mean(dtype=np.float64) if known.any() else whole", "whole"),
    Mutation("array_of", "if len(data) - stream.tell() < wanted:", "if False:"),
    Mutation("values.plain", '"i1": np.int16', '"i1": np.uint8'),
    Mutation("page_values", "np.iinfo(values.dtype).max - values", "values"),
    Mutation("_is_direct", "and not (alpha and channels in (1, 3))", ""),
    Mutation(
        "values.pages",
        "for number in range(0, len(file.pages), every):",
        "for number in range(len(file.pages)):",
    ),
    Mutation("_small_enough", "if width * height * page.imagedepth > max_pixels:", "if False:"),
    Mutation("values._are_channels", "len(pages) != channels", "len(pages) < channels"),
    Mutation("page_values", "if values.shape != page.shape:", "if False:"),
    Mutation("kept.cut", "np.clip(np.rint(out), info.min, info.max)", "np.rint(out)"),
    Mutation("as_kind", "np.array_equal(turned.astype(values.dtype), values)", "True"),
    Mutation("kept.pack", "kind = common_kind(good)", "kind = common_kind(good[:0] or [np.dtype('f4')])"),
    Mutation("scale_of", "if config.ends is not None:", "if False:"),
    Mutation("kept.statistics", "part.sum((0, 2, 3)), np.square(part)", "part.sum((0, 2, 3)), part"),
    Mutation("kept.statistics", "float(s) if s >= FLAT else 1.0", "float(s)"),
    Mutation("square", "return fitted(found, config).pixels", "return cut(of_picture(found), config.size)"),
    Mutation(
        "ImageConfig.ends", "centre - width / 2, centre + width / 2", "centre - width, centre + width", KEPT
    ),
    Mutation("ImagePacking.reads", "if self.scale != other.scale:", "if False:", KEPT),
    Mutation("Images._keep", "known = before.kind if before is not None else None", "known = None", KEPT),
    Mutation("Images._keep", "scale = before.scale if before is not None else None", "scale = None", KEPT),
    Mutation(
        "Images.near_duplicates",
        "lambda rows: 255 * kept.levels(rows, scale)",
        "lambda rows: kept.levels(rows, scale)",
        KEPT,
    ),
    Mutation("ImageViews.clean", "return scaled.clamp_(0, 1)", "return scaled", KEPT),
    Mutation("jitter", "(offset.unsqueeze(1) * means)", "(offset * means.mean(dim=1)).unsqueeze(1)", KEPT),
    Mutation("_patient", 'f"patient {hashlib', 'f"patient {name}{hashlib'),
    Mutation("dicom._written", "for name in KEPT:", 'for name in (*KEPT, "PatientName"):'),
    Mutation("dicom._frames", "for number in range(0, count, every):", "for number in range(count):"),
    Mutation(
        "_values",
        "values.dtype.type(2 ** int(whole.BitsStored) - 1) - values",
        "np.iinfo(values.dtype).max - values",
    ),
    Mutation("_values", "            ~values\n", "            values\n"),
    Mutation("dicom._written", "_rescale(whole, number or 0)", "_rescale(whole, 0)"),
    Mutation(
        "dicom._parts",
        "size = get_expected_length(whole) // count",
        "size = get_expected_length(whole) // count - 1",
    ),
    Mutation("_representation", 'return given if given in ("OB", "OW") else', "return"),
    Mutation("dicom._refuse", "if not burnt_in and", "if False and"),
    Mutation("dicom._are_channels", "return channels == count > 1 and grey", "return False"),
    Mutation("narrowed", "if (values == np.rint(values)).all():", "if True:"),
    Mutation("narrowed", "np.iinfo(kind).min <= low and high <= np.iinfo(kind).max", "True"),
    Mutation("_patient", "/{name}'.encode()", "'.encode()"),
    Mutation("ImageReader.rows", 'one.group or ("" if one.number is None else delivery)', "one.group", DICOM),
    Mutation(
        "ImageReader.rows",
        'yield TableSample(f"{delivery}@{number}", data, group=delivery)\n        else',
        "return\n        else",
    ),
    Mutation("ImageReader._read", "if size > most:", "if False:"),
    Mutation("ImageReader.mended", "return decodes(reason) or any(", "return any(", DICOM),
    Mutation("Growing.__init__", "if not any(map(mended, record.quarantined))", "if True", INGEST),
    Mutation("Inbox.items", "group=told.group or group", "group=group", INGEST),
    Mutation("_deliver", "not in claimed | several.keys()", "not in claimed", INGEST),
    Mutation("checked_files.begins_like", 'return "several"', "return None", INGEST),
]
