import pytest

from components.modalities.text.config import TextConfig
from components.modalities.text.modality import Texts
from components.modalities.text.serve import to_sample
from components.modalities.text.tokenizer import tokenizer_of
from tests.components.modalities.text.toys import packing


def test_text_and_bytes():
    assert to_sample("Grüße") == "Grüße".encode()
    assert to_sample(b"\xff\xfeG\0") == b"\xff\xfeG\0"
    assert to_sample(memoryview(b"ab")) == b"ab"
    assert to_sample("lone \ud800 surrogate") == b"lone ? surrogate"


@pytest.mark.parametrize("value", [3, None, ["a"], 1.5])
def test_anything_else_is_refused(value):
    with pytest.raises(ValueError, match=f"is required, got {type(value).__name__}"):
        to_sample(value)


def test_a_request_and_a_stored_row():
    texts, known = Texts(TextConfig()), packing()
    assert texts.values({"text": ["the cat", "dogs"]}, known) == ["the cat", "dogs"]
    assert texts.values("the cat", known) == ["the cat"]
    assert texts.request(["a"]) == {"text": ["a"]}
    row = texts.row_of("the cats", known)
    assert row.tolist() == tokenizer_of(known).encode(["the cats"])[0].tolist()
    assert texts.example(row, known) == "the cats"
    with pytest.raises(ValueError, match="empty"):
        texts.row_of(" ", known)
