"""Texts to the numbers of pieces of words, with a vocabulary that is found in the texts themselves.

Source: the vocabulary is that of byte pair encoding (Sennrich et al. 2016, arXiv:1508.07909), trained by Hugging Face's
`tokenizers`; a word is cut into the longest piece that the vocabulary holds, then the longest of what is left
(WordPiece: Wu et al. 2016, arXiv:1609.08144, section 4.1). So the pieces in order are all there is to know: no table
of merges has to be kept.
Differs: a piece that begins a word is marked (by ▁), not one that continues it: with the mark of WordPiece, the
library numbers pieces by the order of a hash table, and two trainings on the same texts differ.
Letters: V pieces, n tokens of a text.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

from components.arrays import Bools
from components.errors import UserError
from components.modalities.text.config import TextPacking
from components.modalities.text.packed import Tokens

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
PAD, UNK, CLS, SEP, MASK = range(len(SPECIAL))
BEGINS = "▁"  # marks a piece that begins a word
LONGEST = 100  # characters of a word; a longer one is unknown
RULER = re.compile(r"([^\w\s])\1{3,}")
READ = 64  # characters of a text that are read for each token that is used of it; what follows is cut off


class PieceTokenizer:
    """The tokenizer of one vocabulary. Picklable is its packing, not this."""

    def __init__(
        self, vocabulary: Sequence[str], length: int, lower: bool = True, accents: bool = True
    ) -> None:
        self.length, self.lower, self.accents = length, lower, accents
        pieces = {piece: number for number, piece in enumerate(vocabulary)}
        self.model = Tokenizer(
            models.WordPiece(
                pieces, unk_token=SPECIAL[UNK], continuing_subword_prefix="", max_input_chars_per_word=LONGEST
            )
        )
        _split(self.model)

    def encode(self, texts: Sequence[str]) -> list[Tokens]:
        """Decoded texts -> the tokens of each, [n] with n from 1 to `length`; the first is CLS."""
        cut = [_prepared(text[: READ * self.length], self.lower, self.accents) for text in texts]
        found = self.model.encode_batch_fast(cut, add_special_tokens=False)
        return [np.array([CLS, *one.ids[: self.length - 1]], dtype=np.int32) for one in found]

    def is_cut(self, text: str, tokens: Tokens) -> bool:
        """Whether tokens may be missing at the end."""
        return len(tokens) == self.length or len(text) > READ * self.length


@lru_cache(maxsize=4)  # a served model asks for the same one with each request
def tokenizer_of(packing: TextPacking) -> PieceTokenizer:
    return PieceTokenizer(packing.vocabulary, packing.length, packing.read_as.lower, packing.read_as.accents)


def learn_vocabulary(
    texts: Iterable[str], size: int, lower: bool = True, accents: bool = True
) -> tuple[str, ...]:
    """At most `size` pieces, found in decoded texts: the same texts in the same order give the same pieces.

    Half of them at most are single characters: the most frequent ones, of those that occur twice. A word with another
    one is unknown.
    """
    kept = [_prepared(text, lower, accents) for text in texts]
    counts = Counter[str]()
    for text in kept:
        counts.update(text)
    frequent = sorted((c for c in counts if counts[c] > 1 and not c.isspace()), key=lambda c: (-counts[c], c))
    rare = dict.fromkeys((ord(c) for c in counts.keys() - set(frequent[: size // 2])), " ")
    model = Tokenizer(models.BPE(unk_token=SPECIAL[UNK]))
    _split(model)
    trainer = trainers.BpeTrainer(
        vocab_size=size, min_frequency=2, special_tokens=list(SPECIAL), show_progress=False
    )
    model.train_from_iterator((text.translate(rare) for text in kept), trainer)
    numbers = model.get_vocab()
    return tuple(sorted(numbers, key=numbers.__getitem__))


def read_vocabulary(file: Path) -> tuple[str, ...]:
    """The pieces of a vocab.txt, in its order but for the special ones, which come first, and with a mark on those that
    begin a word: "##ing" becomes "ing", "the" becomes "▁the".

    Raises:
        UserError: it cannot be read, or is no such file.
    """
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(
            "vocabulary-invalid",
            f"modality.vocabulary_file: {file} cannot be read ({error!s:.80}); name a vocab.txt",
        ) from None
    plain = [line for line in lines if line not in SPECIAL]
    if len(lines) != len(set(lines)) or len(lines) - len(plain) != len(SPECIAL):
        raise UserError(
            "vocabulary-invalid",
            f"modality.vocabulary_file: {file} must hold each piece once, {', '.join(SPECIAL)} among them; it has"
            f" {len(lines)} lines, {len(set(lines))} distinct",
        )
    return (
        *SPECIAL,
        *(line[2:] if line.startswith("##") and line != "##" else f"{BEGINS}{line}" for line in plain),
    )


def begins_word(vocabulary: Sequence[str]) -> Bools:
    """[V] whether a piece begins a word; special ones do, each a word of its own."""
    return np.array(
        [number < len(SPECIAL) or piece.startswith(BEGINS) for number, piece in enumerate(vocabulary)]
    )


def words(tokens: Sequence[int], vocabulary: Sequence[str]) -> list[str]:
    """The words that the tokens were made of, without padding, CLS, SEP and MASK; one that is unknown is [UNK]."""
    found = list[str]()
    for token in tokens:
        piece = vocabulary[token]
        if token >= len(SPECIAL) and not piece.startswith(BEGINS) and found:
            found[-1] += piece
        elif token == UNK or token >= len(SPECIAL):
            found.append(piece.removeprefix(BEGINS))
    return found


def _prepared(text: str, lower: bool, accents: bool) -> str:
    """A ruler of equal marks ("--------") is cut to three of them."""
    text = RULER.sub(r"\1\1\1", text.replace(BEGINS, " "))
    text = text.lower() if lower else text
    return text if accents or text.isascii() else without_accents(text)


def without_accents(text: str) -> str:
    """Ångström -> Angstrom."""
    return "".join(c for c in unicodedata.normalize("NFD", text) if unicodedata.category(c) != "Mn")


def _split(model: Tokenizer) -> None:
    """Words end at blanks; punctuation marks and Chinese characters are words of their own."""
    model.normalizer = normalizers.BertNormalizer(
        clean_text=False, handle_chinese_chars=True, strip_accents=False, lowercase=False
    )
    model.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.BertPreTokenizer(), pre_tokenizers.Metaspace(prepend_scheme="always", split=False)]
    )
