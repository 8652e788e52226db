"""What suits a modality when nobody says otherwise. Apart from image.py, which must not know of views and
networks: a change of an augmentation repacks no data."""

from components.augmentations.image import ViewConfig
from components.modalities.image import ImageConfig


def default_view(config: ImageConfig) -> ViewConfig:
    """Strong crops; colour where there is any, gamma where not; blur where there are pixels enough."""
    if config.channels == 1:
        return ViewConfig(size=config.size, hue=0.0, saturation=0.0, grayscale=0.0, gamma=0.4)
    return ViewConfig(size=config.size, blur=0.5 if config.size >= 64 else 0.0)
