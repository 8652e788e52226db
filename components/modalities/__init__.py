"""What a sample can be. A recipe names one; each module has its config, decode, pack and defaults."""

from types import ModuleType

from components.modalities import image
from components.modalities.image.config import ImageConfig

ModalityConfig = ImageConfig

MODALITIES: dict[str, ModuleType] = {"image": image}

__all__ = ["MODALITIES", "ImageConfig", "ModalityConfig"]
