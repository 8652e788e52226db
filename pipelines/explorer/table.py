"""The table of an explorer: a Parquet file, a row a sample of the newest finished training.

id: of the sample. x, y: its place on the map (projection.py). split, label: of the snapshot, the label null where there
is none. cluster, pseudo_label, pseudo_confidence, kept: of the run of pseudo_label; null for test samples. class,
confidence, outlier_score, is_outlier, or whatever columns the task predicts: of the newest scores, null where a sample
has none. image: {bytes, path}, a PNG, where the kind of data is shown as one; text: what is shown of another kind;
both null beyond the first SHOWN samples.
"""

import base64
import html
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from components.errors import UserError
from components.files import write_atomically
from components.modalities.registry import packed_as
from pipelines.engine.artifact import Artifact
from pipelines.engine.context import Context
from pipelines.engine.store import read_manifest
from pipelines.explorer.projection import project
from pipelines.flows.due import newest
from pipelines.pages.sources import Sources
from pipelines.settings import Settings

READ = ("snapshot", "embed", "pseudo_label", "finetune", "evaluate")
SIDE = 48  # pixels of a thumbnail's longer side
SHOWN = 50_000  # samples that are shown, the first in order of id; the file grows by about 1.5 kB for each
TEXT = 2_000  # characters of a sample that is shown as text
LEFT_OUT = ("id", "name", "delivery", "probabilities")  # of the scores' columns
PICTURE = re.compile(r'src="data:image/png;base64,([A-Za-z0-9+/=]+)"')
IMAGES = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
GROUP = 8_192  # rows written at once


def write_explorer(recipe: str, settings: Settings, say: Callable[[str], None], file: Path | None) -> Path:
    """Write the table of a recipe's newest finished training, HOME/explore/RECIPE.parquet unless `file` is given.

    Raises:
        UserError: no training of the recipe has finished; fewer than 4 samples.
    """
    context = Context(settings.store, settings, recipe)
    report = newest("report", recipe, settings.store)
    if report is None:
        raise UserError(
            "no-finished-training", f"{recipe} has no finished training: `selfsup run {recipe}` makes one"
        )
    given = read_manifest(report, settings.store).given
    sources = Sources({stage: given[stage] for stage in READ}, context)
    table, ids = sources.table, sources.table.ids.tolist()
    if len(ids) < 4:
        raise UserError(
            "no-samples", f"a map needs at least 4 samples, {recipe} has {len(ids)}; deliver more"
        )
    target = file or settings.home / "explore" / f"{recipe}.parquet"
    say(f"placing {len(ids):,} samples of {report}")
    features = np.load(sources.file("embed", "features"), mmap_mode="r")
    centred = np.asarray(features, dtype=np.float32) - np.load(sources.file("pseudo_label", "centre"))
    unit = centred / np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-12)
    places = project(unit, ids, _before(settings.home / "explore" / f"{recipe}.parquet"), seed=0)
    classes = sources.outputs["snapshot"]["classes"]
    columns = {
        "id": pa.array(ids, pa.string()),
        "x": pa.array(places[:, 0], pa.float32()),
        "y": pa.array(places[:, 1], pa.float32()),
        "split": pa.array(table.split.tolist(), pa.string()),
        "label": _labels(table, classes),
        **_pseudo_labels(sources),
        **_scores(recipe, ids, context),
    }
    target.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(target, lambda out: _write(out, pa.table(columns), sources))
    return target


def _before(file: Path) -> dict[str, tuple[float, float]]:
    """Id -> place, of the map that was written last."""
    try:
        rows = pq.read_table(file, columns=["id", "x", "y"]).to_pylist()
    except (OSError, pa.ArrowInvalid, KeyError):
        return {}
    return {row["id"]: (row["x"], row["y"]) for row in rows}


def _labels(table: Any, classes: list[str]) -> pa.Array:
    if table.target is not None:
        return pa.array(table.target, from_pandas=True)
    return pa.array(
        [classes[k] if 0 <= k < len(classes) else None for k in table.label.tolist()], pa.string()
    )


def _pseudo_labels(sources: Sources) -> dict[str, pa.Array]:
    """The columns of the pseudo-labels, for all rows of the table."""
    given, count = sources.given, len(sources.table.ids)
    rows = np.asarray(given["row"], dtype=np.int64)

    def column(name: str, kind: pa.DataType) -> pa.Array:
        values: list[Any] = [None] * count
        for row, value in zip(rows.tolist(), given[name], strict=True):
            values[row] = value
        return pa.array(values, kind)

    return {
        "cluster": column("cluster", pa.int64()),
        "pseudo_label": column("class", pa.string()),
        "pseudo_confidence": column("confidence", pa.float32()),
        "kept": column("kept", pa.bool_()),
    }


def _scores(recipe: str, ids: list[str], context: Context) -> dict[str, pa.Array]:
    """The columns of the newest scores; none where nothing was scored."""
    reference = newest("score", recipe, context.store)
    partitions = [] if reference is None else read_manifest(reference, context.store).output["partitions"]
    if reference is None or not partitions:
        return {}
    files = [context.file(reference, Artifact.model_validate(one["file"])) for one in partitions]
    scored = pa.concat_tables([pq.read_table(file) for file in files])
    place = {id: row for row, id in enumerate(scored["id"].to_pylist())}
    wanted = pa.array([place.get(id) for id in ids], pa.int64())
    return {
        name: scored[name].combine_chunks().take(wanted)
        for name in scored.column_names
        if name not in LEFT_OUT
    }


def _write(out: BinaryIO, columns: pa.Table, sources: Sources) -> None:
    """The columns and what is shown of each sample, GROUP rows at a time."""
    packed, packing = sources.samples.open(), sources.samples.packing
    modality, ids = packed_as(packing), sources.table.ids
    chosen = set(np.argsort(ids, kind="stable")[:SHOWN].tolist())
    schema = columns.schema.append(pa.field("image", IMAGES)).append(pa.field("text", pa.string()))
    with pq.ParquetWriter(out, schema, compression="zstd") as writer:
        for low in range(0, len(columns), GROUP):
            part = columns.slice(low, GROUP)
            rows = range(low, low + len(part))
            shown = [modality.show(packed.row(row), packing, SIDE) if row in chosen else "" for row in rows]
            pictures, texts = zip(*map(_seen, shown), strict=True)
            part = part.append_column("image", pa.array(pictures, IMAGES))
            writer.write_table(part.append_column("text", pa.array(texts, pa.string())))


def _seen(shown: str) -> tuple[dict[str, Any] | None, str | None]:
    """A sample's HTML as a picture or as text."""
    if found := PICTURE.search(shown):
        return {"bytes": base64.b64decode(found[1]), "path": None}, None
    text = html.unescape(re.sub(r"<[^>]*>", " ", shown))
    return None, re.sub(r"\s+", " ", text).strip()[:TEXT] or None


def page_command(file: Path) -> list[str]:
    """The command that opens the table in embedding-atlas (MIT), an extra of selfsup."""
    first = pq.ParquetFile(file).read_row_group(0, columns=["image"])["image"]
    by = ["--image", "image"] if first.null_count < len(first) else ["--text", "text"]
    return ["embedding-atlas", os.fspath(file), "--x", "x", "--y", "y", *by, "--host", "127.0.0.1"]
