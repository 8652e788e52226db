"""Built image sets, kept in the folder of the benchmark until the code that builds them changes."""

from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

import numpy as np

from benchmarks.unseen.image_set import Images, ImageSet, finished
from benchmarks.unseen.packages import require
from components.files import locked, write_atomically

CODE = Path(__file__).resolve().parent


def load(image_set: ImageSet, folder: Path, seed: int = 0) -> Images:
    """The images of a set, built where they are not in `folder` yet.

    Another version of a package is not noticed: remove the file in `folder`/sets to build the set again.

    Raises:
        UserError: a package is missing; the message gives the command that installs it.
    """
    file = folder / "sets" / f"{image_set.name}-{seed}-{_code_digest()}.npz"
    with locked(folder / "sets" / f"{image_set.name}.lock"):
        if not file.exists():
            require(image_set.packages, folder, image_set.name)
            found = finished(image_set.build(seed, folder), seed)
            write_atomically(file, lambda stream: _save(stream, found))
    with np.load(file) as kept:
        return Images(kept["images"], kept["labels"], [str(name) for name in kept["classes"]], kept["test"])


def _save(stream: BinaryIO, found: Images) -> None:
    classes = np.array(found.classes)
    np.savez(stream, images=found.images, labels=found.labels, test=found.test, classes=classes)


@cache
def _code_digest() -> str:
    digest = sha256()
    for file in sorted([*CODE.glob("sets/*"), CODE / "image_set.py", CODE / "split.py"]):
        if file.is_file():
            digest.update(file.read_bytes())
    return digest.hexdigest()[:12]
