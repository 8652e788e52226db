"""What a registered version says of itself, for a person: `selfsup show NAME/VERSION`."""

import json
from collections.abc import Mapping, Sequence

from components.wording import counted
from pipelines.graph import GRAPH
from pipelines.registry.gate_checks import CHECK, VERDICT

OVERRIDE = "selfsup.override"  # tag: when, who and why, where a person went past the gate
FORGOTTEN = (
    "selfsup.forgotten"  # tag: how many samples of the data that it was made from were forgotten since
)


def card(model: str, version: str, tags: Mapping[str, str], aliases: Sequence[str]) -> list[str]:
    """Lines. tags: of the version, as the register stage and the gate wrote them; what is not there is left out."""
    own = {key.removeprefix("selfsup."): value for key, value in tags.items() if key.startswith("selfsup.")}
    title = f"{model} version {version}" + (f" ({', '.join(aliases)})" if aliases else "")
    rows = [
        ("gate", tags.get(VERDICT, "never judged")),
        ("override", own.get("override")),
        ("forgotten", _forgotten(own.get("forgotten"))),
        ("accuracy", _accuracy(own)),
        ("baselines", _baselines(own.get("figure.baselines"))),
        ("method", own.get("worth")),
        ("data version", own.get("data")),
        ("trained in", f"{float(own['seconds']):,.0f} s" if "seconds" in own else None),
        ("in place of", f"version {own['parent']}" if "parent" in own else None),
        ("code", own.get("commit")),
        ("digest", own.get("digest")),
        *((stage, own[stage]) for stage in GRAPH if stage in own),
    ]
    lines = [title, *(f"  {name:<13} {value}" for name, value in rows if value)]
    checks = sorted(key for key in tags if key.startswith(CHECK))
    return (
        lines
        + ([f"  {counted(len(checks), 'check')}:"] if checks else [])
        + [
            f"    {'passed' if (found := json.loads(tags[key]))['passed'] else 'failed'}  "
            f"{key.removeprefix(CHECK)}: {found['why']}"
            for key in checks
        ]
    )


def _accuracy(own: Mapping[str, str]) -> str | None:
    if "figure.accuracy" not in own:
        return None
    value, low, high = (own.get(f"figure.accuracy{end}") for end in ("", "_low", "_high"))
    interval = f" [{float(low):.3f}, {float(high):.3f}]" if low and high else ""
    more = {"macro F1": own.get("figure.macro_f1"), "calibration error": own.get("figure.ece")}
    rest = "".join(f", {name} {float(figure):.3f}" for name, figure in more.items() if figure)
    return f"{float(value or 0):.3f}{interval} on the test samples{rest}"


def _baselines(text: str | None) -> str | None:
    known = json.loads(text) if text else {}
    best_first = sorted(known.items(), key=lambda item: -(item[1] or 0.0))
    return ", ".join(f"{name} {'unknown' if v is None else f'{v:.3f}'}" for name, v in best_first) or None


def _forgotten(when: str | None) -> str | None:
    if not when:
        return None
    return f"made from data with samples that were forgotten on {when[:10]}; run the recipe for one without"
