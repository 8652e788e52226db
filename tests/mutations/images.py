"""Errors in what becomes of an image: the decoder, the range of grey values, near-duplicates, a served batch."""

from tests.mutations.base import Mutation

FILE = ("tests/components/modalities/image/test_file.py",)
IMAGE = ("tests/components/modalities/image/test_pack.py",)
NEAR = ("tests/components/modalities/image/test_near_duplicates.py",)
SPLITS = ("tests/components/data/test_splits.py",)
SNAPSHOT = ("tests/pipelines/stages/snapshot/test_stage.py", "-k", "not dvcs")
MODEL = ("tests/components/registry/test_model.py",)
CONFIG = ("tests/components/modalities/image/test_config.py",)
MODALITY = ("tests/components/modalities/image/test_modality.py",)
READ = ("tests/components/modalities/image/test_read.py",)
SERVE = ("tests/components/modalities/image/test_serve.py",)
SHOW = ("tests/components/modalities/image/test_show.py",)
VIEWS = ("tests/components/modalities/image/test_views.py",)
BASE = ("tests/components/modalities/test_base.py",)
REGISTRY = ("tests/components/modalities/test_registry.py",)
SAMPLES = ("tests/components/modalities/test_samples.py",)
PLAIN = ("tests/components/encoders/test_baseline.py",)
ENCODER = ("tests/components/encoders/test_base.py",)
PACKED = ("tests/components/data/test_packed.py",)
SOURCE = ("tests/components/training/test_labelled_source.py",)
ONNX = ("tests/components/registry/test_onnx.py",)

