"""What suits images, at measured figures; the survey itself is tested with `selfsup init`."""

import pytest

from components.modalities.image.suit import speed_of


def test_the_speed_is_as_measured():
    assert speed_of(20, 2) == 3400
    assert speed_of(20, 2, cores=4) == 6800
    assert speed_of(16, 1) == pytest.approx(1330, rel=0.05)
