"""What every detector is given: samples [N, D] of finite numbers.

Letters: N samples, D features.
"""

import numpy as np
from numpy.typing import NDArray

from components.arrays import Doubles
from components.errors import UserError

Floats = NDArray[np.floating]


def finite(given: Floats, what: str) -> Doubles:
    """[N, D] as float64.

    Raises:
        UserError: fewer than two samples, no feature, or values that are not finite.
    """
    x: Doubles = np.asarray(given, dtype=np.float64)
    if x.ndim != 2 or len(x) < 2 or not x.shape[1]:
        raise UserError("array-invalid", f"{what} needs two samples [N, D] or more, got {x.shape}")
    if not np.isfinite(x).all():
        raise UserError("values-not-finite", f"{what} needs finite values; fill missing ones first")
    return x
