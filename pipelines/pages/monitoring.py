"""Drift and health over time: what the report and the monitor's page show of them. Outputs as plain JSON values."""

from collections.abc import Mapping, Sequence
from typing import Any

from components.wording import counted
from pipelines.engine.manifest import Manifest
from pipelines.inference.arrivals import delivery_shown
from pipelines.pages import timelines
from pipelines.pages.page import render
from pipelines.pages.summary import drift, planned
from pipelines.pages.wording import p_value, percent

Found = Mapping[str, Any]


def drift_rows(windows: Sequence[Found], level: float) -> list[dict[str, Any]]:
    """A row a delivery, oldest first. windows: with delivery, samples, statistic, p, of plan or of monitor."""
    return [
        {
            "name": delivery_shown(w["delivery"]),
            "samples": f"{w['samples']:,}",
            "statistic": f"{w['statistic']:.4f}",
            "p": p_value(w["p"]),
            "apart": w["p"] <= level,
            "psi": f"{w['psi']:.3f}" if "psi" in w else "",
            "mix": p_value(w["mix_p"]) if "mix_p" in w else "",
            "level": f"{w['level']:.3f}" if "level" in w else "",
        }
        for w in windows
    ]


def plan(manifest: Manifest) -> dict[str, Any]:
    """What the report tells of the plan: its sentence, its figures, and the drift from delivery to delivery."""
    decided, asked = manifest.output, manifest.request
    level = asked["level"]
    return {
        "reason": decided["reason"],
        "rows": planned(decided, (level, asked["needed"], asked["windows"])),
        "drift": drift_rows(decided["drift"], level),
        "chart": drift_chart(decided["drift"], level),
    }


def drift_chart(windows: Sequence[Found], level: float) -> str:
    names = [delivery_shown(w["delivery"]) for w in windows]
    return timelines.tests(names, [w["p"] for w in windows], level) if windows else ""


def health_charts(health: Sequence[Found]) -> list[str]:
    """Pseudo-labels from champion to champion; nothing to draw of fewer than two."""
    if len(health) < 2:
        return []
    shares = {
        "kept": [h["kept_share"] for h in health],
        "of these right (estimated)": [h["estimated_precision"] for h in health],
        "changed their cluster": [h["churn"] for h in health],
    }
    sizes = {name: [h[name] for h in health] for name in ("largest", "median", "smallest")}
    return [
        timelines.lines(shares, "pseudo-labels: shares of the samples"),
        timelines.lines(sizes, "samples of a cluster", log=True),
    ]


def health_rows(health: Sequence[Found]) -> list[dict[str, str]]:
    return [
        {
            "reference": h["reference"],
            "samples": f"{h['samples']:,}",
            "kept": percent(h["kept_share"]),
            "precision": percent(h["estimated_precision"]),
            "churn": "" if h["churn"] is None else percent(h["churn"]),
            "clusters": str(h["clusters"]),
            "sizes": f"{h['smallest']} / {h['median']:.0f} / {h['largest']}",
        }
        for h in health
    ]


def sentence(found: Found, rule: tuple[float, int, int]) -> str:
    """What monitor saw, in one sentence. rule: level, needed, windows of its request."""
    who = f"version {found['champion']}"
    if not found["deliveries"]:
        return f"nothing was delivered since {who} was trained: no drift to look for"
    last = found["deliveries"][-1]
    deliveries = counted(len(found["deliveries"]), "delivery")
    return (
        f"drift: {drift(found['drifted'], [d['p'] for d in found['deliveries']], *rule)}; of {deliveries} that {who} "
        f"was not trained on, the newest has p {p_value(last['p'])} for its features, p {p_value(last['mix_p'])} for "
        f"its mix of {found['words']['mix']} "
        f"(stability index {last['psi']:.3f}), mean {found['words']['level']} {last['level']:.3f} against "
        f"{found['level']:.3f} of old samples"
    )


def page(recipe: str, found: Found, rule: tuple[float, int, int]) -> str:
    """The monitor's page: one HTML file that needs nothing beside it."""
    deliveries, level = found["deliveries"], rule[0]
    old = sum(found["mix"].values())
    classes, words = list(found["mix"]), found["words"]
    shares = {"old samples": [n / old for n in found["mix"].values()]}
    shares |= {delivery_shown(d["delivery"]): [n / d["samples"] for n in d["mix"]] for d in deliveries[-3:]}
    histograms = {
        "old samples": found["histogram"],
        **{delivery_shown(d["delivery"]): d["histogram"] for d in deliveries[-3:]},
    }
    return render(
        "monitor",
        {
            "title": f"{recipe}: is new data still like what the champion knows?",
            "subtitle": f"champion version {found['champion']} · digest {found['digest'][:12]}",
            "summary": f"{sentence(found, rule)[:1].upper()}{sentence(found, rule)[1:]}.",
            "rule": f"Without drift, the rule says drift once in {1 / found['error_rate']:,.0f} deliveries.",
            "drift": drift_rows(deliveries, level),
            "words": words,
            "charts": [
                chart
                for chart in (
                    drift_chart(deliveries, level),
                    timelines.mixes(classes, shares, f"{words['mix']} predicted"),
                    timelines.histograms(
                        histograms,
                        f"{words['level']}, share of the samples",
                        words["level"],
                        (words["low"], words["high"]),
                    ),
                    *health_charts(found["health"]),
                )
                if chart
            ],
            "health": health_rows(found["health"]),
        },
    )
