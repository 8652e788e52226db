"""Where a report's model comes from: versions of data, code and packages, seeds, and the runs with their seconds."""

from pipelines.engine.code_digest import ROOT
from pipelines.pages.sources import Sources
from pipelines.registry.provenance import git_commit, lock_hash
from pipelines.stages.report.training_times import began


def rows(sources: Sources) -> list[tuple[str, str]]:
    """Name and value; of the model only where there is one."""
    made, register = sources.manifests, sources.outputs["register"]
    model = [("classifier", f"none registered: {register.get('skipped') or 'nothing could be trained'}")]
    if address := register.get("encoder"):
        model.append(("registered encoder", str(address)))
    if register["version"]:
        model = [
            ("model", f"{register['name']} version {register['version']}"),
            ("model's digest", register["digest"]),
        ]
    encoder = sources.outputs["pretrain"].get("encoder") or {}
    return [
        *model,
        ("encoder's digest", str(encoder.get("sha256", "unknown"))),
        ("data version (DVC)", str(sources.outputs["snapshot"]["version"])),
        ("recipe", sources.context.recipe),
        ("git commit", git_commit(ROOT)),
        ("lock file", lock_hash(ROOT)),
        ("seeds", ", ".join(f"{s} {m.given['seed']}" for s, m in made.items() if "seed" in m.given)),
    ]


def stages(sources: Sources) -> list[dict[str, str]]:
    return [
        {
            "stage": stage,
            "reference": sources.references[stage],
            "began": began(manifest.started),
            "seconds": f"{manifest.seconds:.1f}",
        }
        for stage, manifest in sources.manifests.items()
    ]