MUTATIONS = [
    Mutation(
        "components/modalities/image/file.py",
        "    except Exception:  # a malformed",
        "    except KeyError:  # a malformed",
        FILE,
    ),
    Mutation(
        "components/modalities/image/file.py",
        "6: Image.Transpose.ROTATE_270",
        "6: Image.Transpose.ROTATE_90",
        FILE,
    ),
    Mutation(
        "components/modalities/image/file.py",
        "np.nanquantile(values, (0.001, 0.999))",
        "np.nanquantile(values, (0.0, 1.0))",
        FILE,
    ),
    Mutation(
        "components/modalities/image/file.py",
        "np.where(missing, values[~missing].mean(), values)",
        "np.where(missing, 0, values)",
        IMAGE,
    ),
    Mutation("components/modalities/image/pack.py", "if deep and config.range is None:", "if deep:", IMAGE),
    Mutation("components/modalities/image/pack.py", "config.range or found.limits", "found.limits", IMAGE),
    Mutation("components/modalities/image/pack.py", "float(s) if s >= CONSTANT else 1.0", "float(s)", IMAGE),
    Mutation(
        "components/modalities/image/pack.py",
        "write_header(out, np.uint8, (made.samples, *shape[1:]))",
        "pass",
        IMAGE,
    ),
    Mutation("components/modalities/image/near_duplicates.py", "& (contrast >= CONTRAST)", "", NEAR),
    Mutation(
        "components/modalities/image/near_duplicates.py",
        ".max(axis=(1, 2)) <= TOLERANCE",
        ".mean(axis=(1, 2)) <= TOLERANCE",
        NEAR,
    ),
    Mutation("components/modalities/image/near_duplicates.py", "parent[:] = first", "pass", NEAR),
    Mutation(
        "components/data/splits.py",
        '("train", "test"):  # the later',
        '("test", "train"):  # the later',
        SPLITS,
    ),
    Mutation("components/data/splits.py", "named.get(id, side[first])", "side[first]", SPLITS),
    Mutation("components/data/table.py", "rows = rows[~self._trained_on(rows)]", "pass", SNAPSHOT),
    Mutation("pipelines/stages/snapshot/stage.py", "left_out=packed.unreadable,", "", SNAPSHOT),
    Mutation(
        "pipelines/stages/snapshot/stage.py",
        "left_out=packed.unreadable, group=group",
        "left_out=packed.unreadable, group=None",
        SNAPSHOT,
    ),
    Mutation("components/registry/predictor.py", "(set(filled) if any(errors) else set())", "set()", MODEL),
    Mutation(
        "components/registry/predictor.py",
        "next(place) if error is None else None",
        "0 if error is None else None",
        MODEL,
    ),
    Mutation(
        "components/modalities/image/config.py", "None in (self.range, other.range) or", "True or", CONFIG
    ),
    Mutation("components/modalities/image/config.py", "None in (self.range, other.range) or ", "", CONFIG),
    Mutation("components/modalities/image/config.py", ', "range": self.range}', "}", CONFIG),
    Mutation("components/modalities/image/modality.py", "range=written.found", "range=None", MODALITY),
    Mutation(
        "components/modalities/image/modality.py",
        "pack.statistics(images, rows)",
        "pack.statistics(images, np.arange(len(images)))",
        MODALITY,
    ),
    Mutation(
        "components/modalities/image/modality.py",
        "packed.samples, packed.unreadable",
        "packed.samples, {}",
        MODALITY,
    ),
    Mutation("components/modalities/image/modality.py", "packing.channels)", "1)", MODALITY),
    Mutation("components/modalities/image/read.py", " and has_decoder(name)", "", READ),
    Mutation("components/modalities/image/read.py", "is_heif_or_avif(head)", "False", READ),
    Mutation("components/modalities/image/read.py", 'path.lower().endswith(".parquet") and ', "", READ),
    Mutation(
        "components/modalities/image/read.py",
        "parquet_samples(file, delivery, source, self.group)",
        "parquet_samples(file, delivery)",
        READ,
    ),
    Mutation("components/modalities/image/serve.py", "and values.max() <= 255", "", SERVE),
    Mutation("components/modalities/image/serve.py", "or given.shape[0] == channels)", ")", SERVE),
    Mutation(
        "components/modalities/image/serve.py", "image.transpose(1, 2, 0)", "image.transpose(2, 1, 0)", SERVE
    ),
    Mutation(
        "components/modalities/image/serve.py",
        "fitted(deep(image), packing.config)",
        "fitted(deep(image), packing.config.model_copy(update={'range': None}))",
        SERVE,
    ),
    Mutation("components/modalities/image/show.py", "(i // columns) * step", "(i // columns) * THUMB", SHOW),
    Mutation(
        "components/modalities/image/show.py",
        "Image.Resampling.NEAREST if",
        "Image.Resampling.LANCZOS if",
        SHOW,
    ),
    Mutation("components/modalities/image/views.py", "stored.float() / 255", "stored.float() / 256", VIEWS),
    Mutation(
        "components/modalities/image/views.py", "min(self.packing.size, 32)", "self.packing.size", VIEWS
    ),
    Mutation("components/modalities/base.py", "if column in names else names[0]", "", BASE),
    Mutation("components/modalities/base.py", " and len(names) != 1", "", BASE),
    Mutation(
        "components/modalities/registry.py",
        'modality.get("name") if isinstance(modality, dict) else ',
        "",
        REGISTRY,
    ),
    Mutation("components/modalities/samples.py", "self.open(rows)", "self.open()", SAMPLES),
    Mutation("components/encoders/baseline.py", "encoder.fit(", "list(", PLAIN),
    Mutation(
        "components/encoders/baseline.py", "if positions is None else torch.from_numpy(positions)", "", PLAIN
    ),
    Mutation(
        "components/encoders/__init__.py", "    accepts(config, packing)\n    return", "    return", ENCODER
    ),
    Mutation("components/encoders/joined.py", " and m.learnt", "", ENCODER),
    Mutation(
        "components/data/packed.py",
        "target[part] = self.array[asked[part]]",
        "target[part] = self.array[asked[part]].astype(np.uint8)",
        PACKED,
    ),
    Mutation("components/data/packed.py", "np.array(self.array[place])", "self.array[place]", PACKED),
    Mutation(
        "components/training/labelled_source.py",
        "self.maker.augment(clean[labelled:], self.strong[0], generator)",
        "self.maker.augment(stored[labelled:], self.strong[0], generator)",
        SOURCE,
    ),
    Mutation(
        "components/registry/onnx.py",
        "torch.arange(size) % len(view)",
        "torch.zeros(size, dtype=torch.int64)",
        ONNX,
    ),
]
