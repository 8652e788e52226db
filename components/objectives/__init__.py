"""Every objective, by the name its configuration carries. Adding one is a line here."""

from typing import TYPE_CHECKING

from components.config import Config
from components.encoders import Encoder
from components.implementations import Implementations, name_of
from components.objectives.base import Objective
from components.objectives.needs import check_needs

OBJECTIVES = Implementations[Objective](
    "components.objectives",
    "selfsup.objectives",
    {
        "autoencoder": "autoencoder:Autoencoder",
        "barlow": "barlow:Barlow",
        "bert4rec": "bert4rec:Bert4rec",
        "bigan": "bigan:Bigan",
        "byol": "byol:Byol",
        "capi": "capi:Capi",
        "causal_lm": "causal_lm:CausalLm",
        "cl4srec": "cl4srec:Cl4srec",
        "clip": "clip:Clip",
        "cola": "cola:Cola",
        "colour": "colour:Colour",
        "cpc": "cpc:Cpc",
        "deepcluster": "deepcluster:Deepcluster",
        "deepclusterv2": "deepclusterv2:Deepclusterv2",
        "denoising": "denoising:Denoising",
        "dino": "dino:Dino",
        "distillation": "distillation:Distillation",
        "electra": "electra:Electra",
        "forecast": "forecast:Forecast",
        "ibot": "ibot:Ibot",
        "ijepa": "ijepa:Ijepa",
        "inpainting": "inpainting:Inpainting",
        "jigsaw": "jigsaw:Jigsaw",
        "lejepa": "lejepa:Lejepa",
        "location": "location:Location",
        "mae": "mae:Mae",
        "masked_features": "masked_features:MaskedFeatures",
        "masked_series": "masked_series:MaskedSeries",
        "masked_spectrogram": "masked_spectrogram:MaskedSpectrogram",
        "maskfeat": "maskfeat:Maskfeat",
        "mlm": "mlm:Mlm",
        "moco": "moco:Moco",
        "mocov3": "mocov3:Mocov3",
        "nnclr": "nnclr:Nnclr",
        "rotation": "rotation:Rotation",
        "sasrec": "sasrec:Sasrec",
        "scan": "scan:Scan",
        "scarf": "scarf:Scarf",
        "sela": "sela:Sela",
        "siglip": "siglip:Siglip",
        "simclr": "simclr:Simclr",
        "simcse": "simcse:Simcse",
        "simsiam": "simsiam:Simsiam",
        "supcon": "supcon:Supcon",
        "swav": "swav:Swav",
        "table_denoising": "table_denoising:TableDenoising",
        "temporal_order": "temporal_order:TemporalOrder",
        "ts2vec": "ts2vec:Ts2vec",
        "tsdae": "tsdae:Tsdae",
        "vae": "vae:Vae",
        "vicreg": "vicreg:Vicreg",
        "vime": "vime:Vime",
        "wav2vec2": "wav2vec2:Wav2vec2Loss",
    },
)
if TYPE_CHECKING:
    ObjectiveConfig = Config
else:
    ObjectiveConfig = OBJECTIVES.config_type()


def build_objective(config: ObjectiveConfig, encoder: Encoder, rows: int, size: int) -> Objective:
    """The objective for this encoder (it may copy it as a teacher) and a training set of `rows` samples.

    size: of the last axis of a global view, such as the side of an image; what is made again of a feature has it, too.
    """
    return OBJECTIVES.build(config, encoder, rows, size)


def check_objective(config: ObjectiveConfig, modality: str) -> None:
    """Raises UserError where an objective does not work on this kind of data."""
    check_needs("objective", name_of(config), modality, OBJECTIVES)
