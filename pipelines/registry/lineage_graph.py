"""The runs that a run, or a registered model, was made of, as a Mermaid flowchart."""

from pipelines.engine.manifest import Manifest
from pipelines.engine.store import read_manifest
from pipelines.registry import record
from pipelines.registry.record import Record, references
from pipelines.settings import Settings

FIGURES = {
    "snapshot": "samples", "pretrain": "epochs", "pseudo_label": "kept", "finetune": "labels", "register": "version",
}  # fmt: skip


def graph_of(reference: str, of_model: bool, settings: Settings) -> str:
    """The graph of STAGE/KEY, or of NAME/VERSION or NAME/ALIAS.

    Raises:
        UserError: no such run or version, or its record is incomplete.
    """
    if not of_model:
        read_manifest(reference, settings.store)  # raises where there is none
        return mermaid(record.collect([reference], settings.store))
    model, _, asked = reference.rpartition("/")
    version, tags = record.tags_of(model, asked, settings)
    return mermaid(record.load(model, version, tags, settings), f"{model} version {version}")


def mermaid(made: Record, model: str = "") -> str:
    """A node for each run and an edge from each that it was given. made: each run after those that it was given, so the
    last one is what the graph is of.

    >>> mermaid({})
    'flowchart TD'
    """
    names = {reference: f"n{place}" for place, reference in enumerate(made)}
    lines = ["flowchart TD"]
    lines += [
        f'  {names[reference]}["{_title(reference, manifest)}"]' for reference, manifest in made.items()
    ]
    for reference, manifest in made.items():
        given = [above for above in references(manifest.given) if above in names]
        lines += [f"  {names[above]} --> {names[reference]}" for above in given]
    if model:
        lines += [f'  model(["{_plain(model)}"])', f"  {names[list(made)[-1]]} --> model"]
    return "\n".join(lines)


def _title(reference: str, manifest: Manifest) -> str:
    figure = FIGURES.get(manifest.stage)
    value = manifest.output.get(figure) if figure else None
    more = f"<br/>{value:,} {figure}" if isinstance(value, int) else ""
    return f"{_plain(reference)}{more}"


def _plain(text: str) -> str:
    """As a label in quotes can hold it."""
    return text.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
