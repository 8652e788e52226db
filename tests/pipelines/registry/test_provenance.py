"""Which runs are above a run, where some of them stand for today's by a plan."""

from pipelines.engine.manifest import Manifest
from pipelines.registry.provenance import lineage


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
