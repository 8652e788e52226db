"""Texts to tokens, once: one flat array and where each text begins in it; and batches out of these.

Letters: N texts, M rows in use, B texts of a batch, T tokens of the longest of a batch, n tokens of a text.
"""

import itertools
import mmap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch
from torch import Tensor

from components.arrays import Ints
from components.errors import UserError
from components.modalities.base import Packed, Written
from components.modalities.text.config import TextConfig, TextPacking
from components.modalities.text.decode import FOREIGN, NotText, decode
from components.modalities.text.tokenizer import PAD, Tokens, learn_vocabulary, tokenizer_of
from components.wording import are, counted

TOKENS, OFFSETS = "tokens", "offsets"
FILES = {TOKENS: "tokens.npy", OFFSETS: "offsets.npy"}
LEARNT_FROM = 50_000  # texts that the vocabulary is found in, evenly spread
LEARNT_CHARS = 2_000  # characters of each of them
MAPPED = 128 << 20  # bytes of the tokens that may be mapped at a time
PAGE = 4096


class PackedTexts(Packed):
    """tokens: int32, all texts one after another. offsets: [N + 1] int64, where they begin and the last one ends."""

    def __init__(self, tokens: Tokens, offsets: Ints, rows: Ints | None = None) -> None:
        self.tokens, self.offsets = tokens, offsets
        self.rows = np.arange(len(offsets) - 1) if rows is None else np.asarray(rows, dtype=np.int64)
        self._mapping, self._touched = _mapping(tokens), 0

    def gather(self, index: Tensor, *, pin: bool = False) -> Tensor:
        """[B] -> [B, T] int64, 0 behind the end of a text."""
        rows = self.rows[index.numpy()]
        begin = np.asarray(self.offsets[rows])
        lengths = np.asarray(self.offsets[rows + 1]) - begin
        out = torch.zeros(
            (len(rows), int(lengths.max(initial=1))), dtype=torch.int64, pin_memory=pin
        )
        self._release(len(rows) * 2 * PAGE + 4 * int(lengths.sum()))
        place = np.arange(out.shape[1])
        inside = place < lengths[:, None]
        out.numpy()[inside] = self.tokens[(begin[:, None] + place)[inside]]
        return out

    def select(self, rows: Ints) -> "PackedTexts":
        return PackedTexts(self.tokens, self.offsets, rows)

    def _release(self, coming: int) -> None:
        """Give mapped pages back where those that the next read maps would pass the budget."""
        if self._mapping is None or len(self._mapping) <= MAPPED:
            return
        if self._touched + coming > MAPPED:
            self._mapping.madvise(mmap.MADV_DONTNEED)
            self._touched = 0
        self._touched += coming


def open_texts(files: Mapping[str, Path], rows: Ints | None = None) -> PackedTexts:
    """Map what `pack_texts` wrote; rows=None takes all N texts."""
    return PackedTexts(np.load(files[TOKENS], mmap_mode="r"), np.load(files[OFFSETS], mmap_mode="r"), rows)


def pack_texts(
    encoded: Callable[[], Iterable[Sequence[Any]]],
    total: int,
    folder: Path,
    config: TextConfig,
    before: TextPacking | None,
    progress: Callable[[float], None],
) -> Written:
    """See Modality.pack. Two passes where there is no packing before: the first finds the vocabulary."""
    packing = before
    if packing is None:
        vocabulary = learn_vocabulary(_spread(encoded(), total), config.vocabulary, config.lower)
        packing = TextPacking(config=config, vocabulary=vocabulary)
    writer = _Writer(packing)
    with (folder / FILES[TOKENS]).open("wb") as tokens, (folder / FILES[OFFSETS]).open("wb") as offsets:
        _header(tokens, np.int32, total * config.length)
        _header(offsets, np.int64, total + 1)
        offsets.write(np.zeros(1, np.int64).tobytes())
        for batch in encoded():
            rows = writer.rows(batch)
            ends = writer.end + np.cumsum([len(row) for row in rows], dtype=np.int64)
            tokens.write(b"".join(row.tobytes() for row in rows))
            offsets.write(ends.tobytes())
            writer.end = int(ends[-1]) if len(ends) else writer.end
            progress(writer.seen / max(1, total))
        assert writer.seen == total, f"{total} samples announced, {writer.seen} came"
        _header(tokens, np.int32, writer.end)
        _header(offsets, np.int64, writer.written.samples + 1)
    writer.written.found = packing.vocabulary
    writer.written.notes = writer.notes()
    return writer.written


