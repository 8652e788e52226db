"""Objectives of event histories beside the simple models of the field, on MovieLens 100k as the package recbole carries
it (never shipped): `pip download --no-deps recbole==1.2.1`, unpack the wheel, then

    python -m benchmarks.events --folder FOLDER/recbole/dataset_example/ml-100k [--epochs 60] [--objectives sasrec]

Leave-one-out, all items ranked, items of the history left out. Prints a row a model: NDCG@10 and HR@10 of the last
event with 95 % intervals over users, and seconds. EASE's penalty is chosen on the event before the last.
Letters: N users.
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from pydantic import TypeAdapter

from components.encoders.history_transformer import HistoryTransformer, HistoryTransformerConfig
from components.evaluation.classification.bootstrap import mean_interval
from components.evaluation.ranking.gains import Gains
from components.evaluation.ranking.histories import histories_of
from components.evaluation.ranking.simple import Arrays, fits
from components.modalities.events.config import EventsConfig
from components.modalities.events.decode import Event, encode
from components.modalities.events.modality import EventHistories
from components.modalities.events.packed import PackedEvents
from components.modalities.samples import Samples
from components.objectives import ObjectiveConfig, build_objective
from components.objectives.base import Batch
from components.registry.ranking_model import Method
from pipelines.inference.rankings import asked, measured, ranker

BATCH = 64


def read(folder: Path) -> list[bytes]:
    """A history a user of ml-100k.inter: user, item, rating and time, separated by tabs."""
    events: dict[str, list[Event]] = {}
    for line in (folder / "ml-100k.inter").read_text().splitlines()[1:]:
        user, item, _, moment = line.split("\t")
        events.setdefault(user, []).append(Event(item, float(moment)))
    return [encode(sorted(own, key=lambda event: event.time)) for own in events.values()]


def packed_in(folder: Path, data: list[bytes]) -> Samples:
    modality = EventHistories(EventsConfig(length=1024))
    written = modality.pack(lambda: [data], len(data), folder)
    packing = modality.packing(written, folder, np.arange(len(data)))
    return Samples(packing=packing, files={name: folder / file for name, file in written.files.items()})


def trained(samples: Samples, name: str, epochs: int, seed: int) -> HistoryTransformer:
    """The encoder after so many epochs of an objective, with Adam and a constant rate."""
    torch.manual_seed(seed)
    causal = name != "bert4rec"
    encoder = HistoryTransformer(HistoryTransformerConfig(causal=causal, dropout=0.3), samples.packing)
    packed, views = samples.open(), samples.views
    objective = build_objective(
        TypeAdapter(ObjectiveConfig).validate_python({"name": name}),
        encoder,
        len(packed),
        views.packing.length,
    )
    roles = views.roles(None, None)
    optimiser = torch.optim.Adam(encoder.parameters(), 1e-3)
    for epoch in range(epochs):
        order = torch.randperm(len(packed), generator=torch.Generator().manual_seed(seed + epoch))
        for step, index in enumerate(torch.split(order, BATCH)):
            generator, clean = torch.Generator().manual_seed(1000 * epoch + step), packed.gather(index)
            seen = [
                views.augment(clean, roles[role], generator) for role, n in objective.views for _ in range(n)
            ]
            loss = objective(encoder, Batch(seen, index)).total
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            objective.after_step(encoder, (epoch + 1) / epochs)
    return encoder.eval()


def row(name: str, gains: Gains, best: Gains | None, seconds: float) -> str:
    ndcg, hit = mean_interval(gains.ndcg), float(gains.hit.mean())
    line = f"| {name} | {ndcg.value:.4f} ({ndcg.low:.4f} to {ndcg.high:.4f}) | {hit:.4f} | {seconds:.0f} |"
    if best is None:
        return line
    over = mean_interval(gains.ndcg - best.ndcg)
    return f"{line} {over.value:+.4f} ({over.low:+.4f} to {over.high:+.4f}) |"


def main() -> None:
    asking = argparse.ArgumentParser()
    asking.add_argument("--folder", type=Path, required=True)
    asking.add_argument("--epochs", type=int, default=60)
    asking.add_argument("--seed", type=int, default=0)
    asking.add_argument("--objectives", nargs="*", default=["sasrec"])
    given = asking.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        samples = packed_in(Path(folder), read(given.folder))
        compare(samples, given.objectives, given.epochs, given.seed)


def compare(samples: Samples, objectives: list[str], epochs: int, seed: int) -> None:
    items = len(samples.packing.items)
    encoder = HistoryTransformer(HistoryTransformerConfig(), samples.packing).eval()
    packed = samples.open()
    assert isinstance(packed, PackedEvents)
    chosen, tested = asked(packed.before("choose")), asked(packed.before("test"))

    def gains(
        method: Method, arrays: Arrays, part: tuple[PackedEvents, np.ndarray], net: HistoryTransformer
    ) -> Gains:
        config = HistoryTransformerConfig(causal=net.causal)
        given = histories_of(packed, items)
        model = ranker(method, arrays, given, net, config, samples.packing, repeats=False, top=10)
        return measured(model, *part)

    print("| model | NDCG@10 | HR@10 | seconds | less the best simple model |\n|---|---|---|---|---|")
    known, before = histories_of(packed.before("test"), items), histories_of(packed, items)
    simple, rows = fits(items), {}
    tried = {name: gains(m, fit(before), chosen, encoder).ndcg.mean() for name, (m, fit) in simple.items()}
    penalty = max((name for name in simple if name.startswith("ease")), key=lambda name: tried[name])
    for name, (method, fit) in simple.items():
        if name.startswith("ease") and name != penalty:
            continue
        began = time.monotonic()
        rows[name] = gains(method, fit(known), tested, encoder)
        print(row(name, rows[name], None, time.monotonic() - began), flush=True)
    best = max(rows.values(), key=lambda one: one.ndcg.mean())
    for name in objectives:
        began = time.monotonic()
        net = trained(samples, name, epochs, seed)
        print(row(name, gains("encoder", {}, tested, net), best, time.monotonic() - began), flush=True)


if __name__ == "__main__":
    main()
