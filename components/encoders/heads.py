"""What an objective puts on top of an encoder: a small perceptron from features to embeddings.

Source: the projection head of SimCLR (arXiv:2002.05709, section 2.1); batch norm in it as in its second
version's code.
Letters: B samples, D feature size, H hidden size, E embedding size.
"""

from torch import nn

from components.encoders.norm import BatchNorm


def mlp_head(inputs: int, hidden: int, outputs: int, layers: int = 2, norm: bool = True) -> nn.Sequential:
    """[B, D] -> [B, E]: `layers` linear layers, each but the last followed by batch norm and ReLU.

    layers = 1 is one linear layer. A linear layer before a norm has no bias: the norm would remove it.

    Raises:
        ValueError: layers < 1.
    """
    if layers < 1:
        raise ValueError(f"mlp_head needs layers >= 1, got {layers}")
    parts: list[nn.Module] = []
    for _ in range(layers - 1):
        parts += [
            nn.Linear(inputs, hidden, bias=not norm),
            *([BatchNorm(hidden)] if norm else []),
            nn.ReLU(inplace=True),
        ]
        inputs = hidden
    return nn.Sequential(*parts, nn.Linear(inputs, outputs))


def trunk(inputs: int, hidden: int) -> nn.Sequential:
    """[B, D] -> [B, H]: what stands between features and a linear layer that tells clusters or turns apart, so that
    it is not the features that must fit a handful of answers; nothing at all for hidden = 0.

    Two layers with batch norm, then ReLU. Source: the fully connected layers that DeepCluster's and SeLa's AlexNet has
    above the features that are kept, and SimCLR's projection head. What it gives: docs/objectives.md.
    """
    return nn.Sequential(*([mlp_head(inputs, hidden, hidden), nn.ReLU()] if hidden else []))
