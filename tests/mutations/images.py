"""Errors in what becomes of an image: the decoder, the range of grey values, near-duplicates, a served batch."""

from tests.mutations.base import Mutation

FILE = ("tests/components/modalities/image/test_file.py",)
IMAGE = ("tests/components/modalities/image/test_pack.py",)
NEAR = ("tests/components/modalities/image/test_near_duplicates.py",)
SPLITS = ("tests/components/data/test_splits.py",)
SNAPSHOT = ("tests/pipelines/stages/snapshot/test_stage.py", "-k", "not dvcs")
MODEL = ("tests/components/registry/test_model.py",)
PIXELS = ("tests/pipelines/inference/test_pixels.py",)
VERDICT = ("tests/pipelines/registry/test_gate_checks.py",)

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
        "components/modalities/image/pack.py", "_header(out, (made.samples, *shape[1:]))", "pass", IMAGE
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
    Mutation("pipelines/stages/snapshot/stage.py", "group=groups(images)", "group=None", SNAPSHOT),
    Mutation("components/registry/model.py", "(set(rows) if any(errors) else set())", "set()", MODEL),
    Mutation(
        "components/registry/model.py",
        "next(place) if error is None else None",
        "0 if error is None else None",
        MODEL,
    ),
    Mutation("pipelines/inference/pixels.py", "None in ranges or", "True or", PIXELS),
]
