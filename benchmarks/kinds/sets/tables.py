"""Films, customers and segments of images."""

import csv
import io
import lzma
import sqlite3
import sys
import warnings
import zipfile
from pathlib import Path
from typing import Any

from benchmarks.kinds.data_set import DataSet, Samples, finished
from benchmarks.unseen.packages import Package

BOKEH = Package("PyPI", "bokeh-sampledata", "bokeh_sampledata/_data/movies.db")
RIVER = Package("PyPI", "river", "river/datasets/segment.csv.zip")
MODELDATA = Package("Debian", "r-cran-modeldata", "usr/lib/R/site-library/modeldata/data/Rdata.rdb")
RDATA = (Package("PyPI", "rdata", "rdata/__init__.py"), Package("PyPI", "xarray", "xarray/__init__.py"))
GENRES = frozenset({"Action", "Comedy", "Documentary", "Drama", "Horror"})
FILMS = """
    SELECT o.Genre, o.Year, o.Rating AS rated, o.Runtime, o.Released, o.Metacritic, o.imdbRating, o.imdbVotes,
        o.Language, o.Country, o.Oscars, t.Rating AS critics, t.Meter, t.Reviews, t.Fresh, t.userMeter, t.userRating,
        t.userReviews, t.BoxOffice, t.Production
    FROM omdb o LEFT JOIN tomatoes t ON o.ID = t.ID ORDER BY o.ID
"""


def films(folder: Path) -> Samples:
    with sqlite3.connect(f"file:{BOKEH.path(folder)}?mode=ro", uri=True) as base:
        cursor = base.execute(FILMS)
        columns = [name for name, *_ in cursor.description]
        rows = [(GENRES & set((row[0] or "").split(", ")), row[1:]) for row in cursor]
    rows = [(genres, row) for genres, row in rows if len(genres) == 1]
    cells = zip(*([_text(value) for value in row] for _, row in rows), strict=True)
    names = [next(iter(genres)) for genres, _ in rows]
    return finished(
        {name.lower(): list(values) for name, values in zip(columns[1:], cells, strict=True)},
        names,
        test=3_000,
    )


def customers(folder: Path) -> Samples:
    sys.path.append(str(folder / "pypi"))  # after the project's own packages
    import rdata

    def read(data: bytes) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # a tibble is read as the data frame that it is
            return rdata.conversion.convert(rdata.parser.parse_data(data, extension=".rds"))

    base = MODELDATA.path(folder)
    index = read(base.with_suffix(".rdx").read_bytes())
    start, size = (int(number) for number in index["variables"]["mlc_churn"])
    packed = base.read_bytes()[start : start + size]
    assert packed[4:5] == b"Z", "R packs its data by LZMA: four bytes of size, Z, a raw stream"
    raw = lzma.decompress(packed[5:], lzma.FORMAT_RAW, filters=[{"id": lzma.FILTER_LZMA2}])
    frame = read(raw)
    names = frame.pop("churn").astype(str).tolist()
    columns = {str(name): [_text(value) for value in frame[name].tolist()] for name in frame.columns}
    return finished(columns, names, test=1_500)


def segments(folder: Path) -> Samples:
    with zipfile.ZipFile(RIVER.path(folder)) as archive:
        rows = list(csv.reader(io.StringIO(archive.read(archive.namelist()[0]).decode())))
    head, *body = rows
    columns = dict(zip(head, map(list, zip(*body, strict=True)), strict=True))
    names = columns.pop("category")
    return finished(columns, names, test=700)


def _text(value: object) -> str:
    return "" if value is None or value != value else str(value)


TABLES = (
    DataSet(
        name="films",
        kind="table",
        licence="CC0-1.0 (OMDb, Rotten Tomatoes in bokeh-sampledata)",
        packages=(BOKEH,),
        build=films,
        task="Films with one of five genres, by year, ratings, votes and income; many gaps.",
        labels=100,
        balanced=False,
        needed=0.0,
    ),
    DataSet(
        name="customers",
        kind="table",
        licence="MIT (modeldata)",
        packages=(MODELDATA, *RDATA),
        build=customers,
        task="Customers of a telephone company who leave (14 %) or stay (mlc_churn).",
        labels=100,
        balanced=False,
        needed=0.0,
    ),
    DataSet(
        name="segments",
        kind="table",
        licence="BSD-3-Clause (river); UCI Image Segmentation",
        packages=(RIVER,),
        build=segments,
        task="Regions of outdoor images in seven classes, by position, colour and edges.",
        labels=100,
        balanced=False,
        needed=0.0,
    ),
)
