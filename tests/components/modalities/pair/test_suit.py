from components.modalities.pair.config import PairConfig
from components.modalities.pair.container import join
from components.modalities.pair.suit import PairLook
from tests.components.modalities.cases import png


def test_both_sides_are_looked_at_and_what_is_useless_on_one_is_useless():
    look = PairLook(PairConfig())
    assert (
        look.add([join(png(k), f"word {k}".encode()) for k in range(4)] + [join(b"", b"x")])[:4] == [None] * 4
    )
    assert look.good == 4
    assert look.useless is None
    assert look.lines() == [
        "12 x 12 pixels; 4 grey, 0 in colour",
        "captions: 2 to 2 words, median 2, 95 % at most 2",
    ]
    same = PairLook(PairConfig())
    same.add([join(png(k), b"the same") for k in range(4)])
    assert same.useless is not None
    assert same.useless.startswith("are the same text")
