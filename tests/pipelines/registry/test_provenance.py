"""Which runs are above a run, where some of them stand for today's by a plan."""

import yaml

from pipelines.engine.manifest import Manifest
from pipelines.registry.provenance import lineage, recipe_text


def test_of_a_stage_that_is_met_twice_the_nearest_counts(tmp_path):
    def finish(reference, **given):
        folder = tmp_path / reference
        folder.mkdir(parents=True)
        manifest = Manifest(
            stage=reference.split("/")[0], version=1, recipe="toys", given=given, request=given, observed={},
            code="c", output={}, started=0.0, seconds=1.0,
        )  # fmt: skip
        (folder / "manifest.json").write_text(manifest.model_dump_json())
        return reference

    old, new = finish("snapshot/old"), finish("snapshot/new")
    pretrain = finish("pretrain/p", snapshot=old)  # it stands by the plan, as does what it embedded
    embed = finish("embed/e", snapshot=old, pretrain=pretrain)
    named = finish("pseudo_label/l", snapshot=new, embed=embed)
    tuned = finish("finetune/f", snapshot=new, pretrain=pretrain, pseudo_label=named)
    judged = finish(
        "evaluate/v", snapshot=new, pretrain=pretrain, embed=embed, pseudo_label=named, finetune=tuned
    )
    for asked in ([new, pretrain, tuned, judged], [judged], [tuned]):
        above = {stage: reference for stage, (reference, _) in lineage(asked, tmp_path).items()}
        assert above["snapshot"] == new
        assert (above["pretrain"], above["embed"]) == (pretrain, embed)


def test_what_a_run_has_filled_in_is_no_part_of_the_recipe_that_a_model_names():
    """The kind of data is named once, unless a stage was asked another."""
    modality, other = ({"name": "image", "size": size} for size in (16, 8))
    given = {
        "snapshot": {"modality": modality, "test_share": 0.3},
        "pretrain": {
            "snapshot": "snapshot/0",
            "seed": 1,
            "start": {"parent": "pretrain/0"},
            "modality": modality,
        },
        "embed": {"snapshot": "snapshot/0", "modality": modality},
        "evaluate": {"modality": other},
        "pseudo_label": {"embed": "embed/0", "previous": "pseudo_label/0", "clusters": 9},
        "finetune": {"pretrain": "pretrain/1", "champion": "finetune/0", "steps": 7},
    }
    manifests = {
        stage: Manifest(
            stage=stage, version=1, recipe="toys", given=asked, request=asked, observed={},
            code="c", output={}, started=0.0, seconds=1.0,
        )
        for stage, asked in given.items()
    }  # fmt: skip
    told = yaml.safe_load(recipe_text("toys", manifests))
    assert told == {
        "name": "toys", "modality": modality, "snapshot": {"test_share": 0.3}, "pretrain": {"seed": 1},
        "evaluate": {"modality": other}, "pseudo_label": {"clusters": 9}, "finetune": {"steps": 7},
    }  # fmt: skip
