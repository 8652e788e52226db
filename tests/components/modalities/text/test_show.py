from html.parser import HTMLParser

import numpy as np

from components.modalities.text.config import TextConfig
from components.modalities.text.modality import Texts
from components.modalities.text.show import sentence, snippet
from components.modalities.text.tokenizer import SPECIAL
from tests.components.modalities.text.toys import packing

TEXT = "a <script>alert('x')</script> & \"b\""
PACKING = packing(64, (*SPECIAL, "▁", *sorted(set(TEXT) - {" "})))


class Seen(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.data = [], ""

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)

    def handle_data(self, data):
        self.data += data


def test_a_text_is_shown_and_never_run():
    seen = Seen()
    texts = Texts(TextConfig(length=64))
    seen.feed(texts.show(texts.stored(TEXT.encode(), PACKING), PACKING, 200))
    assert seen.tags == ["span"]
    assert "<script>".replace("<", "< ").replace(">", " >") in seen.data.replace("script", "script")
    assert "alert" in seen.data


def test_a_piece_that_is_markup_is_shown_as_it_is():
    known = packing(8, (*SPECIAL, "▁<b", "x>", "▁&amp;"))
    seen = Seen()
    seen.feed(snippet(np.array([2, 5, 6, 7], np.int32), known, 90))
    assert seen.tags == ["span"]
    assert seen.data == "<bx> &amp;"


def test_a_long_text_is_cut_to_the_room_there_is():
    row = np.array([2, *[PACKING.vocabulary.index("a")] * 300], np.int32)
    seen = Seen()
    seen.feed(snippet(row, PACKING, 20))
    assert len(seen.data) == 60
    assert seen.data.endswith("…")


def test_marks_that_end_something_follow_their_word():
    assert sentence(["a", ",", "b", "(", "c", ")", "!"]) == "a, b ( c)!"
    assert sentence([]) == ""