def packing_of(config: TextConfig, vocabulary: tuple[str, ...], packed: PackedTexts) -> TextPacking:
    """What training must know, from the texts that are trained on.

    Raises:
        UserError: all of them are the same.
    """
    found = iter(_texts(packed))
    first = next(found, None)
    if first is not None and len(packed) > 1 and all(np.array_equal(first, other) for other in found):
        raise UserError(
            f"all {len(packed)} training samples are the same text: samples that differ are required; look at the"
            " files in the inbox"
        )
    return TextPacking(config=config, vocabulary=vocabulary)


def padded(rows: Sequence[np.ndarray[Any, Any]]) -> Tensor:
    """Rows of tokens [n] -> [B, T] int64, padded with 0."""
    out = torch.full((len(rows), max((len(row) for row in rows), default=1)), PAD)
    for number, row in enumerate(rows):
        out[number, : len(row)] = torch.from_numpy(row.astype(np.int64))
    return out


class _Writer:
    """Batches of samples -> rows of tokens, and what was seen of them. end: tokens written so far."""

    def __init__(self, packing: TextPacking) -> None:
        self.tokenizer = tokenizer_of(packing)
        self.written = Written(files=dict(FILES))
        self.seen = self.end = self.cut = self.foreign = self.mails = 0

    def rows(self, batch: Sequence[Any]) -> list[Tokens]:
        found: list[Tokens | None] = [None] * len(batch)
        texts: dict[int, str] = {}
        for number, sample in enumerate(batch):
            if isinstance(sample, np.ndarray):
                found[number] = sample.astype(np.int32)
                self.cut += len(sample) == self.tokenizer.length
                continue
            try:
                text = decode(sample)
            except NotText as error:
                self.written.unreadable[self.seen + number] = str(error)
                continue
            texts[number] = text.text
            self.foreign += text.encoding == FOREIGN
            self.mails += text.mail
        for (number, text), tokens in zip(texts.items(), self.tokenizer.encode(list(texts.values())), strict=True):
            found[number] = tokens
            self.cut += self.tokenizer.is_cut(text, tokens)
        self.seen += len(batch)
        rows = [row for row in found if row is not None]
        self.written.samples += len(rows)
        return rows

    def notes(self) -> list[str]:
        notes, samples = list[str](), max(1, self.written.samples)
        if self.cut:
            notes.append(
                f"{100 * self.cut / samples:.0f} % of the texts reach {self.tokenizer.length} tokens"
                " (modality.length) and are cut there"
            )
        if self.foreign:
            notes.append(
                f"{counted(self.foreign, 'text')} {are(self.foreign)} neither UTF-8 nor UTF-16 and"
                f" {are(self.foreign, 'was', 'were')} read as Windows-1252"
            )
        if self.mails:
            notes.append(f"of {counted(self.mails, 'mail')} the subject and the text of the body are used")
        return notes


def _spread(batches: Iterable[Sequence[Any]], total: int) -> Iterator[str]:
    """The beginnings of LEARNT_FROM of the texts at most."""
    step = max(1, -(-total // LEARNT_FROM))
    for sample in itertools.islice(itertools.chain.from_iterable(batches), 0, None, step):
        assert isinstance(sample, bytes), "rows of an earlier snapshot come with its packing"
        try:
            yield decode(sample).text[:LEARNT_CHARS]
        except NotText:
            continue


def _texts(packed: PackedTexts) -> Iterator[Tokens]:
    for row in packed.rows:
        yield packed.tokens[packed.offsets[row] : packed.offsets[row + 1]]


def _header(out: BinaryIO, kind: type[np.generic], count: int) -> None:
    """Of equal length whatever the count: numpy leaves room for it to grow."""
    out.seek(0)
    header = {"descr": np.dtype(kind).str, "fortran_order": False, "shape": (count,)}
    np.lib.format.write_array_header_1_0(out, header)


def _mapping(array: Any) -> mmap.mmap | None:
    while array is not None and not isinstance(array, mmap.mmap):
        array = getattr(array, "base", None)
    return array
