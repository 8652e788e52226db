"""What encoders have in common, and which kind of data each takes."""

import pytest
import torch

from components.encoders import JoinedConfig, accepts, build_encoder
from components.encoders.base import Encoder, ImageEncoder, SequenceEncoder
from components.encoders.pixels import PixelsConfig
from components.encoders.resnet import ResnetConfig
from components.errors import UserError
from components.modalities.base import Packing
from components.modalities.image.config import image_packing

WORDS = Packing(name="words")
SMALL = ResnetConfig(widths=(4,), blocks=(1,))


@pytest.mark.parametrize("config", [SMALL, PixelsConfig(side=2)], ids=lambda config: config.name)
def test_an_encoder_of_images_refuses_other_samples_by_name(config: ResnetConfig | PixelsConfig) -> None:
    for refuse in (lambda: accepts(config, WORDS), lambda: build_encoder(config, WORDS)):
        with pytest.raises(
            UserError,
            match=rf"encoder {config.name} takes image samples and the recipe's modality is words; for words: ",
        ):
            refuse()
    accepts(config, image_packing())


def test_what_is_refused_alone_is_refused_beside_others() -> None:
    both = JoinedConfig(members=(SMALL, PixelsConfig(side=2)))
    with pytest.raises(UserError, match="encoder resnet takes image samples"):
        build_encoder(both, WORDS)
    made = build_encoder(both, image_packing(1, size=8))
    assert made.feature_dim == 4 + 4
    assert made.embedding_dim == 4  # pixels help the head and stand for nothing
    x = torch.rand(2, 1, 8, 8)
    pooled = torch.nn.functional.adaptive_avg_pool2d(x, 2).flatten(1)
    torch.testing.assert_close(made.eval()(x)[:, 4:], pooled)


def test_the_packing_is_kept_and_of_images_standardises() -> None:
    packing = image_packing(2, [0.5, 0.25], [0.5, 0.125])
    encoder = ImageEncoder(packing)
    assert encoder.packing is packing
    assert encoder.channels == 2
    x = torch.tensor([1.0, 0.5]).reshape(1, 2, 1, 1)
    assert encoder.standardised(x).flatten().tolist() == [1.0, 2.0]
    assert set(encoder.state_dict()) == {"mean", "std"}


@pytest.mark.parametrize(
    ("mean", "std"), [([0.5, 0.5], [0.3]), ([0.5], [0.3, 0.3]), ([0.5], [0.0]), ([0.5], [-1.0])]
)
def test_statistics_that_do_not_fit_are_refused(mean: list[float], std: list[float]) -> None:
    with pytest.raises(ValueError, match="an encoder needs 1 means and 1 stds above 0, got"):
        ImageEncoder(image_packing(1, mean, std))


def test_what_a_kind_of_encoder_leaves_open_is_named() -> None:
    x = torch.zeros(1, 4)
    with pytest.raises(TypeError, match="Encoder defines no forward"):
        Encoder(WORDS)(x)
    for name in ("padding", "tokens"):
        with pytest.raises(TypeError, match=f"SequenceEncoder defines no {name}"):
            getattr(SequenceEncoder(WORDS), name)(x)
    assert Encoder(WORDS).fit(iter(())) is None
    assert Encoder(WORDS).learnt
