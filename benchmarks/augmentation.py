"""Views a second, SimCLR's pipeline on a batch, ours beside kornia's: `python benchmarks/augmentation.py`.

Both do a random resized crop, flip, colour jitter (p .8) with hue and random greyscale on 256 float images of
32 x 32 x 3 on two threads. The two take turns, and each one's best time counts: on a shared machine the best
is what the code costs, the rest is what the neighbours cost.
"""

import time
from collections.abc import Callable

import torch
from torch import Tensor

from components.modalities.image.augment import ViewConfig, augment

BATCH, SIZE, ROUNDS = 256, 32, 20


def contenders(x: Tensor) -> dict[str, Callable[[], Tensor]]:
    """Each pipeline by name, ready to be called. kornia is left out where it is not installed."""
    generator = torch.Generator().manual_seed(0)
    simclr = ViewConfig(size=SIZE)
    runs: dict[str, Callable[[], Tensor]] = {
        "ours": lambda: augment(x, simclr, generator),
        "ours, without hue": lambda: augment(x, simclr.model_copy(update={"hue": 0.0}), generator),
        "ours, with blur": lambda: augment(x, simclr.model_copy(update={"blur": 0.5}), generator),
        "ours, with blur, solarise, erase": lambda: augment(
            x, simclr.model_copy(update={"blur": 0.5, "solarise": 0.2, "erase": 0.2}), generator
        ),
        "ours, with rotation": lambda: augment(x, simclr.model_copy(update={"rotate": 10.0}), generator),
        "ours, gamma instead of colour, one channel": lambda: augment(
            x[:, :1], simclr.model_copy(update={"gamma": 0.5}), generator
        ),
    }
    try:
        import kornia.augmentation as K
    except ImportError:
        return runs
    crop = K.RandomResizedCrop((SIZE, SIZE), scale=simclr.scale, ratio=simclr.ratio)
    flip, grey = K.RandomHorizontalFlip(p=0.5), K.RandomGrayscale(p=0.2)
    full = torch.nn.Sequential(crop, flip, K.ColorJitter(0.4, 0.4, 0.4, 0.1, p=0.8), grey)
    toned = torch.nn.Sequential(crop, flip, K.ColorJitter(0.4, 0.4, 0.4, p=0.8), grey)
    return {**runs, "kornia": lambda: full(x), "kornia, without hue": lambda: toned(x)}


def measure(runs: dict[str, Callable[[], Tensor]], rounds: int = ROUNDS) -> dict[str, float]:
    """Views a second of each, from its best round; the contenders take turns."""
    best = dict.fromkeys(runs, float("inf"))
    for turn in range(rounds + 3):
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            if turn >= 3:  # the first ones warm up
                best[name] = min(best[name], time.perf_counter() - start)
    return {name: BATCH / seconds for name, seconds in best.items()}


def main() -> None:
    torch.set_num_threads(2)
    rates = measure(contenders(torch.rand(BATCH, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(1))))
    peer = rates.get("kornia")
    print(f"| pipeline ({SIZE}x{SIZE}, batch {BATCH}, 2 threads) | views/s | times kornia |\n|---|---:|---:|")
    for name, rate in rates.items():
        print(f"| {name} | {rate:,.0f} | {f'{rate / peer:.1f}' if peer else 'not installed'} |")


if __name__ == "__main__":
    main()
