"""Which sample a person means by a path, a name or an id, however the path is spelled.

Spellings are tried from the strict to the tolerant, and a key that has found its sample is tried no further:
as it is written; in one form (slashes, `./`, drive letters, composed Unicode); whatever the case. Within a
spelling a whole name goes before the end of a name, that before a name at the end of the key; a key without a
suffix (`0001` for `0001.png`) comes after one with it. What fits several samples equally well fits none.
"""

import posixpath
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path, PurePosixPath

import pyarrow.compute as pc

from components.data.replaced import Replacements
from components.data.shards import DUPLICATE, Index, column, read_quarantine

Named = Iterable[tuple[str, str]]  # (name, id) of samples
Rank = tuple[int, bool, int]  # smaller is better
SUFFIX = re.compile(r"\.[A-Za-z][A-Za-z0-9]{1,4}")
ROOTED = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/+|[A-Za-z]:/|/")  # file:/, s3://, C:/, /


def find_samples(keys: Iterable[str], names: Callable[[], Named], root: str = "") -> dict[str, set[str]]:
    """Key -> ids of the samples that it can mean; a key that means none is left out.

    names: called once a spelling. root: of the names, as a path: a key may begin with it, or with its end.
    """
    left, found = set(keys), dict[str, set[str]]()
    for spelling in (str, portable, caseless):
        if not left:
            break
        hits = _matches(left, names(), spelling, spelling(root), tails=spelling is not str)
        found |= hits
        left -= hits.keys()
    return found


def portable(path: str) -> str:
    """A path with slashes, in composed Unicode, without `.`, `..`, drive or scheme.

    portable("C:\\\\Users\\\\ana\\\\a.png") = "Users/ana/a.png"; portable("./x/../a.png") = "a.png".
    """
    text = unicodedata.normalize("NFC", path).replace("\\", "/")
    text = posixpath.normpath(ROOTED.sub("/", text, count=1) if ROOTED.match(text) else text)
    return re.sub(r"^(\.\.?(/|$)|/)+", "", text)


def caseless(path: str) -> str:
    return portable(path).casefold()


def any_named(folder: Path, index: Index, pattern: str) -> bool:
    """Whether the name of any sample, of a dropped duplicate or of a former version matches a regular expression.

    Raises:
        UserError: a shard is damaged.
    """
    for shard in index.shards:
        if pc.any(pc.match_substring_regex(column(folder / shard.file, "name"), pattern)).as_py():
            return True
    kept = re.compile(pattern)
    return any(
        kept.search(name)
        for _, name, reason in read_quarantine(folder, index.deliveries)
        if reason.startswith(f"{DUPLICATE}: ")
    )


def ingested(folder: Path, index: Index) -> Iterator[tuple[str, str]]:
    """(name, id) of every sample. The name of a dropped duplicate means the sample that it repeats, and the id of a
    former version of a file the newest."""
    past = Replacements(folder, index)
    yield from ((name, id) for name, id, _ in past.names())
    yield from past.heirs.items()


def quarantined(folder: Path, index: Index) -> Iterator[tuple[str, str]]:
    """(name, reason) of every sample in quarantine, duplicates apart."""
    for _, name, reason in read_quarantine(folder, index.deliveries):
        if not reason.startswith(f"{DUPLICATE}: "):
            yield name, reason


def _matches(
    keys: set[str], names: Named, spelling: Callable[[str], str], root: str, tails: bool
) -> dict[str, set[str]]:
    """Of each key the samples that it fits best. tails: whether a name may be the end of a key."""
    whole: dict[str, list[str]] = {}
    ends: dict[str, list[str]] = {}
    for key in keys:
        spelled = spelling(key)
        for form in {spelled, _below(spelled, root)}:
            whole.setdefault(form, []).append(key)
        for tail in _tails(spelled) if tails and not spelled.startswith(f"{root}/") else ():
            if "/" in tail or ROOTED.match(key.replace("\\", "/")):
                ends.setdefault(tail, []).append(key)
    best: dict[str, tuple[Rank, set[str]]] = {}

    def hit(keys: Iterable[str], rank: Rank, id: str) -> None:
        for key in keys:
            held = best.get(key)
            if held is None or rank < held[0]:
                best[key] = (rank, {id})
            elif rank == held[0]:
                held[1].add(id)

    for name, id in names:
        hit(whole.get(id, ()), (0, False, 0), id)
        spelled = spelling(name)
        for form in (spelled, _stem(spelled)):
            short = form != spelled
            hit(whole.get(form, ()), (0, short, 0), id)
            for tail in _tails(form):
                hit(whole.get(tail, ()), (1, short, 0), id)
            hit(ends.get(form, ()), (2, short, -len(form)), id)
    return {key: ids for key, (_, ids) in best.items()}


def _tails(path: str) -> Iterator[str]:
    """ "a/b/c" -> "b/c", "c"."""
    while "/" in path:
        path = path.split("/", 1)[1]
        yield path


def _stem(name: str) -> str:
    suffix = PurePosixPath(name).suffix
    return name.removesuffix(suffix) if SUFFIX.fullmatch(suffix) else name


def _below(key: str, root: str) -> str:
    """The key without the root, or the end of the root, that it begins with."""
    for start in (root, *_tails(root)):
        if start and key.startswith(f"{start}/"):
            return key.removeprefix(f"{start}/")
    return key
