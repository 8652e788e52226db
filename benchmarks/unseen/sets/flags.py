"""Flags by layout, as four packages draw them."""

from pathlib import Path

import numpy as np

from benchmarks.unseen.image_set import Images, ImageSet
from benchmarks.unseen.packages import Package, debian
from benchmarks.unseen.sets.pictures import fitted
from benchmarks.unseen.split import hold_out

ISO = debian("iso-flags-png-320x240", "usr/share/iso-flags-png-320x240")
FAMFAMFAM = debian("famfamfam-flag-png", "usr/share/flags/countries/16x11")
EMOJI = tuple(
    Package("npm", f"emoji-datasource-{style}", f"emoji-datasource-{style}")
    for style in ("google", "twitter")
)
LAYOUTS = {
    "horizontal stripes": (
        "AM AR AT AZ BG BO BW CO CR DE EC EE EG ES ET GA GH GM HN HR HT HU ID IN IQ IR KE KH LA LB LI LS LT LU LV "
        "LY MC MM MU MW NE NI NL PL PY RS RU RW SG SI SK SL SM SR SV SY TH TJ UA UG UZ VE XK YE"
    ),
    "vertical stripes": "AD AF BB BE CA CI CM DZ FR GN GT IE IT MD ML MN MT MX NF NG PE RO SN TD VA VC",
    "cross": "AX BI CH DK DO FI FO GB GE GG IS JE JM NO SE",
    "Union Jack in the corner": "AC AI AU BM CK FJ FK GS IO KY MS NZ PN SH TA TC TV VG",
    "other corner": "CL GR LR MY TG TO TW US UY WS",
    "triangle at the hoist": "BS CU CZ DJ EH GQ GY JO KM MZ PH PR PS SD SS ST SX TL VU ZA ZW",
    "emblem on one colour": ("AL AQ BD BR CN CY EU FM GU HK JP KG KR KZ MA ME MO MP MV PW SA SO TN TR UN VN"),
    "diagonal": "BN BT CD CG KN MH NA SB TT TZ",
}


def flags(seed: int, folder: Path) -> Images:
    images, labels, groups = [], [], []
    for label, codes in enumerate(LAYOUTS.values()):
        for code in codes.split():
            for file in _files(code, folder):
                images.append(fitted(file, 48))
                labels.append(label)
                groups.append(code)
    known = np.array(labels, dtype=np.int64)
    return Images(np.stack(images), known, list(LAYOUTS), hold_out(groups, seed, within=known))


def _files(code: str, folder: Path) -> list[Path]:
    """The pictures of one country that are there; as an emoji it is named by two regional indicators."""
    emoji = "-".join(f"{0x1F1E6 + ord(letter) - ord('A'):x}" for letter in code)
    places = [ISO.path(folder) / f"{code.lower()}.png", FAMFAMFAM.path(folder) / f"{code.lower()}.png"]
    for package in EMOJI:
        style = package.name.rsplit("-", 1)[1]
        places.append(package.path(folder) / "img" / style / "64" / f"{emoji}.png")
    return [place for place in places if place.exists()]


FLAGS = (
    ImageSet(
        name="flags",
        licence="public domain, Apache-2.0 and CC BY 4.0, by package",
        packages=(ISO, FAMFAMFAM, *EMOJI),
        half="final",
        build=flags,
        task="Flags of countries by layout, each from up to four packages; imbalanced.",
        split="30 % of the countries of each class, all their pictures.",
    ),
)
