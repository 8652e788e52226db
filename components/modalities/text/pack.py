"""Texts to tokens, once: one flat array and where each text begins in it.

Letters: N texts, n tokens of a text.
"""

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from components.arrays import write_header
from components.errors import UserError
from components.modalities.base import Written
from components.modalities.text.config import TextConfig, TextPacking
from components.modalities.text.decode import FOREIGN, NotText, decode
from components.modalities.text.packed import OFFSETS, TOKENS, PackedTexts, Tokens
from components.modalities.text.tokenizer import learn_vocabulary, read_vocabulary, tokenizer_of
from components.wording import are, counted

FILES = {TOKENS: "tokens.npy", OFFSETS: "offsets.npy"}
LEARNT_FROM = 50_000  # texts that the vocabulary is found in, evenly spread
LEARNT_CHARS = 2_000  # characters of each of them


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
        packing = TextPacking(read_as=config, vocabulary=_vocabulary(encoded, total, config))
    writer = _Writer(packing)
    with (folder / FILES[TOKENS]).open("wb") as tokens, (folder / FILES[OFFSETS]).open("wb") as offsets:
        write_header(tokens, np.int32, (total * config.length,))
        write_header(offsets, np.int64, (total + 1,))
        offsets.write(np.zeros(1, np.int64).tobytes())
        for batch in encoded():
            rows = writer.rows(batch)
            ends = writer.end + np.cumsum([len(row) for row in rows], dtype=np.int64)
            tokens.write(b"".join(row.tobytes() for row in rows))
            offsets.write(ends.tobytes())
            writer.end = int(ends[-1]) if len(ends) else writer.end
            progress(writer.seen / max(1, total))
        assert writer.seen == total, f"{total} samples announced, {writer.seen} came"
        write_header(tokens, np.int32, (writer.end,))
        write_header(offsets, np.int64, (writer.written.samples + 1,))
    writer.written.found = packing.vocabulary
    writer.written.notes = writer.notes()
    return writer.written


def packing_of(config: TextConfig, vocabulary: tuple[str, ...], packed: PackedTexts) -> TextPacking:
    """What training must know, from the texts that are trained on.

    Raises:
        UserError: all of them are the same.
    """
    found = (packed.row(int(place)) for place in packed.rows)
    first = next(found, None)
    if first is not None and len(packed) > 1 and all(np.array_equal(first, other) for other in found):
        raise UserError(
            "samples-all-alike",
            f"all {len(packed)} training samples are the same text: samples that differ are required; look at the"
            " files in the inbox",
        )
    return TextPacking(read_as=config, vocabulary=vocabulary)


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
                read = decode(sample)
            except NotText as error:
                self.written.unreadable[self.seen + number] = str(error)
                continue
            texts[number] = read.text
            self.foreign += read.encoding == FOREIGN
            self.mails += read.mail
        for (number, text), tokens in zip(
            texts.items(), self.tokenizer.encode(list(texts.values())), strict=True
        ):
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


def _vocabulary(
    encoded: Callable[[], Iterable[Sequence[Any]]], total: int, config: TextConfig
) -> tuple[str, ...]:
    if config.vocabulary_file is not None:
        return read_vocabulary(Path(config.vocabulary_file))
    return learn_vocabulary(_spread(encoded(), total), config.vocabulary, config.lower, config.accents)


def _spread(batches: Iterable[Sequence[Any]], total: int) -> Iterator[str]:
    """The beginnings of LEARNT_FROM of the texts at most."""
    step = max(1, -(-total // LEARNT_FROM))
    for sample in itertools.islice(itertools.chain.from_iterable(batches), 0, None, step):
        assert isinstance(sample, bytes), "rows of an earlier snapshot come with its packing"
        try:
            yield decode(sample).text[:LEARNT_CHARS]
        except NotText:
            continue
