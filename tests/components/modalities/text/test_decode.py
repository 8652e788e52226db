import random
import time

import pytest

from components.modalities.text.decode import NotText, decode, is_mail, normalised, without_markup

MAIL = b"""From ann@example.org  Thu Aug 22 13:17:22 2002
Return-Path: <ann@example.org>
From: Ann <ann@example.org>
Subject: =?utf-8?q?Caf=C3=A9_at_noon?=
Content-Type: text/plain; charset="iso-8859-1"
Content-Transfer-Encoding: quoted-printable

See you at the caf=E9=
 tomorrow.
"""
PARTS = b"""Subject: two kinds
From: ann@example.org
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=outer

--outer
Content-Type: multipart/alternative; boundary=inner

--inner
Content-Type: text/plain

plain body
--inner
Content-Type: text/html

<p>marked body</p>
--inner--
--outer
Content-Type: text/plain
Content-Disposition: attachment; filename=secret.txt

attached
--outer--
"""


@pytest.mark.parametrize(
    ("data", "text", "encoding"),
    [
        (b"Caf\xc3\xa9", "Café", "utf-8"),
        (b"Cafe\xcc\x81", "Café", "utf-8"),  # decomposed
        (b"\xef\xbb\xbfplain", "plain", "utf-8"),
        ("Café".encode("utf-16"), "Café", "utf-16"),
        (b"\xfe\xff" + "Grün".encode("utf-16-be"), "Grün", "utf-16"),
        (b"Caf\xe9 \x80 5", "Café € 5", "windows-1252"),
        (b"one\r\n\ttwo\x0b\x0c  three\n", "one two three", "utf-8"),
        (b"bell\x07bell " + b"x" * 40, "bell bell " + "x" * 40, "utf-8"),
        ("soft­hyphen​ zero".encode(), "softhyphen zero", "utf-8"),
        ("日本語 текст".encode(), "日本語 текст", "utf-8"),
    ],
)
def test_what_is_read_of_bytes(data, text, encoding):
    assert decode(data) == (text, encoding, False)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b" \n\t ", "empty"),
        ("​".encode(), "empty"),
        (b"a\x00b", "not text: NUL bytes"),
        (b"\xff\xfea", "not text: UTF-16 that breaks off at byte"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "not text: NUL bytes"),
        (b"\x01\x02\x03\x04abc", "not text: 57 % control or unreadable characters"),
        (b"\x7f" * 6 + b"a" * 94, "not text: 6 % control or unreadable characters"),
    ],
)
def test_what_is_no_text(data, reason):
    with pytest.raises(NotText, match=f"^{reason}"):
        decode(data)


def test_a_few_control_characters_are_blanks():
    assert decode(b"\x7f" * 5 + b"a" * 95).text == "a" * 95


def test_noise_of_any_kind_never_raises_anything_else():
    rng = random.Random(0)
    for _ in range(300):
        data = rng.randbytes(rng.randrange(1, 400))
        try:
            assert decode(data).text.strip()
        except NotText as error:
            assert str(error)  # noqa: PT017


def test_of_a_mail_the_subject_and_the_body():
    assert decode(MAIL) == ("Café at noon See you at the café tomorrow.", "utf-8", True)


def test_of_several_parts_the_plain_one_and_no_attachment():
    assert decode(PARTS).text == "two kinds plain body"
    only = PARTS.replace(b"text/plain\n\nplain", b"text/html\n\n<b>plain")
    assert decode(only).text == "two kinds plain body marked body"


@pytest.mark.parametrize(
    ("data", "mail"),
    [
        (MAIL, True),
        (b"Subject: a\nFrom: b\n\nbody", True),
        (b"Subject: a\r\nFrom: b\r\n\r\nbody", True),
        (b"Subject: a plan\n\nbody", False),  # one field alone is how notes begin
        (b"Note: a\nTo: b\n\nbody", False),
        (b"Dear all,\nFrom: me\nTo: you\nSubject: x\n", False),
    ],
)
def test_what_a_mail_begins_with(data, mail):
    assert is_mail(data) == mail


def test_damaged_mails_are_read_as_far_as_they_can_be():
    unknown = MAIL.replace(b"iso-8859-1", b"no-such-charset")
    assert decode(unknown).text == "Café at noon See you at the café tomorrow."
    assert "inner" not in decode(PARTS).text
    cut = PARTS[: PARTS.index(b"marked")]
    assert decode(cut).text == "two kinds plain body"
    deep = b"Subject: a\nFrom: b\n" + b"".join(
        b"Content-Type: multipart/mixed; boundary=%d\n\n--%d\n" % (k, k) for k in range(2000)
    )
    assert decode(deep + b"\n\nend").text


def test_markup_goes_and_its_text_stays():
    assert without_markup("<p>a<br>b &amp; c</p>").split() == ["a", "b", "&", "c"]
    hidden = "x<script>if (a < b) { f('<b>no</b>') }</script>y<style>p{}</style>z<!-- a <b> c -->w"
    assert without_markup(hidden).split() == ["x", "y", "z", "w"]
    assert without_markup("a < b").split() == ["a", "<", "b"]
    assert without_markup("<!-- never closed <p>a</p>").split() == []


@pytest.mark.parametrize("piece", ["<", "<script", "<!--", "<script>", "</", "<a <b", "&#"])
def test_hostile_markup_takes_time_that_grows_with_its_length_alone(piece):
    def seconds(length):
        text = piece * (length // len(piece))
        began = time.process_time()
        without_markup(text)
        return time.process_time() - began

    short = min(seconds(50_000) for _ in range(3))
    assert min(seconds(400_000) for _ in range(3)) < 40 * short + 0.05  # 8 times the length; its square is 64


def test_normal_form_is_a_fixed_point():
    for text in ("  a \u0007 b ", "e\u0301", "x\u200by", "ﬁ"):
        assert normalised(normalised(text)) == normalised(text)
