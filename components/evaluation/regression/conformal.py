"""The interval around a prediction that holds the true number as often as promised, whatever the model is like.

Source: split conformal prediction, Vovk et al. 2005; Lei et al. 2018 (arXiv:1604.04173), with the absolute residual as
score. Few labels: none is held out for good, the residuals are cross-fitted (Vovk 2015), as those of classes are
(components.evaluation.classification.conformal, which says what that costs).
Letters: n labels.
"""

import math

import numpy as np

from components.arrays import Doubles
from components.evaluation.classification.conformal import bound


def half_width(residuals: Doubles, miss: float) -> float | None:
    """The ceil((n + 1)(1 - miss))-th smallest of [n] absolute residuals; None where n is too small for it.

    n = 9, miss .1: the largest. n = 8: None.
    """
    found = bound(np.abs(residuals), miss)
    return None if math.isinf(found) else found
