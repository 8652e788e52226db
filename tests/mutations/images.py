"""Errors in what becomes of an image: the decoder, the range of grey values, near-duplicates, a served batch."""

from tests.mutations.base import Mutation

IMAGE = ("tests/components/modalities/image/test_pack.py",)
SNAPSHOT = ("tests/pipelines/stages/snapshot/test_stage.py", "-k", "not dvcs")
MODEL = ("tests/components/registry/test_model.py",)
ENCODER = ("tests/components/encoders/test_base.py",)

MUTATIONS = [
    Mutation("_orientation", "    except Exception:  # a malformed", "    except KeyError:  # a malformed"),
    Mutation("image.file", "6: Image.Transpose.ROTATE_270", "6: Image.Transpose.ROTATE_90"),
    Mutation("file.ends", "np.nanquantile(values, (0.001, 0.999))", "np.nanquantile(values, (0.0, 1.0))"),
    Mutation(
        "stretched",
        "np.where(missing, values[~missing].mean(), values)",
        "np.where(missing, 0, values)",
        IMAGE,
    ),
    Mutation("pack.pack", "if deep and config.range is None:", "if deep:"),
    Mutation("pack.fitted", "config.range or found.limits", "found.limits"),
    Mutation("image.pack.statistics", "float(s) if s >= CONSTANT else 1.0", "float(s)"),
    Mutation("pack.pack", "write_header(out, np.uint8, (made.samples, *shape[1:]))", "pass"),
    Mutation("image.near_duplicates._near", "& (contrast >= CONTRAST)", ""),
    Mutation(
        "image.near_duplicates._near", ".max(axis=(1, 2)) <= TOLERANCE", ".mean(axis=(1, 2)) <= TOLERANCE"
    ),
    Mutation("image.near_duplicates.groups", "parent[:] = first", "pass"),
    Mutation("splits_of", '("train", "test"):  # the later', '("test", "train"):  # the later'),
    Mutation("splits_of", "named.get(id, side[first])", "side[first]"),
    Mutation("Table.test_rows", "rows = rows[~self._trained_on(rows)]", "pass", SNAPSHOT),
    Mutation("snapshot.stage.run", "left_out=packed.unreadable,", "", SNAPSHOT),
    Mutation(
        "snapshot.stage.run",
        "left_out=packed.unreadable, group=modality.near_duplicates(files)",
        "left_out=packed.unreadable, group=None",
        SNAPSHOT,
    ),
    Mutation("Predictor.predict", "(set(filled) if any(errors) else set())", "set()", MODEL),
    Mutation(
        "Predictor.predict", "next(place) if error is None else None", "0 if error is None else None", MODEL
    ),
    Mutation("ImagePacking.reads", "None in (self.range, other.range) or", "True or"),
    Mutation("ImagePacking.reads", "None in (self.range, other.range) or ", ""),
    Mutation("ImagePacking.config", "range=self.range, ", ""),
    Mutation("Images.packing", "range=written.found", "range=None"),
    Mutation(
        "Images.packing", "pack.statistics(images, rows)", "pack.statistics(images, np.arange(len(images)))"
    ),
    Mutation("Images.pack", "packed.samples, packed.unreadable", "packed.samples, {}"),
    Mutation("Images.values", "packing.channels)", "1)"),
    Mutation("ImageReader.mended", " and has_decoder(name)", ""),
    Mutation("ImageReader.begins_like", "is_heif_or_avif(head)", "False"),
    Mutation("ImageReader.is_table", 'path.lower().endswith(".parquet") and ', ""),
    Mutation(
        "ImageReader._rows_of_table",
        "parquet_samples(file, delivery, source, self.group)",
        "parquet_samples(file, delivery)",
    ),
    Mutation("serve.raw", "and values.max() <= 255", ""),
    Mutation("images_of", "or given.shape[0] == channels)", ")"),
    Mutation("encode_png", "image.transpose(1, 2, 0)", "image.transpose(2, 1, 0)"),
    Mutation(
        "pixels_of",
        "fitted(deep(image), packing.config)",
        "fitted(deep(image), packing.config.model_copy(update={'range': None}))",
    ),
    Mutation("show.sheet", "(i // columns) * step", "(i // columns) * THUMB"),
    Mutation("thumbnail", "Image.Resampling.NEAREST if", "Image.Resampling.LANCZOS if"),
    Mutation("ImageViews.clean", "stored.float() / 255", "stored.float() / 256"),
    Mutation("ImageViews.baseline", "min(self.packing.size, 32)", "self.packing.size"),
    Mutation("in_column", "if column in names else names[0]", ""),
    Mutation("in_column", " and len(names) != 1", ""),
    Mutation("limits_for", 'modality.get("name") if isinstance(modality, dict) else ', ""),
    Mutation("samples.Samples.clean", "self.open(rows)", "self.open()"),
    Mutation("baseline_encoder", "encoder.fit(", "list("),
    Mutation("baseline_features", "if positions is None else torch.from_numpy(positions)", ""),
    Mutation("build_encoder", "    accepts(config, packing)\n    return", "    return", ENCODER),
    Mutation("Joined.embedding_dim", " and m.learnt", "", ENCODER),
    Mutation(
        "PackedArray.gather",
        "target[part] = self.array[asked[part]]",
        "target[part] = self.array[asked[part]].astype(np.uint8)",
    ),
    Mutation("PackedArray.row", "np.array(self.array[place])", "self.array[place]"),
    Mutation(
        "LabelledSource.batch",
        "self.maker.augment(clean[labelled:], self.strong[0], generator)",
        "self.maker.augment(stored[labelled:], self.strong[0], generator)",
    ),
    Mutation("onnx._batch", "torch.arange(size) % len(view)", "torch.zeros(size, dtype=torch.int64)"),
]
