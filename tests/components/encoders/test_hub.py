"""A file of a hub, from a server on this machine that speaks its protocol."""

import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from pydantic import ValidationError

from components.encoders.hub import HubFile, fetched
from components.errors import UserError

BYTES = bytes(range(256)) * 5000  # more than one chunk
SHA = hashlib.sha256(BYTES).hexdigest()
OTHER = hashlib.sha256(b"other").hexdigest()
COMMIT = "a" * 40


class Hub:
    """answers: path -> (status, headers, body). asked: paths, in order."""

    def __init__(self):
        self.answers, self.asked, hub = {}, [], self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                hub.asked.append(self.path)
                status, headers, body = hub.answers.get(self.path, (404, {}, b"not here"))
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                if "Content-Length" not in headers:
                    self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *given):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def large(self, tag=SHA, body=BYTES, **headers):
        """As the hub serves a large file: two redirects, the first to another name of the repository."""
        self.answers = {
            f"/some/model/resolve/{COMMIT}/nets/a.safetensors": (
                307, {"Location": f"/new/model/resolve/{COMMIT}/nets/a.safetensors"}, b"moved"),
            f"/new/model/resolve/{COMMIT}/nets/a.safetensors": (
                302,
                {"X-Linked-ETag": f'"{tag}"', "X-Repo-Commit": COMMIT, "ETag": '"c0ffee"',
                 "Location": f"{self.url}/cdn/x?signed=1"},
                b"",
            ),
            "/cdn/x?signed=1": (200, {"ETag": '"of-the-cdn"', **headers}, body),
        }  # fmt: skip


@pytest.fixture
def hub(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    found = Hub()
    yield found
    found.server.shutdown()
    found.server.server_close()


def wanted(**more):
    given = {"repo": "some/model", "file": "nets/a.safetensors", "revision": COMMIT, "sha256": SHA}
    return HubFile(**{**given, **more})


def test_a_large_file_is_fetched_once_through_its_redirects(hub, tmp_path):
    hub.large()
    file = fetched(wanted(), tmp_path, {"HF_ENDPOINT": hub.url + "/"})
    assert file.read_bytes() == BYTES
    assert file.name == f"{SHA[:16]}-a.safetensors"
    assert len(hub.asked) == 3
    assert fetched(wanted(), tmp_path, {"HF_ENDPOINT": hub.url}) == file
    assert len(hub.asked) == 3
    file.write_bytes(b"cut short")
    assert fetched(wanted(), tmp_path, {"HF_ENDPOINT": hub.url}).read_bytes() == BYTES
    assert len(hub.asked) == 6


@pytest.mark.parametrize("tag", [SHA, "d" * 40])  # of a small file it is the id of a git object
def test_a_small_file_comes_at_once(hub, tmp_path, tag):
    path = f"/some/model/resolve/{COMMIT}/nets/a.safetensors"
    hub.answers[path] = (200, {"ETag": f'W/"{tag}"'}, BYTES)
    assert fetched(wanted(), tmp_path, {"HF_ENDPOINT": hub.url}).read_bytes() == BYTES


def test_another_file_is_refused_by_its_tag_before_it_is_read(hub, tmp_path):
    hub.large(tag=OTHER)
    with pytest.raises(UserError, match=f"sha256 {SHA[:12]} needed, got {OTHER[:12]}"):
        fetched(wanted(), tmp_path, {"HF_ENDPOINT": hub.url})
    assert not any(path.startswith("/cdn") for path in hub.asked)


@pytest.mark.parametrize("body", [b"other", BYTES[:-1], b""])
def test_other_bytes_are_refused_and_not_kept(hub, tmp_path, body):
    hub.large(body=body)
    with pytest.raises(UserError, match=f"sha256 {SHA[:12]} needed"):
        fetched(wanted(), tmp_path, {"HF_ENDPOINT": hub.url})
    assert not list(tmp_path.glob("*.safetensors"))


def test_a_connection_that_ends_early_leaves_nothing(hub, tmp_path):
    hub.large(body=BYTES[:1000], **{"Content-Length": str(len(BYTES))})
    with pytest.raises(UserError):
        fetched(wanted(), tmp_path, {"HF_ENDPOINT": hub.url})
    assert not list(tmp_path.glob("*.safetensors"))


def test_a_file_that_is_not_there_is_one_sentence(hub, tmp_path):
    with pytest.raises(
        UserError, match=f"{hub.url} gives 404 for some/model/nets/a.safetensors at aaaaaaa; check"
    ):
        fetched(wanted(), tmp_path, {"HF_ENDPOINT": hub.url})


def test_offline_it_is_one_sentence(hub, tmp_path):
    hub.server.shutdown()
    hub.server.server_close()
    with pytest.raises(
        UserError, match=r"is not on this machine and .* cannot be reached .* set HF_ENDPOINT"
    ) as raised:
        fetched(wanted(), tmp_path, {"HF_ENDPOINT": hub.url})
    assert "\n" not in str(raised.value)


def test_redirects_lead_to_http_only_and_end(hub, tmp_path):
    path = f"/some/model/resolve/{COMMIT}/nets/a.safetensors"
    hub.answers[path] = (302, {"Location": "file:///etc/hostname"}, b"")
    with pytest.raises(UserError, match="must lie at an http or https address, got 'file:///etc/hostname'"):
        fetched(wanted(), tmp_path, {"HF_ENDPOINT": hub.url})
    hub.answers[path] = (302, {"Location": path}, b"")
    with pytest.raises(UserError, match="more than 5 redirects"):
        fetched(wanted(), tmp_path, {"HF_ENDPOINT": hub.url})


@pytest.mark.parametrize(
    "wrong",
    [{"revision": "main"}, {"sha256": "1234"}, {"repo": "model"}, {"file": "/etc/passwd"}, {"file": "a//b"}],
)
def test_a_file_is_named_for_good(wrong):
    with pytest.raises(ValidationError):
        wanted(**wrong)
