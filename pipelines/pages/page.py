"""The pages: each one HTML file that needs nothing beside it. Values are escaped by the template engine."""

from typing import Any

from jinja2 import DictLoader, Environment, StrictUndefined

from pipelines.pages.contents import with_contents

BASE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ title }}</title>
<style>
 :root { --ink: #1f2933; --quiet: #616e7c; --line: #e4e7eb; --accent: #2563eb; --good: #157f3d; --bad: #b42318; }
 * { box-sizing: border-box; }
 body { margin: 0; font: 15px/1.55 system-ui, -apple-system, "Segoe UI", sans-serif; color: var(--ink); background: #fff; }
 main { max-width: 1080px; margin: 0 auto; padding: 28px 24px 60px; }
 h1 { font-size: 26px; margin: 0 0 4px; } h2 { font-size: 18px; margin: 38px 0 10px; padding-top: 14px; border-top: 1px solid var(--line); }
 .lead { font-size: 17px; max-width: 62em; } .quiet { color: var(--quiet); font-size: 13px; }
 table { border-collapse: collapse; font-size: 14px; } th, td { text-align: left; padding: 4px 14px 4px 0; vertical-align: top; border-bottom: 1px solid var(--line); }
 th { color: var(--quiet); font-weight: 600; } td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; }
 .tiles { display: flex; flex-wrap: wrap; gap: 12px; margin: 18px 0; }
 .tile { border: 1px solid var(--line); border-radius: 8px; padding: 10px 16px; min-width: 150px; }
 .tile b { display: block; font-size: 24px; font-weight: 650; } .tile span { color: var(--quiet); font-size: 13px; }
 .row { display: flex; flex-wrap: wrap; gap: 18px; align-items: flex-start; } .row img { max-width: 100%; height: auto; }
 .sheet { border: 1px solid var(--line); border-radius: 8px; padding: 8px 10px; font-size: 13px; } .sheet img { display: block; margin-top: 4px; max-width: 100%; }
 .ok { color: var(--good); font-weight: 600; } .no { color: var(--bad); font-weight: 600; }
 .grid { display: grid; grid-template-columns: repeat(auto-fill, minmax(420px, 1fr)); gap: 12px; }
 pre { background: #f5f7fa; border-radius: 8px; padding: 12px 14px; overflow-x: auto; font-size: 12.5px; line-height: 1.45; }
 code { font-size: 12.5px; }
 .contents { display: flex; flex-wrap: wrap; gap: 4px 18px; font-size: 14px; } .contents a, .part summary { color: var(--accent); }
 .part { margin-top: 30px; padding-top: 14px; border-top: 1px solid var(--line); } .part summary { cursor: pointer; }
 .part summary h2 { display: inline; margin: 0; padding: 0; border: 0; color: var(--ink); } .part summary + * { margin-top: 10px; }
 .map { margin: 16px 0; } .map svg { width: 560px; max-width: 100%; border: 1px solid var(--line); border-radius: 8px; touch-action: none; cursor: grab; }
 .map circle:hover { stroke: var(--ink); stroke-width: 1.5; } .map .bar { margin-bottom: 8px; font-size: 14px; }
 .map .seen { flex: 1; min-width: 220px; font-size: 13px; } .map .sample img { min-width: 96px; image-rendering: pixelated; }
 .map .legend span { margin-right: 12px; white-space: nowrap; } .map i { display: inline-block; width: 10px; height: 10px; border-radius: 5px; margin-right: 4px; }
</style></head><body><main>
<h1>{{ title }}</h1>
<p class="quiet">{{ subtitle }}</p>
<p class="lead">{{ summary }}</p>
<!--contents-->
{% block body %}{% endblock %}
</main></body></html>
"""

TABLES = """{% macro drift_table(rows, words) %}<table><tr><th>delivery</th><th class="n">samples</th><th class="n">MMD²</th><th class="n">p</th>{% if rows[0].psi %}<th class="n">mix of {{ words.mix }}: index</th><th class="n">p</th><th class="n">{{ words.level }}</th>{% endif %}<th></th></tr>
{% for row in rows %}<tr><td>{{ row.name }}</td><td class="n">{{ row.samples }}</td><td class="n">{{ row.statistic }}</td><td class="n">{{ row.p }}</td>{% if row.psi %}<td class="n">{{ row.psi }}</td><td class="n">{{ row.mix }}</td><td class="n">{{ row.level }}</td>{% endif %}<td class="{{ 'no' if row.apart else 'ok' }}">{{ 'unlike old samples' if row.apart else 'like old samples' }}</td></tr>{% endfor %}</table>{% endmacro %}
{% macro health_table(rows) %}<table><tr><th>run</th><th class="n">samples</th><th class="n">kept</th><th class="n">right (estimated)</th><th class="n">changed cluster</th><th class="n">clusters</th><th class="n">smallest / median / largest</th></tr>
{% for row in rows %}<tr><td><code>{{ row.reference }}</code></td><td class="n">{{ row.samples }}</td><td class="n">{{ row.kept }}</td><td class="n">{{ row.precision }}</td><td class="n">{{ row.churn }}</td><td class="n">{{ row.clusters }}</td><td class="n">{{ row.sizes }}</td></tr>{% endfor %}</table>{% endmacro %}
"""

REPORT = """{% extends "base" %}{% from "tables" import drift_table, health_table %}{% block body %}<div class="tiles">{% for tile in tiles %}<div class="tile"><b>{{ tile.value }}</b><span>{{ tile.text }}</span></div>{% endfor %}</div>

{% if plan %}<h2>What the plan decided, and why</h2>
<p>{{ plan.reason }}</p>
<table>{% for name, value in plan.rows %}<tr><th>{{ name }}</th><td>{{ value }}</td></tr>{% endfor %}</table>
<div class="row">{% if plan.chart %}<img alt="drift of the deliveries" src="{{ plan.chart }}">{% endif %}
{% if plan.drift %}{{ drift_table(plan.drift, {}) }}{% endif %}</div>{% endif %}

{% if comparison %}<h2>Is it worth it?</h2>
<p>Every row was trained on the same {{ labels }} labels and is measured on the same {{ tests }} held-out test samples. The last column is the model less that row, paired sample by sample, with a 95 % interval {{ over }} (the interval of the {{ word }} itself is over test samples). {{ near_duplicates }}</p>
<div class="row"><img alt="models compared" src="{{ comparison_chart }}">
<table><tr><th>what</th><th class="n">{{ word }}</th><th>95 % interval</th><th>model less this</th></tr>
{% for row in comparison %}<tr><td>{{ row.name }}</td><td class="n">{{ row.value }}</td><td>{{ row.interval }}</td><td>{{ row.difference }}</td></tr>{% endfor %}</table></div>
{% if benefit %}<p><b>{{ benefit }}.</b></p>{% endif %}
{% for warning in warnings %}<p class="no">Warning {{ warning }}.</p>{% endfor %}{% endif %}

{% if candidates %}<h2>Which model is served</h2>
<p class="quiet">Each candidate was judged by labels that it was not given; shares of so few labels are rough, so models are averaged rather than chosen unless one leads by far.</p>
<table>{% for row in candidates %}<tr><th>{{ row.name }}</th><td>{{ row.text }}</td></tr>{% endfor %}</table>{% endif %}
{% if timeline %}<h3>What was trained when, and what it bought</h3>
<p class="quiet">Seconds since fine-tuning began. Trainings run side by side, so those of one candidate may take longer together than from begin to end; of a run that was interrupted, the last attempt is shown. The last column is the share of held-out labels that is right.</p>
<div class="row"><img alt="timeline of fine-tuning" src="{{ timeline_chart }}">
<table><tr><th>candidate</th><th class="n">began</th><th class="n">ended</th><th class="n">all trainings</th><th>right, and what it bought</th></tr>
{% for row in timeline %}<tr><td>{{ row.name }}</td><td class="n">{{ row.began }}</td><td class="n">{{ row.ended }}</td><td class="n">{{ row.seconds }}</td><td>{{ row.bought }}</td></tr>{% endfor %}</table></div>{% endif %}

{% if saving %}<h2>What did learning without labels save?</h2>
<p>{{ saving }}</p>
<div class="row"><img alt="accuracy by number of labels" src="{{ saving_chart }}"></div>{% endif %}

{% if checks %}<h2>The gate</h2>
<p>{{ outcome }}</p>
<table><tr><th>check</th><th class="n">figure</th><th class="n">bound</th><th>verdict</th><th>what it means</th></tr>
{% for check in checks %}<tr><td>{{ check.name }}</td><td class="n">{{ check.figure }}</td><td class="n">{{ check.bound }}</td><td class="{{ 'ok' if check.passed else 'no' }}">{{ 'passed' if check.passed else 'failed' }}</td><td>{{ check.why }}</td></tr>{% endfor %}</table>{% endif %}

<h2>What was learnt without labels</h2>
<p>{{ pretraining }}</p>
<div class="row">{% for image in curves %}<img alt="learning curve" src="{{ image }}">{% endfor %}</div>
{% if views %}<h3>Views</h3>
<table>{% for row in views %}<tr><th>{{ row.name }}</th><td>{{ row.text }}</td></tr>{% endfor %}</table>{% endif %}
{% if living %}<table><tr><th>figure</th><th class="n">first</th><th class="n">last</th><th class="n">healthy</th><th class="n">collapsed</th><th>what it is</th></tr>
{% for row in living %}<tr><td>{{ row.name }}</td><td class="n">{{ row.first }}</td><td class="n">{{ row.last }}</td><td class="n">{{ row.healthy }}</td><td class="n">{{ row.collapsed }}</td><td>{{ row.meaning }}</td></tr>{% endfor %}</table>{% endif %}
{{ map|safe }}

<h2>Clusters and pseudo-labels</h2>
<p>{{ clustering }}</p>
{% if coverage %}<div class="row"><img alt="share right against share kept" src="{{ coverage }}"></div>{% endif %}
<div class="grid">{% for sheet in sheets %}<div class="sheet"><b>cluster {{ sheet.cluster }}</b> · {{ sheet.text }}{{ sheet.samples|safe }}</div>{% endfor %}</div>

{% if health %}<h3>Pseudo-labels over time</h3>
{{ health_table(health) }}
<div class="row">{% for image in health_charts %}<img alt="pseudo-labels over time" src="{{ image }}">{% endfor %}</div>{% endif %}

{% if asked %}<h2>What to label next</h2>
<p>{{ asked_how }}; beside them, while few test samples have a label, some drawn by chance for testing. All {{ asked_count }} are in <code>{{ asked_file }}</code>: fill in its column label, save it in the inbox under a name such as <code>labels-2.csv</code>, and run again.</p>
<div class="row">{% for item in asked %}<div class="sheet">{{ item.sample|safe }}{{ item.text }}</div>{% endfor %}</div>{% endif %}

{% if suspects %}<h2>Labels that may be wrong</h2>
<p>{{ suspects }}</p>
<div class="row">{% for item in suspected %}<div class="sheet">{{ item.sample|safe }}{{ item.text }}</div>{% endfor %}</div>{% endif %}

{% if outliers %}<h2>Samples unlike all others</h2>
<p>{{ outliers }}</p>
<div class="row">{% for item in outlier_samples %}<div class="sheet">{{ item.sample|safe }}{{ item.text }}</div>{% endfor %}</div>{% endif %}

{% if confusion %}<h2>What it gets wrong</h2>
<div class="row"><img alt="confusion matrix" src="{{ confusion }}">
<table><tr><th>class</th><th class="n">precision</th><th class="n">recall</th><th class="n">F1</th><th class="n">samples</th></tr>
{% for row in classes %}<tr><td>{{ row.name }}</td><td class="n">{{ row.precision }}</td><td class="n">{{ row.recall }}</td><td class="n">{{ row.f1 }}</td><td class="n">{{ row.support }}</td></tr>{% endfor %}</table></div>
<h3>Surest mistakes</h3>
<div class="row">{% for item in mistakes %}<div class="sheet">{{ item.sample|safe }}{{ item.text }}</div>{% endfor %}</div>
<h3>Can its confidence be trusted?</h3>
<p>{{ calibration }}</p><img alt="reliability" src="{{ reliability }}">
<table>{% for row in explained %}<tr><th>{{ row.name }}</th><td class="n">{{ row.value }}</td><td>{{ row.text }}</td></tr>{% endfor %}</table>{% endif %}
{% if sets %}<p>{{ sets }}</p>{% endif %}
{% for part in parts %}<h2>{{ part.title }}</h2>
{% for text in part.text %}<p>{{ text }}</p>{% endfor %}
<div class="row">{% for image in part.charts %}<img alt="{{ part.title }}" src="{{ image }}">{% endfor %}</div>
{% if part.rows %}<table><tr>{% for name in part.head %}<th>{{ name }}</th>{% endfor %}</tr>
{% for row in part.rows %}<tr>{% for cell in row %}<td>{{ cell }}</td>{% endfor %}</tr>{% endfor %}</table>{% endif %}
<div class="row">{% for item in part.samples %}<div class="sheet">{{ item.sample|safe }}{{ item.text }}</div>{% endfor %}</div>
{% endfor %}
{% if protocols %}<h2>Beyond the accuracy</h2>
<div class="row">{% if corruptions_chart %}<img alt="accuracy by severity of the damage" src="{{ corruptions_chart }}">{% endif %}
<table>{% for row in protocols %}<tr><th>{{ row.name }}</th><td>{{ row.text }}</td></tr>{% endfor %}</table></div>{% endif %}

<h2>Where it comes from</h2>
<table>{% for name, value in lineage %}<tr><th>{{ name }}</th><td><code>{{ value }}</code></td></tr>{% endfor %}</table>
<h3>Stages</h3>
<table><tr><th>stage</th><th>reference</th><th>began (UTC)</th><th class="n">seconds</th></tr>
{% for row in stages %}<tr><td>{{ row.stage }}</td><td><code>{{ row.reference }}</code></td><td>{{ row.began }}</td><td class="n">{{ row.seconds }}</td></tr>{% endfor %}</table>
<h3>Recipe</h3><pre>{{ recipe }}</pre>
{% endblock %}"""

MONITOR = """{% extends "base" %}{% from "tables" import drift_table, health_table %}{% block body %}
<p class="quiet">{{ rule }}</p>
<div class="row">{% for image in charts %}<img alt="over time" src="{{ image }}">{% endfor %}</div>
{% if drift %}<h2>Deliveries since the champion was trained</h2>
{{ drift_table(drift, words) }}{% endif %}
{% if health %}<h2>Pseudo-labels from champion to champion</h2>
{{ health_table(health) }}{% endif %}
{% endblock %}"""

PAGES = {"base": BASE, "tables": TABLES, "report": REPORT, "monitor": MONITOR}


def render(name: str, values: dict[str, Any]) -> str:
    """A page, "report" or "monitor"; a value that is missing is an error, not a blank."""
    engine = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        loader=DictLoader(PAGES),
    )
    return with_contents(engine.get_template(name).render(values))
