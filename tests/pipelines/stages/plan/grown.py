"""A store in which data grow, delivery by delivery, and champions that were trained on them, by their manifests."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file

from components.data.table import Table
from components.encoders import build_encoder
from components.encoders.resnet import ResnetConfig
from components.modalities.image.config import image_packing
from pipelines.engine.artifact import Artifact
from pipelines.engine.code_digest import code_digest, version
from pipelines.engine.context import Context
from pipelines.engine.manifest import Manifest
from pipelines.settings import Settings
from pipelines.stages.plan import stage as plan

SIDE = 8
ENCODER = ResnetConfig(widths=(4, 8), blocks=(1, 1))
ASKED: dict[str, dict[str, Any]] = {
    "pretrain": {"seed": 0, "encoder": ENCODER.model_dump(mode="json")},
    "embed": {},
}
MODALITY = {"name": "image", "size": SIDE, "channels": 1}


class Grown:
    """Samples by delivery; each fifth is a test sample. References count up: snapshot/0, snapshot/1, ..."""

    def __init__(self, home: Path) -> None:
        self.settings = Settings(home=home, data=home / "data", device="cpu")
        self.pixels: list[np.ndarray] = []
        self.labels: dict[int, int] = {}
        self.tests: set[int] = set()
        self.made: dict[str, int] = {}

    def deliver(self, count: int, bright: int = 0) -> None:
        """bright: how much lighter than the others these samples are, 0 to 155."""
        rng = np.random.default_rng(len(self.pixels))
        self.pixels.append(rng.integers(bright, 100 + bright, (count, 1, SIDE, SIDE)).astype(np.uint8))

    def snapshot(self, **given: Any) -> str:
        images = np.concatenate(self.pixels)
        n = len(images)
        split = np.array(["test" if i % 5 == 4 or i in self.tests else "train" for i in range(n)])
        label = np.array([self.labels.get(i, -1) for i in range(n)], dtype=np.int64)
        shards = np.concatenate([np.full(len(part), f"shard{i}") for i, part in enumerate(self.pixels)])

        def write(folder: Path) -> dict[str, Any]:
            np.save(folder / "images.npy", images)
            Table(np.array([f"{i:064x}" for i in range(n)]), shards, split, label).save(
                folder / "table.parquet"
            )
            images_, table = (Artifact.of(folder / name, folder) for name in ("images.npy", "table.parquet"))
            packing = image_packing(1, [0.2], [0.1]).model_dump(mode="json") | given.get("modality", MODALITY)
            return {
                "arrays": {"images": images_.model_dump()}, "table": table.model_dump(), "packing": packing,
                "classes": ["bag", "shoe"], "samples": n,
            }  # fmt: skip

        return self.finish("snapshot", write, **{"modality": MODALITY, "test_share": 0.2, **given})

    def champion(
        self, snapshot: str, tuned: str = "", start: str = "", previous: str | None = None
    ) -> dict[str, str]:
        """As observed: pretrained on `snapshot`, fine-tuned on `tuned` (default: the same)."""

        def encoder(folder: Path) -> dict[str, Any]:
            torch.manual_seed(0)
            packing = image_packing(1, [0.2], [0.1], SIDE)
            save_file(build_encoder(ENCODER, packing).state_dict(), folder / "encoder.safetensors")
            (folder / "checkpoint").write_bytes(b"all of it")
            files = {"encoder": "encoder.safetensors", "checkpoint": "checkpoint"}
            made = {key: Artifact.of(folder / name, folder).model_dump() for key, name in files.items()}
            config = ENCODER.model_dump(mode="json")
            return {**made, "encoder_config": config, "packing": packing.model_dump(mode="json")}

        def model(folder: Path) -> dict[str, Any]:
            for name in ("model", "config"):
                (folder / name).write_bytes(name.encode())
            return {name: Artifact.of(folder / name, folder).model_dump() for name in ("model", "config")}

        more = {"start": {"parent": start}} if start else {}
        pretrain = self.finish("pretrain", encoder, snapshot=snapshot, **ASKED["pretrain"], **more)
        tuned = tuned or snapshot
        embed = self.finish("embed", snapshot=tuned, pretrain=pretrain)
        more = {"previous": previous} if previous else {}
        pseudo_label = self.finish("pseudo_label", snapshot=tuned, embed=embed, seed=0, **more)
        finetune = self.finish(
            "finetune", model, snapshot=tuned, pretrain=pretrain, pseudo_label=pseudo_label, seed=0
        )
        runs = (pretrain, embed, pseudo_label, finetune)
        return {"version": "7", "created": "1700000000", **{ref.split("/")[0]: ref for ref in (tuned, *runs)}}

    def plan(self, snapshot: str, seen: dict[str, str], **asked: Any) -> plan.Output:
        stages = asked.get("asked", ASKED)
        code = {f"code/{stage}": code_digest(stage, given)[:16] for stage, given in stages.items()}
        code |= {f"version/{stage}": str(version(stage)) for stage in stages}
        folder = self.settings.home / "plan"
        folder.mkdir(exist_ok=True)
        context = Context(
            store=self.settings.store,
            settings=self.settings,
            recipe="toys",
            folder=folder,
            observed={**code, **seen},
        )
        request = plan.Request(**{"snapshot": snapshot, "model": "toys", "asked": ASKED, **asked})
        return plan.run(request, folder, context)

    def finish(self, stage: str, write: Any = lambda folder: {}, **given: Any) -> str:
        self.made[stage] = self.made.get(stage, -1) + 1
        folder = self.settings.store / stage / str(self.made[stage])
        folder.mkdir(parents=True)
        manifest = Manifest(
            stage=stage, version=version(stage), recipe="toys", given=given, observed={},
            request={"train": {"precision": "float32"}, **given},
            code=code_digest(stage, given), output=write(folder), started=0.0, seconds=1.0,
        )  # fmt: skip
        (folder / "manifest.json").write_text(manifest.model_dump_json())
        return f"{stage}/{folder.name}"
