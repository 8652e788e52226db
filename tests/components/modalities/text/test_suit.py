import yaml

from components.modalities.text.config import TextConfig
from components.modalities.text.suit import TextLook


def look(texts, config=TextConfig()):  # noqa: B008
    found = TextLook(config)
    return found, found.add(texts)


def test_what_is_bad_is_not_counted():
    found, reasons = look([b"one two", b"", b"a\0", b"one two three four"])
    assert reasons == [None, "empty", "not text: NUL bytes", None]
    assert found.good == 2
    assert found.lines() == ["2 to 4 words, median 3, 95 % at most 3"]


def test_mails_and_other_encodings_are_named():
    found, _ = look([b"Subject: a\nFrom: b\n\nc d", "ü".encode("latin-1"), b"x"])
    assert found.lines()[1:] == [
        "1 text is mail: the subject and the text of the body are used",
        "1 text neither UTF-8 nor UTF-16: read as Windows-1252",
    ]


def test_length_holds_nearly_all_texts():
    for words, length in ((3, 16), (20, 32), (60, 80), (1000, 256)):
        found, _ = look([b"word " * words] * 5)
        assert found.length() == length, words


def test_punctuation_counts_in_the_length():
    """`os.path.join(a_b)` is one word between blanks, and ten of the vocabulary: os . path . join ( a _ b )."""
    found, _ = look([b"os.path.join(a_b) " * 6] * 5)
    assert found.most_parts == 60
    assert found.length() == 80
    assert "60 words and punctuation marks" in found.suited(1000).why


def test_the_vocabulary_follows_the_amount():
    found, _ = look([b"word " * 10] * 5)
    for samples, size in ((100, 512), (2**12, 2048), (10**6, 8192)):
        assert found.vocabulary(samples) == size, samples


def test_what_is_written_is_a_recipes_modality():
    found, _ = look([b"a text of words", b"another one"], TextConfig(column="a: b", accents=False, length=20))
    given = yaml.safe_load(found.suited(1000).modality)
    assert TextConfig.model_validate(given) == TextConfig(
        column="a: b", accents=False, length=20, vocabulary=512
    )


def test_equal_texts_teach_nothing():
    assert "the same text, 'a b'" in str(look([b"a b", b"a  b"])[0].useless)
    assert look([b"a b", b"c", b"a b"])[0].useless is None
    assert look([b"a b"])[0].useless is None
