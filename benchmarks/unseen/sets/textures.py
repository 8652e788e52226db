"""Textures: generated ones that look alike in every orientation, surfaces and materials as crops."""

import io
import zipfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.unseen.image_set import Images, ImageSet
from benchmarks.unseen.packages import Package, debian
from benchmarks.unseen.sets.generated_textures import GENERATORS, generate
from benchmarks.unseen.split import hold_out
from components.arrays import Pixels

SKIMAGE = Package("PyPI", "scikit-image", "skimage/data")
OPENARENA = debian("openarena-081-textures", "usr/share/games/openarena/baseoa/pak4-textures.pk3")
MATERIALS = {
    "caustics": "liquids/pool3d_5.jpg",
    "cracked earth": "acc_dm5/mud02b.jpg",
    "dirt": "organics/dirt2.jpg",
    "flesh": "skin/skin5.jpg",
    "gold bricks": "gothic_wall/gold_brick.jpg",
    "grate": "acc_dm3/grind.tga",
    "grey setts": "e7/e7brickfloor01.jpg",
    "hexagons": "base_floor/hfloor3.jpg",
    "lava": "nki/nki_lava4.tga",
    "light bricks": "cosmo_block/ancient_bricks2.jpg",
    "marble": "proto2/marble02b.jpg",
    "maze": "base_wall/metalfloor_wall_10.jpg",
    "grass": "stone/pjrock6.jpg",
    "mossy tiles": "acc_dm5/stntiles_moss2.jpg",
    "marble columns": "proto2/marble02.jpg",
    "dark slabs": "e7/e7sbrickfloor.jpg",
    "rock": "stone/pjrock1.jpg",
    "sand": "acc_dm5/sand.jpg",
    "slate roof": "gothic_wall/slateroofc.jpg",
    "slats": "acc_dm3/metaldoor.jpg",
    "slime": "liquids/slime7.jpg",
    "street bricks": "gothic_wall/streetbricks14.jpg",
    "tread plate": "base_floor/clang_floor2.jpg",
    "wood": "e7/e7panelwood.jpg",
    "yellow rock": "cosmo_block/rock05.tga",
}
CROP = 40
GENERATED_A_CLASS = 200


def generated(seed: int, folder: Path) -> Images:
    rng = np.random.default_rng(seed)
    images = [generate(name, rng) for name in GENERATORS for _ in range(GENERATED_A_CLASS)]
    labels = np.repeat(np.arange(len(GENERATORS)), GENERATED_A_CLASS)
    return Images(
        np.stack(images), labels, list(GENERATORS), hold_out(range(len(images)), seed, within=labels)
    )


def crops(
    images: list[Pixels], counts: tuple[int, int], rng: np.random.Generator
) -> tuple[Pixels, NDArray[np.int64], NDArray[np.bool_]]:
    """Random crops of CROP pixels, from the upper 70 % of each image for training and below that for the test.

    Args:
        images: [H, W] or [H, W, 3] each, a class each.
        counts: training and test crops of each image.

    Returns:
        Crops, labels and which are for the test.
    """
    parts, labels, test = [], [], []
    for label, image in enumerate(images):
        border = round(0.7 * len(image))
        for area, count, held in ((image[:border], counts[0], False), (image[border:], counts[1], True)):
            for _ in range(count):
                top, left = (int(rng.integers(0, side - CROP + 1)) for side in area.shape[:2])
                parts.append(area[top : top + CROP, left : left + CROP])
                labels.append(label)
                test.append(held)
    return np.stack(parts), np.array(labels, dtype=np.int64), np.array(test)


def surfaces(seed: int, folder: Path) -> Images:
    names = ["brick", "grass", "gravel"]
    files = [SKIMAGE.path(folder) / f"{name}.png" for name in names]
    images = [np.asarray(Image.open(file).convert("L")) for file in files]
    made, labels, test = crops(images, (210, 90), np.random.default_rng(seed))
    return Images(made, labels, names, test)


def materials(seed: int, folder: Path) -> Images:
    images = []
    with zipfile.ZipFile(OPENARENA.path(folder)) as archive:
        for name in MATERIALS.values():
            image = Image.open(io.BytesIO(archive.read(f"textures/{name}"))).convert("RGB")
            images.append(np.asarray(image.resize((256, 256), Image.Resampling.LANCZOS)))
    made, labels, test = crops(images, (84, 36), np.random.default_rng(seed))
    return Images(made, labels, list(MATERIALS), test)


TEXTURES = (
    ImageSet(
        name="generated-textures",
        licence="Apache-2.0 (this project)",
        packages=(),
        half="development",
        build=generated,
        task="Twelve random processes in random orientation, scale and contrast: every turn is harmless.",
        split="30 % of each class at random; each image is a process of its own.",
    ),
    ImageSet(
        name="surfaces",
        licence="CC0 (scikit-image's data)",
        packages=(SKIMAGE,),
        half="final",
        build=surfaces,
        task="Crops of three photographs: brick, grass and gravel.",
        split="crops of the lower 30 % of each photograph; those of the upper part never reach into it.",
    ),
    ImageSet(
        name="materials",
        licence="GPL-2+",
        packages=(OPENARENA,),
        half="final",
        build=materials,
        task="Crops of 25 wall and floor textures of the game OpenArena.",
        split="crops of the lower 30 % of each texture; those of the upper part never reach into it.",
    ),
)
