"""The page over HTTP: a server process as `selfsup label` starts it."""

import http.client
import json
import os
import resource
import socket
import time

import pytest

from pipelines.labelling.answers import read_answers
from pipelines.labelling.guard import LARGEST
from pipelines.labelling.server import hosts_of
from tests.pipelines.labelling.bench import NotStartedError, Page, serving


def file_of(bench):
    return bench.inbox / "labels-by-ana.jsonl"


def test_the_address_opens_the_page_and_the_cookie_keeps_it_open(shared):
    status, text, headers = shared.call("GET", f"/?token={shared.token}", Cookie=None)
    assert status == 200
    assert "<title>Label samples</title>" in text
    assert headers["set-cookie"] == f"{shared.cookie}; Path=/; HttpOnly; SameSite=Strict"
    assert "script-src 'self'" in headers["content-security-policy"]
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"
    assert shared.call("GET", "/static/page.js")[0] == 200
    assert shared.call("GET", "/static/page.css")[2]["content-type"].startswith("text/css")


@pytest.mark.parametrize(
    "path", ["/", "/?token=", "/?token=wrong", "/api/start", "/api/next", "/static/page.js"]
)
def test_without_the_token_nothing_is_shown(shared, path):
    for cookie in (None, "selfsup-label=x", f"selfsup-label-{shared.port}=wrong", "=;;;"):
        status, said, headers = shared.call("GET", path, Cookie=cookie)
        assert status == 401
        assert "selfsup label" in said["text"]
        assert "set-cookie" not in headers


def test_the_token_opens_the_page_alone(shared):
    assert shared.call("GET", f"/api/next?token={shared.token}", Cookie=None)[0] == 401
    body = {"request": "request-1"}
    assert shared.call("POST", f"/api/undo?token={shared.token}", body, Cookie=None)[0] == 401
    assert shared.call("POST", f"/?token={shared.token}", body, Cookie=None)[0] == 401


def test_another_name_for_this_machine_is_refused(shared):
    for host in ("evil.example", f"evil.example:{shared.port}", "127.0.0.1", ""):
        assert shared.call("GET", "/api/next", Host=host)[0] == 403
    assert shared.call("GET", "/api/next", Host=f"localhost:{shared.port}")[0] == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": None},
        {"Origin": "null"},
        {"Origin": "http://evil.example"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
    ],
)
def test_writing_from_another_site_is_refused(shared, headers):
    first = shared.get("/api/next")["sample"]["id"]
    body = {"request": "request-1", "queue": "next", "id": first, "label": "dark"}
    status, said, _ = shared.call("POST", "/api/answer", body, **headers)
    assert (status, "this page itself" in said["text"]) == (403, True)
    assert shared.call("POST", "/api/retrain", {}, **headers)[0] == 403
    assert read_answers(file_of(shared.bench)) == []


def test_a_form_of_another_site_is_refused(shared):
    for kind in ("text/plain", "application/x-www-form-urlencoded", None):
        assert shared.call("POST", "/api/undo", raw=b'{"request": "request-1"}', Content_Type=kind)[0] == 415


@pytest.mark.parametrize(
    "path",
    [
        "/static/../../../../etc/passwd", "/static/..%2f..%2fserver.py", "/static/%2e%2e/server.py", "/../etc/passwd",
        "/static/page.html%00", "/static/", "/docs", "/openapi.json", "/api/cluster/x", "/api/cluster/1e9",
    ],
)  # fmt: skip
def test_no_other_file_can_be_reached(shared, path):
    assert shared.call("GET", path)[0] in (404, 422)


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"{", b"[]", b"null", b'"x"', b"\xff\xfe", b'{"request": "request-1"}',
        b'{"request": "x", "queue": "next", "id": "' + b"0" * 64 + b'", "label": "a"}',
        b'{"request": "request-1", "queue": "next", "id": "../../etc", "label": "a"}',
        b'{"request": "request-1", "queue": "next", "id": "' + b"0" * 64 + b'", "label": 5}',
        b'{"request": "request-1", "queue": "next", "id": "' + b"0" * 64 + b'", "label": "a", "more": 1}',
        b'{"request": "request-1", "queue": "elsewhere", "id": "' + b"0" * 64 + b'", "label": "a"}',
        b'{"request": "request-1", "queue": "next", "id": "' + b"0" * 64 + b'", "label": "a"}',
        b"[" * 60_000,
    ],
)  # fmt: skip
def test_a_malformed_answer_is_refused_in_a_sentence_and_writes_nothing(shared, raw):
    status, said, _ = shared.call("POST", "/api/answer", raw=raw)
    assert status in (400, 422)
    assert set(said) == {"error", "text"}
    assert len(said["text"]) < 400
    assert read_answers(file_of(shared.bench)) == []
    assert shared.get("/api/next")["sample"]


