"""A map of an embedding in a page: zoomed by the wheel, moved by dragging, a sample shown for the point under the
pointer or in focus. It needs nothing beside the page, and without scripts it is a picture with names."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jinja2 import Environment, StrictUndefined
from numpy.typing import NDArray

from pipelines.pages.charts import COLOURS, QUIET

SIDE = 560  # of the map, in its own units
MARGIN = 12
LEGEND = 12  # groups at most that are named beside the map


@dataclass(frozen=True)
class Point:
    """name: id of the sample. sample: as HTML that is safe, empty where it is not shown. groups: grouping -> its
    group, "" for none."""

    name: str
    sample: str
    groups: Mapping[str, str]


TEMPLATE = """<figure class="map" id="{{ id }}">
<div class="bar"><label>coloured by
<select>{% for name in groupings %}<option>{{ name }}</option>{% endfor %}</select></label>
<button type="button">whole map</button> <span class="quiet">wheel: zoom; drag: move</span></div>
<div class="row"><svg viewBox="0 0 {{ side }} {{ side }}" role="img" aria-label="{{ title }}">
{% for dot in dots %}<circle cx="{{ dot.x }}" cy="{{ dot.y }}" r="4" fill="{{ dot.colours[0] }}"
 data-n="{{ loop.index0 }}"><title>{{ dot.text }}</title></circle>
{% endfor %}</svg>
<div class="seen"><div class="legend">
{% for entry in legend %}<span><i style="background:{{ entry.colour }}"></i>{{ entry.name }}</span>{% endfor %}</div>
<div class="sample" aria-live="polite"></div></div></div>
{% for dot in dots %}{% if dot.sample %}
<template data-n="{{ loop.index0 }}">{{ dot.sample|safe }}</template>
{% endif %}{% endfor %}
<script type="application/json">{{ colours|safe }}</script>
<script>
(() => {
  const map = document.getElementById("{{ id }}"), svg = map.querySelector("svg"), side = {{ side }};
  const colours = JSON.parse(map.querySelector('script[type="application/json"]').textContent);
  const dots = [...svg.querySelectorAll("circle")], shown = map.querySelector(".sample");
  let box = [0, 0, side], held = null;
  const draw = () => {
    svg.setAttribute("viewBox", `${box[0]} ${box[1]} ${box[2]} ${box[2]}`);
    dots.forEach(dot => dot.setAttribute("r", 4 * Math.sqrt(box[2] / side)));
  };
  const at = event => {
    const place = svg.getBoundingClientRect();
    return [(event.clientX - place.left) / place.width, (event.clientY - place.top) / place.height];
  };
  svg.addEventListener("wheel", event => {
    event.preventDefault();
    const [x, y] = at(event), width = Math.min(side, Math.max(side / 64, box[2] * (event.deltaY > 0 ? 1.25 : 0.8)));
    box = [box[0] + x * (box[2] - width), box[1] + y * (box[2] - width), width];
    draw();
  }, { passive: false });
  svg.addEventListener("pointerdown", event => { held = [...at(event), box[0], box[1]]; });
  window.addEventListener("pointerup", () => { held = null; });
  svg.addEventListener("pointermove", event => {
    if (!held) return;
    const [x, y] = at(event);
    box = [held[2] - (x - held[0]) * box[2], held[3] - (y - held[1]) * box[2], box[2]];
    draw();
  });
  svg.addEventListener("pointerover", event => {
    if (event.target.tagName !== "circle") return;
    const sample = map.querySelector(`template[data-n="${event.target.dataset.n}"]`);
    const words = document.createElement("p");
    words.textContent = event.target.querySelector("title").textContent;
    shown.replaceChildren(words, ...(sample ? [sample.content.cloneNode(true)] : []));
  });
  map.querySelector("button").addEventListener("click", () => { box = [0, 0, side]; draw(); });
  map.querySelector("select").addEventListener("change", event => {
    const chosen = event.target.selectedIndex;
    dots.forEach((dot, n) => dot.setAttribute("fill", colours.fills[chosen][n]));
    map.querySelector(".legend").replaceChildren(...colours.legends[chosen].map(([name, colour]) => {
      const entry = document.createElement("span"), mark = document.createElement("i");
      mark.style.background = colour;
      entry.append(mark, name);
      return entry;
    }));
  });
})();
</script></figure>"""


def embedding_map(places: NDArray[np.floating], points: Sequence[Point], title: str, id: str = "map") -> str:
    """n points at places [n, 2] as HTML.

    Args:
        points: all with the same groupings; the first one colours the map until another is chosen.
        id: of the element, unique in the page.
    """
    low, high = places.min(axis=0), places.max(axis=0)
    scaled = (places - low) / np.maximum(high - low, 1e-12) * (SIDE - 2 * MARGIN) + MARGIN
    groupings = list(points[0].groups)
    fills, legends = zip(*(_coloured([p.groups[g] for p in points]) for g in groupings), strict=True)
    dots = [
        {
            "x": f"{x:.1f}",
            "y": f"{SIDE - y:.1f}",
            "colours": [fill[n] for fill in fills],
            "text": " · ".join([point.name, *(f"{k} {v}" for k, v in point.groups.items() if v)]),
            "sample": point.sample,
        }
        for n, ((x, y), point) in enumerate(zip(scaled, points, strict=True))
    ]
    engine = Environment(autoescape=True, undefined=StrictUndefined)
    known = json.dumps({"fills": fills, "legends": legends})
    return engine.from_string(TEMPLATE).render(
        id=id, title=title, side=SIDE, groupings=groupings, dots=dots,
        legend=[{"name": name, "colour": colour} for name, colour in legends[0]],
        colours=_in_script(known),
    )  # fmt: skip


def _coloured(groups: Sequence[str]) -> tuple[list[str], list[tuple[str, str]]]:
    """The colour of each, and (name, colour) of each group where they are few enough to be told apart."""
    names = sorted(set(groups))
    colour = {name: COLOURS[i % len(COLOURS)] if name else QUIET for i, name in enumerate(names)}
    legend = [(name or "none", colour[name]) for name in names] if len(names) <= LEGEND else []
    return [colour[group] for group in groups], legend


def _in_script(text: str) -> str:
    """JSON that cannot end the <script> it stands in."""
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
