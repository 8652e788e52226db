"""ECOD: how far out each value lies in the distribution of its own column.

Source: Li et al. 2022 (arXiv:2201.00382), equations 3 to 7, as in the code that its authors publish in PyOD: a column
counts with the larger of -log P(X <= x) and -log P(X >= x), and a sample with the sum over its columns.
Deviation: the paper sums each tail over the columns first and takes the largest of the sums, of the left tail, the
right one, and the one that skewness points to; the code's maximum in each column makes skewness immaterial.
Letters: N samples, M queries, D features.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from components.arrays import Doubles
from components.evaluation.anomaly.inputs import finite

Floats = NDArray[np.floating]


@dataclass(frozen=True)
class Ecod:
    """ordered: [N, D] float64, each column of the training samples in rising order."""

    ordered: Doubles

    def scores(self, x: Floats) -> Doubles:
        """[M, D] -> [M] >= 0: the score of each query as one sample more among the training samples."""
        return np.asarray(self.by_column(x).sum(axis=1))

    def by_column(self, x: Floats) -> Doubles:
        """[M, D] -> [M, D] >= 0: what each column adds to the score."""
        return self._tails(np.asarray(x, dtype=np.float64), 1)

    def own_scores(self, x: Floats) -> Doubles:
        """The same of the training samples themselves, each of which is among them already."""
        return np.asarray(self._tails(np.asarray(x, dtype=np.float64), 0).sum(axis=1))

    def _tails(self, x: Doubles, more: int) -> Doubles:
        count = len(self.ordered) + more
        found = np.empty(x.shape)
        for column in range(x.shape[1]):
            ordered, values = self.ordered[:, column], x[:, column]
            upto = np.searchsorted(ordered, values, side="right") + more
            above = len(ordered) - np.searchsorted(ordered, values, side="left") + more
            found[:, column] = -np.log(np.minimum(upto, above) / count)
        return found


def fit_ecod(x: Floats) -> Ecod:
    """From [N, D].

    Raises:
        UserError: fewer than two samples, or values that are not finite.
    """
    return Ecod(np.sort(finite(x, "ECOD"), axis=0))
