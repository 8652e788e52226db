"""Debian packages of fonts, by script."""


def _packages(names: str) -> tuple[str, ...]:
    return tuple(f"fonts-{name}" for name in names.split())


def _derived(origin: str, names: str) -> dict[str, str]:
    return dict.fromkeys(_packages(names), origin)


_WESTERN = _packages(
    "cantarell cmu comfortaa dejavu-core dejavu-extra firacode freefont-ttf go hack inter jetbrains-mono jura "
    "liberation2 linuxlibertine open-sans play roboto-unhinted sil-gentiumplus tuffy"
)
LATIN = _packages(
    "adf-accanthis adf-baskervald adf-berenis adf-gillius adf-ikarius adf-irianis adf-libris adf-mekanus "
    "adf-oldania adf-romande adf-solothurn adf-switzera adf-tribun aenigma breip cabin comic-neue "
    "crosextra-caladea crosextra-carlito dkg-handwriting dosis dustin ebgaramond fantasque-sans femkeklaver "
    "georgewilliams humor-sans lato opendyslexic quicksand rufscript sjfonts texgyre vollkorn"
)
GREEK = _WESTERN + _packages(
    "gfs-artemisia gfs-baskerville gfs-bodoni-classic gfs-complutum gfs-didot gfs-didot-classic gfs-gazis "
    "gfs-neohellenic gfs-olga gfs-porson gfs-solomos gfs-theokritos oldstandard sil-galatia stix"
)
CYRILLIC = _WESTERN + _packages(
    "anonymous-pro oldstandard paratype sil-andika sil-charis sil-doulos ubuntu-title"
)
JAPANESE = _packages(
    "aoyagi-kouzan-t aoyagi-soseki dejima-mincho dotgothic16 horai-umefont ipaexfont-gothic ipaexfont-mincho "
    "ipafont-gothic ipafont-mincho kiloji klee komatuna konatu kouzan-mouhitsu migmix misaki mona monapo "
    "motoya-l-cedar motoya-l-maruberi mplus rampart reggae rocknroll sawarabi-gothic sawarabi-mincho seto stick "
    "takao-gothic takao-mincho train umeplus vlgothic yozvox-yozfont yozvox-yozfont-antique "
    "yozvox-yozfont-cute yozvox-yozfont-edu yusei-magic"
)
ONE_GROUP_A_FONT = _packages("aenigma")
"""Packages of fonts that have nothing in common."""

DERIVED = {
    **_derived("Aoyagi", "aoyagi-kouzan-t aoyagi-soseki kouzan-mouhitsu"),
    **_derived(
        "IPA",
        "ipafont-gothic ipafont-mincho ipaexfont-gothic ipaexfont-mincho takao-gothic takao-mincho monapo",
    ),
    **_derived("M+", "migmix komatuna mplus umeplus vlgothic"),
    **_derived("Motoya", "motoya-l-cedar motoya-l-maruberi"),
    **_derived("SIL", "sil-charis sil-doulos sil-gentiumplus sil-galatia"),
    **_derived("Vera", "dejavu-core dejavu-extra hack"),
    **_derived("Yozfont", "yozvox-yozfont yozvox-yozfont-antique yozvox-yozfont-cute yozvox-yozfont-edu"),
}
"""Package to the group that it shares with others: their glyphs have a common origin or a common designer."""
