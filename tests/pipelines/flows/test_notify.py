"""What a webhook gets, from a real HTTP server; and that a bad one fails nothing."""

import asyncio
import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from pipelines.flows.notify import late, notify
from pipelines.settings import Settings


@pytest.fixture
def hook():
    """(address, what was posted there so far)."""
    got: list[tuple[str, dict[str, str]]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            got.append((self.headers["Content-Type"], json.loads(body)))
            self.send_response(500 if self.path == "/broken" else 204)
            self.end_headers()

        def log_message(self, *arguments):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", got
    server.shutdown()
    server.server_close()


def test_the_log_has_it_always_and_the_webhook_where_it_is_set(tmp_path: Path, hook, caplog) -> None:
    address, got = hook
    caplog.set_level("INFO")
    assert not notify(Settings(home=tmp_path), "promoted", "version 3 is the champion", "small", "run-1")
    assert got == []
    settings = Settings(home=tmp_path, webhook=address)
    assert notify(settings, "failed", "pretrain: no room", "small", "run-1", "disk-full")
    ((kind, body),) = got
    assert kind == "application/json"
    time = body.pop("time")
    told = {"event": "failed", "text": "pretrain: no room", "code": "disk-full"}
    assert body == {**told, "recipe": "small", "run": "run-1"}
    assert time.endswith("+00:00")
    told = [(record.levelname, record.message) for record in caplog.records]
    assert told == [
        ("INFO", "small promoted: version 3 is the champion"),
        ("ERROR", "small failed [disk-full]: pretrain: no room"),
    ]


@pytest.mark.parametrize("place", ["/broken", None])
def test_a_webhook_that_is_broken_or_gone_is_said_and_fails_nothing(
    tmp_path: Path, hook, caplog, place
) -> None:
    address = f"{hook[0]}{place}" if place else "http://127.0.0.1:9"
    assert not notify(Settings(home=tmp_path, webhook=address), "failed", "text", "small", "run-1")
    assert "the webhook did not take it" in caplog.text


def test_a_run_that_is_late(tmp_path: Path, hook, monkeypatch) -> None:
    monkeypatch.setenv("SELFSUP_WEBHOOK", hook[0])
    monkeypatch.setenv("SELFSUP_HOME", str(tmp_path))
    asyncio.run(late("small", 1.5, {"dag_run": {"dag_run_id": "manual-7"}}))
    body = hook[1][0][1]
    assert (body["event"], body["recipe"], body["run"]) == ("late", "small", "manual-7")
    assert body["text"] == "the training is not done 1.5 h after it was asked for"
