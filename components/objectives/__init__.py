"""Every objective, by the name its configuration carries. Adding one is a line here."""

from typing import Annotated

from pydantic import Field

from components.encoders import Encoder
from components.objectives.autoencoder import Autoencoder, AutoencoderConfig
from components.objectives.barlow import Barlow, BarlowConfig
from components.objectives.base import Objective
from components.objectives.bigan import Bigan, BiganConfig
from components.objectives.byol import Byol, ByolConfig
from components.objectives.colour import Colour, ColourConfig
from components.objectives.deepcluster import Deepcluster, DeepclusterConfig
from components.objectives.deepclusterv2 import Deepclusterv2, Deepclusterv2Config
from components.objectives.denoising import Denoising, DenoisingConfig
from components.objectives.dino import Dino, DinoConfig
from components.objectives.ibot import Ibot, IbotConfig
from components.objectives.inpainting import Inpainting, InpaintingConfig
from components.objectives.jigsaw import Jigsaw, JigsawConfig
from components.objectives.location import Location, LocationConfig
from components.objectives.mae import Mae, MaeConfig
from components.objectives.maskfeat import Maskfeat, MaskfeatConfig
from components.objectives.moco import Moco, MocoConfig
from components.objectives.mocov3 import Mocov3, Mocov3Config
from components.objectives.nnclr import Nnclr, NnclrConfig
from components.objectives.rotation import Rotation, RotationConfig
from components.objectives.scan import Scan, ScanConfig
from components.objectives.sela import Sela, SelaConfig
from components.objectives.simclr import Simclr, SimclrConfig
from components.objectives.simsiam import Simsiam, SimsiamConfig
from components.objectives.supcon import Supcon, SupconConfig
from components.objectives.swav import Swav, SwavConfig
from components.objectives.vae import Vae, VaeConfig
from components.objectives.vicreg import Vicreg, VicregConfig

OBJECTIVES: dict[str, type[Objective]] = {
    "autoencoder": Autoencoder,
    "barlow": Barlow,
    "bigan": Bigan,
    "byol": Byol,
    "colour": Colour,
    "deepcluster": Deepcluster,
    "deepclusterv2": Deepclusterv2,
    "denoising": Denoising,
    "dino": Dino,
    "ibot": Ibot,
    "inpainting": Inpainting,
    "jigsaw": Jigsaw,
    "location": Location,
    "mae": Mae,
    "maskfeat": Maskfeat,
    "moco": Moco,
    "mocov3": Mocov3,
    "nnclr": Nnclr,
    "rotation": Rotation,
    "scan": Scan,
    "sela": Sela,
    "simclr": Simclr,
    "simsiam": Simsiam,
    "supcon": Supcon,
    "swav": Swav,
    "vae": Vae,
    "vicreg": Vicreg,
}
ObjectiveConfig = Annotated[
    AutoencoderConfig
    | BarlowConfig
    | BiganConfig
    | ByolConfig
    | ColourConfig
    | DeepclusterConfig
    | Deepclusterv2Config
    | DenoisingConfig
    | DinoConfig
    | IbotConfig
    | InpaintingConfig
    | JigsawConfig
    | LocationConfig
    | MaeConfig
    | MaskfeatConfig
    | MocoConfig
    | Mocov3Config
    | NnclrConfig
    | RotationConfig
    | ScanConfig
    | SelaConfig
    | SimclrConfig
    | SimsiamConfig
    | SupconConfig
    | SwavConfig
    | VaeConfig
    | VicregConfig,
    Field(discriminator="name"),
]


def build_objective(config: ObjectiveConfig, encoder: Encoder, rows: int) -> Objective:
    """The objective for this encoder (it may copy it as a teacher) and a training set of `rows` samples."""
    build: type = OBJECTIVES[config.name]
    objective: Objective = build(config, encoder, rows)
    return objective