def test_an_oversized_body_is_refused(shared):
    status, said, _ = shared.call("POST", "/api/answer", raw=b" " * (LARGEST + 1))
    assert (status, "at most 65,536 bytes" in said["text"]) == (413, True)

    def chunks():
        for _ in range(20):
            yield b" " * 8192

    connection = http.client.HTTPConnection("127.0.0.1", shared.port, timeout=30)
    own = {"Cookie": shared.cookie, "Origin": f"http://{shared.host}", "Content-Type": "application/json"}
    try:
        connection.request("POST", "/api/answer", chunks(), own, encode_chunked=True)
        assert connection.getresponse().status == 413
    except ConnectionError:  # closed before all of it was sent
        pass
    connection.close()
    assert shared.get("/api/next")["sample"]


def test_a_class_name_is_bounded_and_its_markup_stays_text(bench, page):
    first = page.get("/api/next")["sample"]["id"]
    body = {"request": "request-1", "queue": "next", "id": first, "label": "x" * 10_000}
    status, said, _ = page.call("POST", "/api/answer", body)
    assert (status, said["error"]) == (422, "invalid-label")
    assert page.call("POST", "/api/answer", body | {"label": "x" * 1000})[0] == 400
    markup = '<img src=x onerror="alert(1)">&amp;=1+1'
    said = page.answer(first, markup, "request-2")
    assert [one["name"] for one in said["progress"]["classes"]] == [markup]
    bench.ingest()
    assert bench.labels().labels == {first: markup}


def test_a_name_of_a_sample_with_markup_stays_text(bench):
    folder = bench.inbox / "<b>bold"
    folder.mkdir()
    (bench.inbox / "delivery-0" / "0000-dark.png").rename(folder / "<i>.png")
    with serving(bench) as page:
        assert page.call("GET", "/api/next")[2]["content-type"] == "application/json"


def test_what_is_confirmed_is_on_the_disk_after_a_kill_and_a_repeated_answer_counts_once(bench):
    given = {}
    for sitting in range(3):
        page = Page(bench)
        for k in range(3):
            id = page.get("/api/next")["sample"]["id"]
            assert id not in given
            page.answer(id, "dark", f"request-{sitting}-{k}")
            given[id] = f"request-{sitting}-{k}"
        page.kill()
    with serving(bench) as page:
        for id, request in given.items():
            page.answer(id, "dark", request)  # a reply that was lost
        assert page.get("/api/progress")["progress"]["own"] == 9
    lines = read_answers(file_of(bench))
    assert [line.id for line in lines] == list(given)
    bench.ingest()
    assert bench.labels().labels == dict.fromkeys(given, "dark")


def test_undo_skip_and_together_over_http(bench, page):
    ids = sorted(bench.ids)
    page.answer(ids[0], "dark", "request-1")
    assert page.post("/api/skip", {"queue": "next", "id": ids[1]})["sample"]["id"] == ids[2]
    said = page.post(
        "/api/together", {"request": "request-2", "queue": "next", "ids": ids[3:6], "label": "grey"}
    )
    assert said["sample"]["id"] not in ids[3:6]
    assert said["progress"]["own"] == 4
    assert (
        page.post(
            "/api/together", {"request": "request-2", "queue": "next", "ids": ids[3:6], "label": "grey"}
        )["progress"]["own"]
        == 4
    )
    said = page.post("/api/undo", {"request": "request-3"})
    assert (said["undone"], said["sample"]["id"]) == (3, ids[3])
    assert page.post("/api/undo", {"request": "request-3"})["undone"] == 0
    status, said, _ = page.call(
        "POST", "/api/together", {"request": "request-4", "queue": "next", "ids": ids[:49], "label": "a"}
    )
    assert status == 422
    assert page.answer(ids[9], None, "request-5")["progress"]["own"] == 1


