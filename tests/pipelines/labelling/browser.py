"""A headless Chromium, driven through its DevTools protocol."""

import contextlib
import itertools
import json
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from websockets.sync.client import connect

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
CODES = {"Enter": ("Enter", 13, "\r"), "Tab": ("Tab", 9, ""), "Escape": ("Escape", 27, "")}


class Browser:
    """One page. complaints: what it wrote to its console as errors, and exceptions of its scripts."""

    def __init__(self, socket: Any) -> None:
        self._socket, self._numbers = socket, itertools.count(1)
        self.complaints: list[str] = []
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **given: Any) -> dict[str, Any]:
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": given}))
        while True:
            said = json.loads(self._socket.recv(timeout=60))
            if said.get("method") in ("Runtime.exceptionThrown", "Log.entryAdded"):
                self.complaints.append(json.dumps(said["params"]))
            if said.get("id") == number:
                assert "error" not in said, said
                return dict(said["result"])

    def open(self, address: str) -> None:
        self.call("Page.navigate", url=address)

    def value(self, expression: str) -> Any:
        """The value of an expression in the page."""
        said = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in said, said
        return said["result"].get("value")

    def wait(self, expression: str, seconds: float = 60) -> None:
        """Until an expression is true in the page."""
        until = time.monotonic() + seconds
        while not self.value(expression):
            assert time.monotonic() < until, f"{expression}: {self.value('document.body.innerText')}"
            time.sleep(0.05)

    def press(self, *keys: str) -> None:
        """Keys, one after the other, as a keyboard sends them."""
        for key in keys:
            code, number, text = CODES.get(key) or ("", ord(key.upper()) if key.isalnum() else 0, key)
            sent = {"key": key, "code": code, "windowsVirtualKeyCode": number}
            self.call("Input.dispatchKeyEvent", type="keyDown", text=text, **sent)
            self.call("Input.dispatchKeyEvent", type="keyUp", **sent)

    def picture(self) -> str:
        """A screenshot, PNG in base64."""
        return str(self.call("Page.captureScreenshot", format="png")["data"])


@contextlib.contextmanager
def browser(folder: Path, width: int = 1200, height: int = 900) -> Iterator[Browser]:
    """folder: of the browser's own files."""
    assert CHROMIUM is not None
    command = [CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder}"]
    options = ["--remote-debugging-port=0", f"--window-size={width},{height}", "about:blank"]
    process = subprocess.Popen(
        [*command, *options], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stderr is not None
        line = next(line for line in process.stderr if line.startswith("DevTools listening on "))
        place = line.split("ws://")[1].split("/")[0]
        with urllib.request.urlopen(f"http://{place}/json/list", timeout=30) as reply:
            pages = [one for one in json.load(reply) if one["type"] == "page"]
        with connect(pages[0]["webSocketDebuggerUrl"], max_size=None) as socket:
            yield Browser(socket)
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)
        if process.poll() is None:
            process.kill()
            process.wait()
        process.stderr.close()
