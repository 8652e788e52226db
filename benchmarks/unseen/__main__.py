"""python -m benchmarks.unseen sets | packages | write: the image sets, what they need, and an inbox of one of them."""

import argparse
import sys
from pathlib import Path

from benchmarks.unseen.cache import load
from benchmarks.unseen.inbox import write
from benchmarks.unseen.packages import default_folder, install_commands, missing
from benchmarks.unseen.sets import SETS
from benchmarks.unseen.table import table
from components.errors import UserError


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.unseen", description=__doc__)
    parser.add_argument("--folder", type=Path, help="of the benchmark; default: unseen/ below SELFSUP_HOME")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("sets", help="build all sets whose packages are installed and print a table of them")
    commands.add_parser("packages", help="print the missing packages and the commands that install them")
    one = commands.add_parser("write", help="write one set as a folder of images with a labels.csv")
    one.add_argument("name", choices=SETS)
    one.add_argument("inbox", type=Path)
    one.add_argument("--labels-per-class", type=int, default=4)
    one.add_argument("--draw", type=int, default=0, help="number of the draw of labels")
    given = parser.parse_args()
    folder = given.folder.absolute() if given.folder else default_folder()
    if given.command == "sets":
        print(table(folder))
    elif given.command == "packages":
        print("\n".join(_packages(folder)))
    else:
        found = load(SETS[given.name], folder)
        write(given.inbox, found, given.labels_per_class, given.draw)
        print(f"wrote {len(found)} images to {given.inbox}; next: selfsup init NAME --from {given.inbox}")


def _packages(folder: Path) -> list[str]:
    every = tuple(package for image_set in SETS.values() for package in image_set.packages)
    lacking = missing(every, folder)
    if not lacking:
        return ["all packages are installed"]
    lines = [
        f"{name} needs {', '.join(package.name for package in some)}"
        for name, image_set in SETS.items()
        if (some := missing(image_set.packages, folder))
    ]
    return [*lines, "install them with:", *install_commands(lacking, folder)]


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        sys.exit(f"error: {error}")