def test_an_inbox_that_became_read_only_is_told_and_nothing_is_lost(bench):
    """The file is open already, so a full disk or a revoked right shows at the write: a limit on its size stands in."""
    with serving(bench) as page:
        first, second = sorted(bench.ids)[:2]
        page.answer(first, "dark", "request-1")
        size = file_of(bench).stat().st_size
        resource.prlimit(page.process.pid, resource.RLIMIT_FSIZE, (size + 20, size + 20))
        body = {"request": "request-2", "queue": "next", "id": second, "label": "dark"}
        status, said, _ = page.call("POST", "/api/answer", body)
        assert status == 507
        assert "was not saved" in said["text"]
        assert [line.id for line in read_answers(file_of(bench))] == [first]
        assert file_of(bench).stat().st_size == size
        assert page.get("/api/next")["sample"]["id"] == second


@pytest.mark.skipif(os.getuid() == 0, reason="root may write everywhere")
def test_an_inbox_that_cannot_be_written_is_refused_at_the_start(bench):
    bench.inbox.chmod(0o500)
    try:
        with pytest.raises(NotStartedError, match="error \\[folder-not-writable\\]"):
            Page(bench)
    finally:
        bench.inbox.chmod(0o700)


def test_a_taken_port_and_a_bad_share_are_refused(bench):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(NotStartedError, match="error \\[cannot-listen\\]"):
            Page(bench, "--port", str(taken.getsockname()[1]))
    with pytest.raises(NotStartedError, match="--overlap needs a share from 0 to 1, got 2"):
        Page(bench, "--overlap", "2")


def test_the_server_ends_on_ctrl_c_and_can_start_again(bench):
    with serving(bench) as page:
        assert page.end() in (0, 130)
    with serving(bench) as page:
        assert page.get("/api/next")["sample"]


def test_hosts_of_an_address():
    assert hosts_of("127.0.0.1", 80) == {"127.0.0.1:80", "localhost:80", "[::1]:80"}
    assert hosts_of("lab.example", 80) == {"lab.example:80"}
    assert {"127.0.0.1:80", f"{socket.gethostname().lower()}:80"} <= hosts_of("0.0.0.0", 80)


def test_retraining_starts_once_and_its_end_is_told(bench, page):
    """The run fails: the recipe asks for an objective that does not exist."""
    file = bench.root / "recipes" / "tones.yaml"
    file.write_text(file.read_text() + "pretrain: {objective: nothing}\n")
    said = page.post("/api/retrain", {})
    assert said["run"]["state"] == "open"
    status, refused, _ = page.call("POST", "/api/retrain", {})
    assert (status, refused["error"]) == (400, "run-open")
    until = time.monotonic() + 120
    while (state := page.get("/api/progress")["progress"]["run"])["state"] == "open":
        assert time.monotonic() < until
        time.sleep(0.2)
    assert state["state"] == "failed"
    assert "objective" in state["text"]


@pytest.mark.slow
def test_a_thousand_labels_over_http(template, tmp_path):
    bench = template.copy(tmp_path / "tones")
    bench.deliver(1000, seed=1)
    bench.ingest()
    bench.snapshot("2" * 16)
    times = []
    with serving(bench) as page:
        sample = page.get("/api/next")["sample"]
        for k in range(1000):
            began = time.perf_counter()
            sample = page.answer(sample["id"], bench.truth[sample["id"]], f"request-{k}")["sample"]
            times.append(time.perf_counter() - began)
        assert page.get("/api/progress")["progress"]["own"] == 1000
    print(json.dumps({"median": sorted(times)[500], "p99": sorted(times)[990]}))
    bench.ingest()
    held = bench.labels().labels
    assert len(held) == 1000
    assert all(held[id] == bench.truth[id] for id in held)
    assert sorted(times)[990] < 1.0
