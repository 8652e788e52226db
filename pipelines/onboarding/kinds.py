"""Which kind of data somebody has."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, ValidationError

from components.config import explain, unknown
from components.errors import UserError
from components.wording import counted

if TYPE_CHECKING:
    from components.data.reader import Reader
    from components.modalities.base import Modality


def named(modality: str | dict[str, Any]) -> "Modality[Any, Any]":
    """The kind of data that is named as in a recipe.

    Raises:
        UserError: there is no such kind, or it has no such option.
    """
    from components.modalities.registry import MODALITIES, ModalityConfig, build_modality

    given = {"name": modality} if isinstance(modality, str) else modality
    if given.get("name") not in MODALITIES:
        raise UserError(
            "unknown-name",
            f"modality: {unknown(str(given.get('name')), list(MODALITIES)).replace('key', 'name')}",
        )
    try:
        return build_modality(TypeAdapter(ModalityConfig).validate_python(given))
    except ValidationError as error:
        raise UserError("invalid-option", explain(error, "modality")) from None


def present(place: Path, own: Iterable[Path]) -> "Modality[Any, Any]":
    """The kind of data at a place, a folder or a table: that of most files, by their names; else the first that reads
    one of the tables, kinds whose samples are made of several files before all others; else that of most files, by how
    they begin. Images where none can be read, so that the survey says why. own: folders that are no part of it.

    Raises:
        UserError: a folder without a single file of any kind.
    """
    from components.data.inbox import Inbox
    from components.modalities.registry import MODALITIES

    folder = place if place.is_dir() else place.parent

    def found(name: str, guess: bool) -> tuple[int, bool, bool]:
        """Files of whole samples, whether there is a table of them, and whether the kind joins files."""
        reader = _reader(name)
        inbox = Inbox(folder, reader, settle=0, now=0, own=own, guess=guess)
        there = [each for each in inbox.list().deliveries if place.is_dir() or each.name == place.name]
        return sum(map(inbox.whole, there)), any(d.kind == "table" for d in there), reader.joins

    for guess in (False, True):
        of = {name: found(name, guess) for name in MODALITIES}
        most = max(of, key=lambda name: of[name][0])
        tables = sorted((name for name in of if of[name][1]), key=lambda name: not of[name][2])
        if of[most][0] or tables:
            return named(most if of[most][0] else tables[0])
    listing = Inbox(folder, _reader("image"), settle=0, now=0, own=own).list()
    if place.is_dir() and not (listing.deliveries or listing.broken):
        nouns = ", ".join(dict.fromkeys(_reader(name).noun for name in MODALITIES))
        ignored = (
            f" ({counted(len(listing.ignored), 'file')}, e.g. {listing.ignored[0]})"
            if listing.ignored
            else ""
        )
        raise UserError(
            "samples-unreadable",
            f"nothing readable in {place}: no {nouns}{ignored}; give data of one of the kinds {', '.join(MODALITIES)} "
            "(with `--modality KIND` this message tells what files one of them has)",
        )
    return named("image")


def _reader(name: str) -> "Reader":
    """That of a kind with its usual options and limits."""
    modality = named(name)
    reader: Reader = modality.reader(modality.Limits())
    return reader


def policies_of(name: str) -> tuple[str, ...]:
    """The policies of views of a kind of data."""
    from components.modalities.views import VIEW_MAKERS

    kind: Any = VIEW_MAKERS[name]
    policies: tuple[str, ...] = kind.policies
    return policies
