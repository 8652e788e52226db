"""The numbers that losses reckon in, whatever the layers before them do."""

import torch
from torch import Tensor


def at_least_float32(t: Tensor) -> Tensor:
    """The same in float32, or in float64 if it comes so; bfloat16 1 + 1/128 becomes 1.0078125."""
    return t.to(torch.promote_types(t.dtype, torch.float32))
