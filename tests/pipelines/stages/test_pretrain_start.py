"""The pretraining stage from the weights of a file: what learns, and what is written."""

from typing import Any

import torch
from safetensors.torch import load_file

from components.encoders import build_encoder
from components.encoders.start import digest
from components.encoders.vit import VitConfig
from components.modalities.image.config import image_packing
from components.training.checkpoint import export_encoder
from pipelines.engine.context import Context
from pipelines.stages import pretrain
from tests.pipelines.stages.test_pretrain import context, request

__all__ = ["context"]


def test_low_rank_deltas_learn_beside_the_file_s_weights_and_are_merged_in_the_end(context: Context) -> None:
    assert context.folder is not None
    config = VitConfig(width=8, depth=1, heads=2, patch=4)
    torch.manual_seed(1)
    begun = build_encoder(config, image_packing(1, [0.5], [0.3], 8))
    file = context.folder / "begun.safetensors"
    export_encoder(file, begun)
    start = {"weights": str(file), "sha256": digest(file), "adapt": "lora", "rank": 1}
    given: dict[str, Any] = request().model_dump(mode="json")
    given["encoder"] = {**config.model_dump(mode="json"), "start": start}
    output = pretrain.run(pretrain.Request.model_validate(given), context.folder, context)
    after, before = load_file(context.folder / output.encoder.path), begun.state_dict()
    assert after.keys() == before.keys()
    for name, value in after.items():
        changed = value - before[name]
        adapted = value.ndim > 1 and name.endswith("weight")
        assert bool(changed.any()) == adapted, name
        if adapted:
            assert torch.linalg.matrix_rank(changed.flatten(1), rtol=1e-3) == 1, name
    encoder = build_encoder(output.encoder_config, output.packing)
    encoder.load_state_dict(after)  # as embed and finetune do
