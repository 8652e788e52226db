"""The bytes of a pair: by hand, there and back, and what is none."""

import pytest

from components.modalities.pair.container import BEGIN, MAGIC, NotPair, Sides, join, sides


def test_the_bytes_are_header_image_and_caption():
    assert join(b"IMAGE", b"a cat") == b"SSLPAIR1" + b"\0\0\0\5" + b"IMAGE" + b"a cat"
    assert len(join(b"", b"")) == BEGIN == 12


def test_both_sides_come_back():
    image = bytes(range(256)) * 300
    assert sides(join(image, "ein Bär".encode())) == Sides(image, "ein Bär".encode())
    assert sides(join(b"", b"a")) == Sides(b"", b"a")
    assert sides(join(b"a", b"")) == Sides(b"a", b"")


def test_the_same_words_are_the_same_sample_however_they_were_written():
    plain = join(b"x", "ein Bär".encode())
    assert join(b"x", "ein  Bär\n".encode()) == plain
    assert join(b"x", "ein Bär".encode("utf-16")) == plain
    assert join(b"x", "ein Bär".encode("latin-1")) == plain
    assert join(b"x", "ein Ba\u0308r".encode()) == plain
    assert join(b"x", b"another") != plain


def test_a_caption_that_is_no_text_is_kept_for_the_check():
    assert sides(join(b"x", b"\0\1\2")).caption == b"\0\1\2"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"\x89PNG", "not a pair: the bytes do not begin like one"),
        (MAGIC + b"\0\0", "not a pair: 10 bytes, the header alone has 12"),
        (join(b"12345", b"")[:-2], "not a pair: its image has 5 bytes, and 3 are there"),
    ],
)
def test_what_is_no_pair(data, reason):
    with pytest.raises(NotPair, match=f"^{reason}$"):
        sides(data)
