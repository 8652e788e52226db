"""Names for arrays by what they hold, and files of them that are written piece by piece."""

from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Bools = NDArray[np.bool_]
Pixels = NDArray[np.uint8]


def write_header(out: BinaryIO, kind: type[np.generic], shape: tuple[int, ...]) -> None:
    """The head of an .npy file, at its beginning; of equal length whatever shape[0], so that it can be written again
    when that is known."""
    out.seek(0)
    head: dict[str, Any] = {"descr": np.dtype(kind).str, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(out, head)
