"""docs/quality-OBJECTIVE.md and docs/quality-labels.md."""

from statistics import mean, stdev

SHOWN = (
    "model",
    "same encoder, labels alone",
    "frozen probe",
    "logistic_plain",
    "scratch",
    "calibration error",
)
Figures = dict[str, float]


def table(objective: str, rows: list[Figures]) -> str:
    head = f"# Quality of the quickstart with {objective}\n\n{len(rows)} seeds and label draws; two cores, no GPU. "
    head += "Written by `benchmarks/quality.py`.\n\n| figure | mean | deviation | each |\n|---|---|---|---|\n"
    lines = []
    for name in rows[0]:
        values = [row[name] for row in rows if name in row]
        spread = stdev(values) if len(values) > 1 else 0.0
        lines.append(
            f"| {name} | {mean(values):.3f} | {spread:.3f} | {', '.join(f'{v:.3f}' for v in values)} |"
        )
    return head + "\n".join(lines) + "\n"


def by_labels(objective: str, rows: dict[int, list[Figures]]) -> str:
    """rows: of each number of labels, those of all draws."""
    draws = max(map(len, rows.values()))
    text = f"# Quality of the quickstart with {objective}, by number of labels\n\nOne pretraining (seed 0), {draws} "
    text += "draws of labels, 4,000 test samples; mean and deviation. Written by `benchmarks/quality.py --each`.\n\n"
    text += "| labels | " + " | ".join(SHOWN) + " |\n" + "|---" * (len(SHOWN) + 1) + "|\n"
    for number, found in rows.items():
        values = [[row[name] for row in found] for name in SHOWN]
        spread = [stdev(v) if len(v) > 1 else 0.0 for v in values]
        cells = [f"{mean(v):.3f} ± {s:.3f}" for v, s in zip(values, spread, strict=True)]
        text += f"| {number} | " + " | ".join(cells) + " |\n"
    return text
