"""Bytes to text: encodings, mails, markup, and one way of writing what looks the same.

A text is UTF-8 (with or without a byte order mark), UTF-16 with one, else Windows-1252, which holds Latin-1. Of a mail
(RFC 5322) its subject and the text of its body are taken. Then, in this order: composed Unicode (NFC), invisible
characters removed, control characters and every run of blanks one blank.
"""

import email
import email.header
import email.message
import html
import re
import unicodedata
from typing import NamedTuple

MARKS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
CONTROL = re.compile(
    r"[\x00-\x08\x0e-\x1f\x7f-\x9f\ufffd]"
)  # no text holds these; tabs and line ends are blanks
INVISIBLE = dict.fromkeys(map(ord, "\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"))
JUNK = 0.05  # share of CONTROL from which on it is no text
FIELDS = 2  # of MAIL, before the first blank line, that make a mail
MAIL = re.compile(
    rb"(?im)^(from|to|cc|subject|date|received|return-path|delivered-to|message-id|mime-version|reply-to|sender"
    rb"|content-type):"
)
HEADER = re.compile(rb"(from [^\n]*\n)?[!-9;-~]+:[^\n]*\n", re.IGNORECASE)
FOREIGN = "windows-1252"


class NotText(ValueError):  # noqa: N818 - what the sample is
    """These bytes are no text: "kind" or "kind: detail", as a reason of quarantine."""


class Text(NamedTuple):
    """text: normalised. encoding: utf-8, utf-16 or windows-1252, of the bytes as a whole."""

    text: str
    encoding: str
    mail: bool = False


def decode(data: bytes) -> Text:
    """The text of a sample.

    b"Caf\\xe9" (Latin-1) and b"Cafe\\xcc\\x81" (UTF-8, decomposed) both give "Café".

    Raises:
        NotText: there is none, or it is not text.
    """
    if not data.strip():
        raise NotText("empty")
    mail = is_mail(data)
    text, encoding = (_mail(data), "utf-8") if mail else _characters(data)
    junk = len(CONTROL.findall(text)) / max(1, len(text))
    if junk > JUNK:
        raise NotText(f"not text: {100 * junk:.0f} % control or unreadable characters")
    text = normalised(text)
    if not text:
        raise NotText("empty")
    return Text(text, encoding, mail)


def normalised(text: str) -> str:
    """Composed, without invisible characters, each run of blanks and control characters one blank."""
    if not text.isascii():
        text = unicodedata.normalize("NFC", text).translate(INVISIBLE)
    return " ".join(CONTROL.sub(" ", text).split())


def is_mail(data: bytes) -> bool:
    """Whether it begins with the header of a mail: a field on the first line, and two that mails have."""
    if not HEADER.match(data):
        return False
    head = re.split(rb"\r?\n\r?\n", data[:16384], maxsplit=1)[0]
    return len({name.lower() for name in MAIL.findall(head)}) >= FIELDS


def without_markup(text: str) -> str:
    """HTML -> its text, in time that grows with its length alone; what scripts, styles and comments hold is left out.

    "<p>a<br>b &amp; c</p>" gives " a b & c ".
    """
    kept, until = list[str](), ""
    first, *parts = text.split("<")
    kept.append(first)
    for part in parts:
        if until == "-->":
            _, closed, after = part.partition("-->")
            if closed:
                kept.append(after)
                until = ""
            continue
        low = part[:8].lower()
        if until and not low.startswith(until):
            continue
        until = next((f"/{tag}" for tag in ("script", "style") if low.startswith(tag)), "")
        if part.startswith("!--"):
            _, closed, after = part.partition("-->")
            until = "" if closed else "-->"
        else:
            _, closed, after = part.partition(">")
        if not until:
            kept.append(after if closed else f"<{part}")
    return html.unescape(" ".join(kept))


def _characters(data: bytes) -> tuple[str, str]:
    """(characters, encoding)."""
    marked = next((encoding for mark, encoding in MARKS.items() if data.startswith(mark)), None)
    if marked == "utf-16":
        try:
            return data.decode("utf-16"), "utf-16"
        except UnicodeDecodeError as error:
            raise NotText(f"not text: UTF-16 that breaks off at byte {error.start}") from None
    if b"\0" in data:
        raise NotText("not text: NUL bytes")
    try:
        return data.decode(marked or "utf-8"), "utf-8"
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace"), FOREIGN


def _mail(data: bytes) -> str:
    """Subject and body; all that can be read of a damaged one."""
    if b"\0" in data:
        raise NotText("not text: NUL bytes")
    try:
        message = email.message_from_bytes(data)
        parts = [part for part in message.walk() if not part.is_multipart() and not _is_attached(part)]
        plain = [part for part in parts if part.get_content_type() == "text/plain"]
        marked = [part for part in parts if part.get_content_type() == "text/html"]
        body = [_body(part) for part in plain] or [without_markup(_body(part)) for part in marked]
        return "\n\n".join([_subject(message), *body])
    except NotText:
        raise
    except Exception:  # nesting without end, charsets that nobody has: the library raises all kinds
        return _characters(data)[0]


def _is_attached(part: email.message.Message) -> bool:
    return part.get_content_disposition() == "attachment"


def _body(part: email.message.Message) -> str:
    data = part.get_payload(decode=True)
    assert isinstance(data, bytes)
    charset = part.get_content_charset("utf-8")
    try:
        return data.decode(charset)
    except (UnicodeDecodeError, LookupError):
        return _characters(data)[0]


def _subject(message: email.message.Message) -> str:
    return str(email.header.make_header(email.header.decode_header(message.get("Subject", ""))))
