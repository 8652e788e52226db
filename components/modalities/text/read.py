"""Which files, and which rows of tables, are texts."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from components.data.reader import Reader, TableSample
from components.modalities.text.check import check_texts
from components.modalities.text.config import TextConfig, TextLimits
from components.modalities.text.decode import NotText, decode


class TextReader(Reader):
    """Files of one text each, and tables with a column of texts."""

    noun = "texts"
    suffixes = frozenset({".txt", ".md", ".eml"})

    def __init__(self, config: TextConfig, limits: TextLimits) -> None:
        self.column, self.limits, self.max_bytes = config.column.lower(), limits, limits.max_bytes
        self.wanted = (
            ".txt, .md or .eml files, folders of them, or tables (CSV, TSV, JSON lines, Parquet) with a column"
            f" `{config.column}`"
        )

    def begins_like(self, head: bytes) -> bool:
        """Whether the bytes decode, but for a character that the end of `head` may cut in two."""
        for end in range(min(4, len(head))):
            try:
                return bool(decode(head[: len(head) - end]).text)
            except NotText:
                continue
        return False

    def is_table(self, path: str, columns: set[str]) -> bool:
        return self.column in columns

    def rows(self, file: Path, delivery: str, source: str | None) -> Iterator[TableSample]:
        from components.data.tables import (  # pyarrow, 0.2 s that files need not wait for
            LABEL,
            NAMES,
            read_rows,
        )

        for number, row in enumerate(read_rows(file)):
            name = next((row[key] for key in NAMES if row.get(key)), "")
            label = next((row[key] for key in LABEL if key in row), "")
            yield TableSample(
                name or f"{delivery}#{number}",
                row[self.column].encode(),
                label,
                row.get(source.lower(), "") if source else "",
                row.get(self.group.lower(), "") if self.group else "",
            )

    def check(self, batch: Sequence[bytes]) -> list[str | None]:
        return check_texts(batch, self.limits)
