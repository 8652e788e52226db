import subprocess
import sys

import numpy as np
import pytest

from components.errors import UserError
from components.modalities.text.tokenizer import (
    CLS,
    MASK,
    PAD,
    SPECIAL,
    UNK,
    PieceTokenizer,
    begins_word,
    learn_vocabulary,
    read_vocabulary,
    tokenizer_of,
    without_accents,
    words,
)  # fmt: skip
from tests.components.modalities.text.toys import VOCABULARY, packing, sentences

LEARN = """
import sys, hashlib
sys.path.insert(0, sys.argv[1])
from components.modalities.text.tokenizer import learn_vocabulary
from tests.components.modalities.text.toys import sentences
texts = [s.decode() for s in sentences(300)]
print(hashlib.sha256("|".join(learn_vocabulary(texts, 150, True)).encode()).hexdigest())
"""


def greedy(word, vocabulary):
    """The longest piece first, by the definition."""
    pieces, rest, known = [], f"▁{word}", set(vocabulary)
    while rest:
        size = next((n for n in range(len(rest), 0, -1) if rest[:n] in known), 0)
        if not size:
            return ["[UNK]"]
        pieces.append(rest[:size])
        rest = rest[size:]
    return pieces


@pytest.fixture
def tokenizer():
    return PieceTokenizer(VOCABULARY, 16, lower=True)


def pieces(tokenizer, text):
    (found,) = tokenizer.encode([text])
    return [VOCABULARY[token] for token in found]


def test_the_longest_pieces_of_each_word(tokenizer):
    assert pieces(tokenizer, "The cats sat, sitting") == [
        "[CLS]", "▁the", "▁cat", "s", "▁sat", "[UNK]", "▁", "s", "i", "t", "ting",
    ]  # fmt: skip
    for word in ("dogs", "run", "seat", "satting", "theta"):
        assert pieces(tokenizer, word)[1:] == greedy(word, VOCABULARY)


def test_special_numbers():
    assert (PAD, UNK, CLS, MASK) == (0, 1, 2, 4)
    assert SPECIAL == ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


def test_names_of_special_pieces_in_a_text_are_no_special_pieces(tokenizer):
    assert MASK not in tokenizer.encode(["[MASK] [PAD] ▁the"])[0]
    assert PAD not in tokenizer.encode(["[MASK] [PAD] ▁the"])[0]


def test_the_mark_of_a_beginning_is_a_blank_in_a_text(tokenizer):
    assert pieces(tokenizer, "cat▁東") == ["[CLS]", "▁cat", "[UNK]"]


def test_capital_letters_count_only_where_they_are_meant_to():
    loud = PieceTokenizer(VOCABULARY, 16, lower=False)
    assert pieces(loud, "THE the") == ["[CLS]", "[UNK]", "▁the"]


def test_the_first_tokens_are_used_and_the_rest_is_cut(tokenizer):
    (found,) = tokenizer.encode(["cat " * 40])
    assert len(found) == 16
    assert tokenizer.is_cut("cat " * 40, found)
    (short,) = tokenizer.encode(["cat dog"])
    assert not tokenizer.is_cut("cat dog", short)
    junk = "q" * 2000 + " cat"  # one word, unknown, and longer than what is read
    (found,) = tokenizer.encode([junk])
    assert found.tolist() == [CLS, UNK]
    assert tokenizer.is_cut(junk, found)


def test_rulers_are_short(tokenizer):
    assert pieces(tokenizer, "----------") == pieces(tokenizer, "---")
    assert pieces(tokenizer, "sssss") != pieces(tokenizer, "sss")


def test_texts_do_not_depend_on_their_neighbours(tokenizer):
    texts = ["the cat", "dogs ran and ran", "x", "sitting"]
    alone = [tokenizer.encode([text])[0] for text in texts]
    assert all(map(np.array_equal, tokenizer.encode(texts), alone))
    assert all(row.dtype == np.int32 for row in alone)


