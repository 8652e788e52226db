"""The page at /: what is served, and how to ask for it."""

from collections.abc import Mapping
from html import escape
from typing import Any

CURL = {
    "image": "--data-binary @image.png -H 'Content-Type: image/png'",
    "audio": "--data-binary @sound.wav -H 'Content-Type: audio/wav'",
    "text": "--data-binary @text.txt -H 'Content-Type: text/plain'",
    "series": """-H 'Content-Type: application/json' -d '{"inputs": [[[0.1], [0.2], [0.3]]]}'""",
    "history": """-H 'Content-Type: application/json' -d '{"inputs": [[["item", 1700000000]]]}'""",
    "pair": """-H 'Content-Type: application/json' -d '{"dataframe_records": [{"image": "BASE64", "text": "..."}]}'""",
    "table": """-H 'Content-Type: application/json' -d '{"dataframe_records": [{"age": 41, "city": "Bonn"}]}'""",
}
STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:50rem;margin:2rem auto;padding:0 1rem}"
    "pre{background:#f3f3f3;padding:1rem;overflow:auto}"
    "td,th{padding:.2rem 1rem .2rem 0;text-align:left}"
)


def page(health: Mapping[str, Any], columns: tuple[str, ...], kind: str, address: str, token: bool) -> str:
    """HTML.

    Args:
        health: what /health answers. columns, kind: of the model's kind of data. address: of this server.
        token: whether requests need one.
    """
    key = kind if kind in CURL else columns[0] if columns and columns[0] in CURL else "table"
    bearer = " -H 'Authorization: Bearer TOKEN'" if token else ""
    rows = "".join(
        f"<tr><td>{escape(str(one['alias']))}</td><td>{escape(str(one['version'] or '-'))}</td>"
        f"<td>{escape(str(one['data_version'] or '-'))}</td><td>{escape(str(one['trouble'] or ''))}</td></tr>"
        for one in health["models"]
    )
    name = escape(str(health["model"]))
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{name}</title><style>{STYLE}</style>'
        f"<h1>{name}</h1><p>Predictions of the champion, over HTTP.</p>"
        "<table><thead><tr><th>alias</th><th>version</th><th>data version</th><th>trouble</th></tr></thead>"
        f"<tbody>{rows}</tbody></table><h2>Predict</h2>"
        f"<pre>curl{escape(bearer)} {escape(CURL[key])} \\\n  {escape(address)}/predict</pre>"
        "<p>In JSON: <code>dataframe_records</code>, <code>dataframe_split</code> or <code>inputs</code>, as MLflow's "
        "scoring protocol has it; bytes as base64.</p>"
        '<p><a href="/health">health</a> <a href="/ready">ready</a> <a href="/metrics">metrics</a></p></html>'
    )
