"""The example packages of the documentation, as pip leaves them."""

import shutil
import tomllib
from pathlib import Path

EXAMPLES = Path(__file__).resolve().parents[1] / "docs" / "examples"


def install(example: str, folder: Path) -> Path:
    """`folder` with the modules of an example in it, and the entry points of its pyproject.toml."""
    source = EXAMPLES / example
    project = tomllib.loads((source / "pyproject.toml").read_text())["project"]
    info = folder / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    )
    lines = [
        f"[{group}]\n" + "".join(f"{name} = {place}\n" for name, place in entries.items())
        for group, entries in project["entry-points"].items()
    ]
    (info / "entry_points.txt").write_text("\n".join(lines))
    for module in [*source.glob("*.py"), *source.glob("*/__init__.py")]:
        if module.name == "__init__.py":
            shutil.copytree(
                module.parent, folder / module.parent.name, ignore=shutil.ignore_patterns("__pycache__")
            )
        else:
            shutil.copy(module, folder)
    return folder
