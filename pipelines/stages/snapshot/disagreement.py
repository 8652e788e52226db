"""Whether data.dvc and the data folder agree, as far as a look at names, sizes and earlier snapshots can tell."""

import json
from pathlib import Path

from components.data import versions
from components.data.shards import folder_digest
from components.wording import counted
from pipelines.settings import Settings


def disagreement(settings: Settings, recipe: str = "") -> str | None:
    """What is wrong between data.dvc and the data folder, in one line, as far as a look at names, sizes and
    earlier snapshots tells; None where they agree, or where the folder has changed since the last snapshot.

    recipe: whose data are to be the named ones where only another recipe's have changed since.

    Raises:
        UserError: data.dvc cannot be read.
    """
    data, named, here = settings.data, versions.read(settings.data), digests(settings.data)
    made = [
        json.loads(file.read_bytes())["output"] for file in settings.store.glob("snapshot/*/manifest.json")
    ]
    folders = [(str(output["version"]), output.get("folders", {})) for output in made]
    held = sorted({version for version, then in folders if here and then == here})
    if not held:
        return _other_than(recipe, named, folders, here, versions.pointer(data))
    pointer = versions.pointer(data)
    if named is None:
        return f"{pointer} is missing; the folder holds {held[0]}: `selfsup data checkout {held[0]}` writes it again"
    if named.hash not in held:
        return (
            f"{pointer} names version {named.hash}, but the folder holds {held[0]}: bring the named one with "
            f"`selfsup data checkout {named.hash}`, or set the file right with `selfsup data checkout {held[0]}`"
        )
    if (found := versions.size(data)) != (named.files, named.bytes):
        return (
            f"{data} was changed by hand: {counted(named.files, 'file')} of {named.bytes:,} bytes needed for version "
            f"{named.hash}, there are {found[0]} of {found[1]}; bring it back with `selfsup data checkout {named.hash}`"
        )
    return None


def _other_than(
    recipe: str,
    named: versions.Version | None,
    made: list[tuple[str, dict[str, str]]],
    here: dict[str, str],
    pointer: Path,
) -> str | None:
    """The same of one recipe's data, where no version is the whole folder: another recipe's await their snapshot."""
    own = here.get(recipe)
    fits = {version for version, then in made if own is not None and then.get(recipe) == own}
    if not fits or (named is not None and named.hash in fits):
        return None
    news = [name for name, digest in here.items() if all(then.get(name) != digest for _, then in made)]
    said = (
        "is missing" if named is None else f"names version {named.hash}, and that has other data of {recipe}"
    )
    flows = " or ".join(f"`selfsup run {name} --flow ingest`" for name in news)
    return f"{pointer} {said}: {flows or 'the next snapshot'} makes a version of all that is there, and writes it"


def digests(data: Path) -> dict[str, str]:
    """Recipe -> digest of its folder, of all that have been ingested."""
    return {file.parent.name: folder_digest(file.parent) for file in sorted(data.glob("*/index.json"))}
