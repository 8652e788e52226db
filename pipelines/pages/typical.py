"""Which members of a cluster a sheet shows."""

import numpy as np
from numpy.typing import NDArray


def typical(similarity: NDArray[np.floating], members: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """The members most like their centroid: a third the nearest, the rest evenly down to the farthest.

    similarity: of each member. So a sheet shows what a cluster is about and where it frays.
    """
    order = members[np.argsort(-similarity, kind="stable")]
    if len(order) <= count:
        return order
    near = max(1, count // 3)
    spread = np.linspace(near, len(order) - 1, count - near).round().astype(np.int64)
    return np.concatenate([order[:near], order[spread]])
