"""Emoji, icons, clip art and stamps: small pictures in colour on white, by category."""

import json
import re
from pathlib import Path

import numpy as np

from benchmarks.unseen.image_set import Images, ImageSet
from benchmarks.unseen.packages import Package, debian
from benchmarks.unseen.sets.pictures import fitted, pixels_of_png
from benchmarks.unseen.split import hold_out

EMOJI = Package("npm", "emoji-datasource-google", "emoji-datasource-google")
CLIP_ART = debian("openclipart-png", "usr/share/openclipart/png")
STAMPS = debian("tuxpaint-stamps-default", "usr/share/tuxpaint/stamps")
ICONS = (
    debian("gnome-icon-theme", "usr/share/icons/gnome"),
    debian("oxygen-icon-theme", "usr/share/icons/oxygen"),
    debian("tango-icon-theme", "usr/share/icons/Tango"),
    debian("elementary-xfce-icon-theme", "usr/share/icons/elementary-xfce"),
)
ICON_FOLDERS = ("gnome/32x32/{}", "oxygen/base/32x32/{}", "Tango/32x32/{}", "elementary-xfce/{}/32")
ICON_CLASSES = {
    "actions": ("actions",),
    "applications": ("apps",),
    "categories": ("categories",),
    "devices": ("devices",),
    "emblems": ("emblems",),
    "emotes": ("emotes",),
    "file types": ("mimetypes", "mimes"),
    "places": ("places",),
    "status": ("status",),
}
CLIP_ART_CLASSES = (
    "animals buildings food geography office people plants recreation signs_and_symbols tools transportation"
)
STAMP_CLASSES = "animals clothes food household plants seasonal space town vehicles"
LARGEST = 1_000_000  # pixels of a clip art file; some have hundreds of millions

Found = list[tuple[Path, str, str]]
"""File, class, and what near-copies have in common."""


def _images(found: Found, side: int, seed: int, one_class: bool = True) -> Images:
    classes = sorted({name for _, name, _ in found})
    labels = np.array([classes.index(name) for _, name, _ in found], dtype=np.int64)
    groups = [group for _, _, group in found]
    test = hold_out(groups, seed, within=labels if one_class else None)
    return Images(np.stack([fitted(file, side) for file, _, _ in found]), labels, classes, test)


def emoji(seed: int, folder: Path) -> Images:
    home = EMOJI.path(folder)
    found: Found = []
    for entry in json.loads((home / "emoji.json").read_text()):
        file = home / "img" / "google" / "64" / entry["image"]
        if file.exists() and entry["category"] != "Component":
            words = set(entry["short_name"].replace("-", "_").split("_")) - {"man", "woman", "person"}
            found.append((file, entry["category"], f"{entry['category']}/{'_'.join(sorted(words))}"))
    return _images(found, 48, seed)


def clip_art(seed: int, folder: Path) -> Images:
    home = CLIP_ART.path(folder)
    found = [
        (file, name, _series(file))
        for name in CLIP_ART_CLASSES.split()
        for file in sorted((home / name).rglob("*.png"))
        if "duplicates" not in file.parts and pixels_of_png(file) <= LARGEST
    ]
    return _images(found, 64, seed)


def icons(seed: int, folder: Path) -> Images:
    found = [
        (file, name, file.stem)
        for pattern in ICON_FOLDERS
        for name, contexts in ICON_CLASSES.items()
        for context in contexts
        for file in sorted((Path("/usr/share/icons") / pattern.format(context)).glob("*.png"))
        if not file.is_symlink()
    ]
    return _images(found, 32, seed, one_class=False)


def stamps(seed: int, folder: Path) -> Images:
    home = STAMPS.path(folder)
    found = [
        (file, name, _series(file))
        for name in STAMP_CLASSES.split()
        for file in sorted((home / name).rglob("*.png"))
    ]
    return _images(found, 64, seed)


def _series(file: Path) -> str:
    """What pictures of a series have in common, within one folder: house_01.png, house_02.png -> house."""
    return f"{file.parent}/{re.sub(r'[^a-z]+', ' ', file.stem.lower()).split(' ')[0] or file.stem}"


DRAWINGS = (
    ImageSet(
        name="emoji",
        licence="Apache-2.0 (images), MIT (table)",
        packages=(EMOJI,),
        half="development",
        build=emoji,
        task="Google's emoji by group, without skin tones.",
        split="30 %; the man, woman and person of one emoji are on one side.",
    ),
    ImageSet(
        name="clip-art",
        licence="public domain",
        packages=(CLIP_ART,),
        half="final",
        build=clip_art,
        task="Open Clip Art by category; imbalanced.",
        split="30 %; files of one folder whose names begin with the same word are on one side.",
    ),
    ImageSet(
        name="icons",
        licence="GPL-2+, LGPL-3+, CC BY-SA and public domain, by theme",
        packages=ICONS,
        half="development",
        build=icons,
        task="Icons of four desktop themes by what they are for; imbalanced.",
        split="30 %; icons of one name, in all themes, are on one side.",
    ),
    ImageSet(
        name="stamps",
        licence="GPL-2",
        packages=(STAMPS,),
        half="final",
        build=stamps,
        task="Photographs and cartoons of things, cut out, that Tux Paint has as stamps, by category.",
        split="30 %; files of one folder whose names begin with the same word are on one side.",
    ),
)
