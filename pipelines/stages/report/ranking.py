"""The sections of the page that are about rankings: how good the lists are, beside which models, and for whom."""

import html
from typing import Any

import pyarrow.parquet as pq

from components.wording import counted
from pipelines.pages.sources import Sources
from pipelines.pages.wording import percent

NAMES = {
    "model": "this model",
    "encoder": "pretrained encoder",
    "popularity": "most popular items",
    "recency": "lately popular items",
    "transitions": "what follows the last item (Markov chain)",
    "item_knn": "item-kNN",
    "ease": "EASE",
}

Found = dict[str, Any]  # the output of evaluate
Part = dict[str, Any]


def sections(sources: Sources, measured: dict[str, float | None] | None, became: str) -> dict[str, Any]:
    """The names of the template that sections.BLANK leaves empty, and what stands for them.

    Args:
        measured: pseudo-labels against the truth: this task has none. became: what became of the model.
    """
    outputs = sources.outputs
    snapshot, tuned, found = outputs["snapshot"], outputs["finetune"], outputs["evaluate"]
    return {
        "summary": summary(snapshot, tuned, found, became),
        "tiles": tiles(snapshot, tuned, found),
        "parts": _parts(sources, tuned, found),
        "over": "over users",
    }


def summary(snapshot: Found, tuned: Found, found: Found, became: str) -> str:
    """What happened, in one paragraph."""
    if found["skipped"]:
        return f"From {counted(snapshot['samples'], 'user')} no ranking, because of {found['skipped']}."
    data = f"From {counted(tuned['trained'], 'event')} of {counted(tuned['samples'], 'user')}"
    if found["unmeasured"]:
        return f"{data}: a ranking, of which {found['unmeasured']}. {became}"
    m, best = found["metrics"], found["best_baseline"]
    interval, margin = (f"{m[f'{name}_low']:.3f} to {m[f'{name}_high']:.3f}" for name in ("ndcg", "margin"))
    return (
        f"{data}: NDCG@10 {m['ndcg']:.3f} over all {m['items']:,.0f} items (95 % interval {interval}) for "
        f"{counted(found['samples'], 'user')}, served by {called(tuned['method'])}; {m['margin']:+.3f} ({margin}) "
        f"against the best baseline, {NAMES[best]}. {became}"
    )


def called(method: str) -> str:
    """A candidate in words: "ease 250" is "EASE, penalty 250"."""
    name, _, penalty = method.partition(" ")
    return f"{NAMES[name]}, penalty {penalty}" if penalty else NAMES[name]


def tiles(snapshot: Found, tuned: Found, found: Found) -> list[dict[str, str]]:
    """The figures at the top."""
    rows = [{"value": f"{snapshot['samples']:,}", "text": "users"}]
    if not tuned["skipped"]:
        rows.append({"value": f"{tuned['trained']:,}", "text": "events trained on"})
    if m := found["metrics"]:
        rows += [
            {"value": f"{m['ndcg']:.3f}", "text": "NDCG@10"},
            {"value": percent(m["hit_rate"]), "text": "chose one of the ten items"},
            {"value": percent(m["coverage"]), "text": "of the items recommended to anybody"},
        ]
    return rows


def _parts(sources: Sources, tuned: Found, found: Found) -> list[Part]:
    if found["skipped"]:
        return []
    if found["unmeasured"]:
        return [_part("How good is it?", [f"{found['unmeasured'][:1].upper()}{found['unmeasured'][1:]}."])]
    return [_figures(found), _choice(tuned), _users(sources, found)]


def _figures(found: Found) -> Part:
    """NDCG beside the simple models."""
    values, m = found["intervals"], found["metrics"]
    others = sorted((name for name in values if name != "model"), key=lambda name: -values[name]["value"])
    rates = {"model": m["hit_rate"], **found["hit_rates"]}
    rows = [
        _row(name, values[name], rates[name], found["differences"].get(name)) for name in ["model", *others]
    ]
    text = (
        f"Of each of {m['users']:,.0f} users the next event was held out, and all {m['items']:,.0f} items were ranked. "
        f"HR@10 is the share whose item is among the first ten; NDCG@10 counts its place, too. A random order has "
        f"{m['chance']:.4f}. The last column is the model less that row, user by user, with a 95 % interval over users."
    )
    if m["trained_on"] < m["users"]:
        text += f" {m['users'] - m['trained_on']:,.0f} of the users were not trained on at all."
    head = ["what", "NDCG@10", "95 % interval", "HR@10", "model less this"]
    return _part("How good is it?", [text], head, rows)


def _row(name: str, figure: Found, rate: float, over: Found | None) -> list[str]:
    difference = "" if over is None else f"{over['value']:+.3f} ({over['low']:+.3f} to {over['high']:+.3f})"
    interval = f"{figure['low']:.3f} to {figure['high']:.3f}"
    return [NAMES[name], f"{figure['value']:.3f}", interval, f"{rate:.3f}", difference]


def _choice(tuned: Found) -> Part:
    """The candidates on the events held out for choosing."""
    rows = [
        [
            called(one["name"]),
            f"{one['ndcg']:.3f}",
            f"{one['hit_rate']:.3f}",
            "" if one["name"] == tuned["method"] else f"{one['difference']:+.3f} ± {1.96 * one['error']:.3f}",
        ]
        for one in tuned["candidates"]
    ]
    text = (
        f"Measured on another event of {counted(tuned['users'], 'user')}, before the one above: "
        f"{called(tuned['method'])} is served. {percent(tuned['repeated'])} of the events repeat an item of the user; "
        f"such items are {'recommended again' if tuned['repeats'] else 'left out of the lists'}."
    )
    return _part(
        "Which model is served?", [text], ["candidate", "NDCG@10", "HR@10", "less the served one"], rows
    )


def _users(sources: Sources, found: Found) -> Part:
    """Some users, drawn by chance."""
    listed = pq.read_table(sources.file("evaluate", "examples")).to_pylist()
    shown = [
        {"sample": sources.sheet([row["row"]]) + _list(row), "text": f"NDCG@10 {row['ndcg']:.2f}"}
        for row in listed
    ]
    text = (
        f"{len(listed)} users by chance. Their history holds the chosen event, which the model did not see."
    )
    return {**_part("What users are recommended", [text]), "samples": shown}


def _list(row: Found) -> str:
    """The recommended items, the chosen one in bold."""
    items = "".join(
        f"<li>{'<b>' if item == row['chosen'] else ''}{html.escape(item[:60])}"
        f"{'</b>' if item == row['chosen'] else ''}</li>"
        for item in row["items"]
    )
    chosen = html.escape((row["chosen"] or "an unknown item")[:60])
    return (
        '<div style="font:11px/14px sans-serif">recommended:'
        f'<ol style="margin:0;padding-left:2em">{items}</ol>chosen: <b>{chosen}</b></div>'
    )


def _part(
    title: str, text: list[str], head: list[str] | None = None, rows: list[list[str]] | None = None
) -> Part:
    return {"title": title, "text": text, "charts": [], "head": head or [], "rows": rows or [], "samples": []}
