import base64
import io
import re

import numpy as np
from PIL import Image

from components.modalities.pair.packed import joined
from components.modalities.pair.show import pair
from components.modalities.text.tokenizer import CLS
from tests.components.objectives.pairs import PACKING, SIDE


def test_the_image_and_below_it_the_caption():
    pixels = np.arange(SIDE * SIDE, dtype=np.uint8).reshape(1, SIDE, SIDE)
    html = pair(joined(pixels, np.array([CLS, 5, 7])), PACKING, SIDE)
    encoded = re.search(r'src="data:image/png;base64,([^"]+)"', html)
    assert encoded
    shown = np.asarray(Image.open(io.BytesIO(base64.b64decode(encoded[1]))))
    np.testing.assert_array_equal(shown[:, :, 0], pixels[0])
    assert html.index("<img") < html.index(">a c<")