def test_a_vocabulary_begins_with_the_special_pieces_and_is_no_larger_than_asked():
    texts = [s.decode() for s in sentences(300)]
    found = learn_vocabulary(texts, 150, lower=True)
    assert found[: len(SPECIAL)] == SPECIAL
    assert len(found) <= 150
    assert len(set(found)) == len(found)
    assert "▁the" in found
    tokens = PieceTokenizer(found, 64, lower=True).encode(texts)
    assert not any(UNK in row for row in tokens)


def test_frequent_words_are_pieces_of_their_own_and_rare_characters_are_unknown():
    texts = ["alpha beta"] * 50 + ["omega ω"]
    found = learn_vocabulary(texts, 200, lower=True)
    assert {"▁alpha", "▁beta"} <= set(found)
    assert not any("ω" in piece for piece in found)
    assert UNK in PieceTokenizer(found, 16, lower=True).encode(["ω"])[0]


def test_characters_take_half_of_the_vocabulary_at_most():
    texts = [
        "".join(chr(0x4E00 + 37 * k % 5000) for k in range(start, start + 50)) for start in range(0, 2000, 9)
    ]
    found = learn_vocabulary(texts, 200, lower=True)
    singles = [piece for piece in found[len(SPECIAL) :] if len(piece.removeprefix("▁")) == 1]
    assert len(found) <= 200
    assert len([c for c in {piece.removeprefix("▁") for piece in singles} if c]) <= 100


def test_the_same_texts_give_the_same_pieces_in_any_process(pytestconfig):
    root = str(pytestconfig.rootpath)
    made = {
        subprocess.run([sys.executable, "-c", LEARN, root], capture_output=True, text=True, check=True).stdout
        for _ in range(3)
    }
    assert len(made) == 1


def test_words_come_back(tokenizer):
    (found,) = tokenizer.encode(["the cats sat x!"])
    assert words(found.tolist(), VOCABULARY) == ["the", "cats", "sat", "x", "[UNK]"]
    assert words([CLS, MASK, 5 + 27, PAD], VOCABULARY) == ["the"]
    assert words([VOCABULARY.index("s")], VOCABULARY) == ["s"]  # what is left of a word


def test_which_pieces_begin_a_word():
    found = begins_word(VOCABULARY)
    assert [VOCABULARY[k] for k in np.flatnonzero(found)] == [
        *SPECIAL, "▁", "▁the", "▁cat", "▁dog", "▁sat", "▁ran",
    ]  # fmt: skip


def test_one_tokenizer_for_each_packing():
    assert tokenizer_of(packing()) is tokenizer_of(packing())
    assert tokenizer_of(packing()) is not tokenizer_of(packing(length=8))


def test_accents_go_where_a_published_model_has_none(tokenizer):
    plain = PieceTokenizer(VOCABULARY, 16, lower=True, accents=False)
    assert pieces(plain, "thé Cát") == ["[CLS]", "▁the", "▁cat"]
    assert pieces(tokenizer, "thé") == ["[CLS]", "[UNK]"]
    assert without_accents("Ångström") == "Angstrom"


def test_a_published_vocabulary(tmp_path):
    file = tmp_path / "vocab.txt"
    file.write_text(
        "[PAD]\n[unused0]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n!\nthe\nun\n##ing\n##!\n##\n", encoding="utf-8"
    )
    found = read_vocabulary(file)
    assert found == (*SPECIAL, "▁[unused0]", "▁!", "▁the", "▁un", "ing", "!", "▁##")
    tokens = PieceTokenizer(found, 16).encode(["Uning the unx!"])[0]
    assert [found[token] for token in tokens] == ["[CLS]", "▁un", "ing", "▁the", "[UNK]", "▁!"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("the\nun\n", "must hold each piece once"),
        ("[PAD]\n" * 2, "2 lines, 1 distinct"),
        (None, "cannot be read"),
    ],
)
def test_another_file_is_no_vocabulary(tmp_path, text, reason):
    file = tmp_path / "vocab.txt"
    if text is not None:
        file.write_text(text)
    with pytest.raises(UserError, match=reason):
        read_vocabulary(file)
