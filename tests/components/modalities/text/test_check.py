from components.modalities.text.check import check_texts
from components.modalities.text.config import TextLimits


def test_each_reason_and_its_kind():
    limits = TextLimits(max_bytes=20, min_chars=3)
    batch = [b"good text", b"", b"ab", b"  ab  ", b"x" * 21, b"x" * 20, b"a\0b", b"abc", "äöü".encode()]
    assert check_texts(batch, limits) == [
        None,
        "empty",
        "too short: 2 characters, needed 3",
        "too short: 2 characters, needed 3",
        "too large: 21 bytes, allowed 20",
        None,
        "not text: NUL bytes",
        None,
        None,
    ]


def test_a_text_of_ten_megabytes_is_over_the_default_limit():
    (reason,) = check_texts([b"word " * 2_000_000], TextLimits())
    assert reason == "too large: 10000000 bytes, allowed 1000000"
