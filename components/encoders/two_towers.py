"""An image encoder and a text encoder side by side, each with a linear projection into one space.

Source: CLIP (Radford et al. 2021, arXiv:2103.00020), section 2.3: two encoders, linear projections without a bias.
`lock: image` is locked-image tuning (Zhai et al. 2021, arXiv:2111.07991): the image encoder stays as its weights are
while captions learn to meet it.
Differs: the feature of a pair is that of its image before the projection, which is what heads for labels are put on;
the caption has no part in it, so that a sample without one is classified alike.
Letters: B samples, D features of the image, E size of the common space.
"""

from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple, Union

from pydantic import Field, PositiveInt, model_validator
from torch import Tensor, nn

from components.config import Config
from components.encoders.adapters import Timm, Transformers
from components.encoders.base import Encoder
from components.encoders.convnext import Convnext
from components.encoders.lora import freeze
from components.encoders.resnet import Resnet, ResnetConfig
from components.encoders.text_bag import TextBag, TextBagConfig
from components.encoders.text_bert import TextBert
from components.encoders.text_transformer import TextTransformer
from components.encoders.vit import Vit
from components.errors import UserError
from components.implementations import configs_of
from components.modalities.pair.config import PairPacking
from components.modalities.pair.views import seen_pair

IMAGES: dict[type[Config], Any] = {
    kind: encoder for encoder in (Resnet, Convnext, Vit, Timm, Transformers) for kind in configs_of(encoder)
}
TEXTS: dict[type[Config], Any] = {
    kind: encoder for encoder in (TextBag, TextBert, TextTransformer) for kind in configs_of(encoder)
}
if TYPE_CHECKING:
    ImageTower = Config
    TextTower = Config
else:
    ImageTower = Annotated[Union[*IMAGES], Field(discriminator="name")]
    TextTower = Annotated[Union[*TEXTS], Field(discriminator="name")]


class TwoTowersConfig(Config):
    """An encoder of images and one of captions, projected into one space."""

    name: Literal["two_towers"] = "two_towers"
    """Selects an encoder of images beside one of captions."""

    image: ImageTower = ResnetConfig()
    """Encoder of the image, from scratch or from local weights (`start`)."""

    text: TextTower = TextBagConfig()
    """Encoder of the caption, from scratch or from local weights (`start`)."""

    embedding: PositiveInt = 128
    """Size E of the common space."""

    lock: Literal["none", "image"] = "none"
    """`image`: the image encoder keeps the weights of its `start`, and only captions and projections learn
    (locked-image tuning)."""

    @model_validator(mode="after")
    def _locked_with_weights(self) -> "TwoTowersConfig":
        if self.lock == "image" and getattr(self.image, "start", None) is None:
            raise ValueError(
                "lock: image needs image.start, the weights that the image encoder keeps; got none"
            )
        return self


class Embedded(NamedTuple):
    """Both sides of pairs in the common space, each [B, E], of any length."""

    image: Tensor
    text: Tensor


class TwoTowers(Encoder):
    """A view of pairs [B, C S S + T] -> features of the images [B, D]; `embed` gives both sides in the common space."""

    modality = "pair"

    def __init__(self, config: TwoTowersConfig, packing: PairPacking) -> None:
        super().__init__(packing)
        self.pair = packing
        self.image: Encoder = IMAGES[type(config.image)](config.image, packing.image)
        self.text: Encoder = TEXTS[type(config.text)](config.text, packing.text)
        self.feature_dim, self.size = self.image.feature_dim, config.embedding
        self.image_projection = nn.Linear(self.image.feature_dim, self.size, bias=False)
        self.text_projection = nn.Linear(self.text.feature_dim, self.size, bias=False)

    def starting(self, config: Config) -> list[tuple[Encoder, Any]]:
        assert isinstance(config, TwoTowersConfig)
        return [*self.image.starting(config.image), *self.text.starting(config.text)]

    def lock(self, config: Config) -> None:
        assert isinstance(config, TwoTowersConfig)
        if config.lock == "image":
            freeze(self.image)

    def embed(self, view: Tensor) -> Embedded:
        """Both sides of each pair."""
        seen = seen_pair(view, self.pair)
        return Embedded(self.embed_images(seen.image), self.embed_texts(seen.text))

    def embed_images(self, images: Tensor) -> Tensor:
        """[B, C, S, S] -> [B, E]."""
        found: Tensor = self.image_projection(self.image(images))
        return found

    def embed_texts(self, texts: Tensor) -> Tensor:
        """[B, T] -> [B, E]."""
        found: Tensor = self.text_projection(self.text(texts))
        return found

    def forward(self, view: Tensor) -> Tensor:
        found: Tensor = self.image(seen_pair(view, self.pair).image)
        return found


def two_towers(encoder: Encoder, name: str) -> TwoTowers:
    """The encoder, which is one of pairs.

    Raises:
        UserError: it is not; `name` is the objective's.
    """
    if not isinstance(encoder, TwoTowers):
        raise UserError(
            "encoder-unsuitable",
            f"{name} needs an encoder of images beside one of captions, got {type(encoder).__name__}; set encoder to "
            "two_towers, or take another objective",
        )
    return encoder
