"""The data sets by name, in the order of the table."""

from benchmarks.kinds.data_set import DataSet
from benchmarks.kinds.sets.tables import TABLES
from benchmarks.kinds.sets.texts import TEXTS

SETS: dict[str, DataSet] = {one.name: one for one in (*TEXTS, *TABLES)}
