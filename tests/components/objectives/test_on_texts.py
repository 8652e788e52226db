"""Objectives that know nothing of texts, on texts: they see tensors."""

import pytest
import torch

from components.encoders import build_encoder
from components.encoders.text_bag import TextBagConfig
from components.encoders.text_transformer import TextTransformerConfig
from components.modalities.text.augment import TextView
from components.modalities.text.config import TextConfig
from components.modalities.text.modality import Texts
from components.modalities.text.views import TextViews
from components.objectives import build_objective
from components.objectives.base import Batch
from components.training.learner import Learner
from tests.components.modalities.text.toys import batches, sentences
from tests.components.objectives.cases import ANYWHERE, CASES

ROWS, STEPS = 64, 20
ENCODERS = {
    "bag": TextBagConfig(width=16),
    "transformer": TextTransformerConfig(width=16, depth=1, heads=2),
}
HOW = {
    "global": TextView(drop=0.2, swap=2), "plain": TextView(), "local": TextView(crop=(0.4, 0.6)),
}  # fmt: skip


@pytest.fixture(scope="module")
def packed(tmp_path_factory):
    folder, given = tmp_path_factory.mktemp("packed"), sentences(ROWS)
    texts = Texts(TextConfig(length=24, vocabulary=300))
    written = texts.pack(batches(given), ROWS, folder)
    packing = texts.packing(written, folder, range(ROWS))
    return packing, packing.open({name: folder / file for name, file in written.files.items()})


@pytest.mark.parametrize("kind", ENCODERS)
@pytest.mark.parametrize("name", ANYWHERE)
def test_it_trains_on_texts_and_does_not_collapse(packed, name, kind):
    packing, arrays = packed
    torch.manual_seed(0)
    views, encoder = TextViews(packing), build_encoder(ENCODERS[kind], packing)
    objective = build_objective(CASES[name].config, encoder, ROWS, packing.length)
    learner, everything = Learner(encoder, objective), arrays.gather(torch.arange(ROWS))
    optimiser = torch.optim.AdamW(learner.parameters(), 3e-3)
    generator = torch.Generator().manual_seed(0)

    @torch.no_grad()
    def features():
        return encoder(everything)

    losses = []
    for step in range(STEPS):
        if step % 10 == 0:
            objective.before_epoch(step // 10, features)
        index = torch.randperm(ROWS, generator=generator)[:32]
        clean = views.clean(arrays.gather(index))
        seen = [
            views.augment(clean, HOW[role], generator)
            for role, count in objective.views
            for _ in range(count)
        ]
        targets = torch.where(index % 3 == 0, index % 2, -1) if objective.uses_labels else None
        loss = learner(Batch(seen, index, targets)).total
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        objective.after_step(encoder, (step + 1) / STEPS)
        losses.append(loss.item())
    assert torch.isfinite(torch.tensor(losses)).all()
    found = torch.nn.functional.normalize(features() - features().mean(dim=0), dim=1)
    assert found.std(dim=0).mean() > 0.3 / 16**0.5  # 1 / sqrt D where nothing is lost


@pytest.mark.parametrize("name", ["simclr", "vicreg", "byol", "swav"])
def test_what_compares_views_gets_better_at_it(packed, name):
    packing, arrays = packed
    torch.manual_seed(0)
    views, encoder = TextViews(packing), build_encoder(ENCODERS["bag"], packing)
    objective = build_objective(CASES[name].config, encoder, ROWS, packing.length)
    learner, generator = Learner(encoder, objective), torch.Generator().manual_seed(0)
    optimiser = torch.optim.AdamW(learner.parameters(), 3e-3)
    losses = []
    for step in range(60):
        index = torch.randperm(ROWS, generator=generator)[:32]
        clean = views.clean(arrays.gather(index))
        seen = [views.augment(clean, HOW["global"], generator) for _ in range(2)]
        loss = learner(Batch(seen, index)).total
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        objective.after_step(encoder, (step + 1) / 60)
        losses.append(loss.item())
    assert sum(losses[-10:]) < 0.9 * sum(losses[:10])
