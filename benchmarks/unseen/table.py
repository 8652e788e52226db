"""The table of the image sets, in Markdown."""

from pathlib import Path

from benchmarks.unseen.cache import load
from benchmarks.unseen.image_set import Images, ImageSet
from benchmarks.unseen.packages import install_commands, missing
from benchmarks.unseen.sets import SETS

HEAD = ("set", "half", "images", "test", "classes", "largest : smallest class", "size", "licence")


def table(folder: Path) -> str:
    """A row a set, then a paragraph a set; a set whose packages are missing has the command instead of figures."""
    rows = [HEAD, tuple("---" for _ in HEAD)]
    notes = []
    for name, image_set in SETS.items():
        lacking = missing(image_set.packages, folder)
        figures = ("",) * 5 if lacking else _figures(load(image_set, folder))
        rows.append((name, image_set.half, *figures, image_set.licence))
        notes.append(_note(image_set))
        if lacking:
            notes[-1] += f" Left out here; install with `{' && '.join(install_commands(lacking, folder))}`."
    return "\n".join(["| " + " | ".join(row) + " |" for row in rows] + ["", *notes])


def _figures(found: Images) -> tuple[str, ...]:
    sizes = sorted(found.labels.tolist().count(label) for label in range(len(found.classes)))
    height, width = found.images.shape[1:3]
    colour = "colour" if found.images.ndim == 4 else "grey"
    return (
        f"{len(found):,}",
        f"{int(found.test.sum()):,}",
        str(len(found.classes)),
        f"{sizes[-1] / sizes[0]:.1f}",
        f"{width} x {height}, {colour}",
    )


def _note(image_set: ImageSet) -> str:
    return f"- **{image_set.name}**: {image_set.task} Held out: {image_set.split}"
