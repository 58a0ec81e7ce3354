"""A headless Chromium, spoken to by the WebDriver protocol through its own driver."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

__all__ = ["Browser", "find_missing", "open_browser"]

_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_KEYS = {"ArrowRight": "\ue014", "ArrowDown": "\ue015", "Tab": "\ue004", "Enter": "\ue007"}


def find_missing() -> str:
    """Say which program is not installed; empty if all are."""
    if not any(shutil.which(name) for name in _BROWSERS):
        return "no Chromium is installed"
    return "" if shutil.which("chromedriver") else "no chromedriver is installed"


_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""The driver is on this machine: no proxy stands between."""


class Browser:
    """One session."""

    def __init__(self, address: str, session: str) -> None:
        self._base = f"{address}/session/{session}"

    def _send(self, path: str, body: dict[str, Any] | None = None) -> Any:
        return _request(f"{self._base}/{path}", {} if body is None else body)

    def open(self, path: Path) -> None:
        """Open a file."""
        self._send("url", {"url": path.resolve().as_uri()})

    def run(self, script: str) -> Any:
        """Run the body of a function in the page and return its result."""
        return self._send("execute/sync", {"script": script, "args": []})

    def size(self, width: int, height: int) -> None:
        """Give the page this width, whatever the least width of a window."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self._command("Emulation.setDeviceMetricsOverride", metrics)

    def prefer(self, scheme: str) -> None:
        """Ask for a dark or light page."""
        feature = {"name": "prefers-color-scheme", "value": scheme}
        self._command("Emulation.setEmulatedMedia", {"features": [feature]})

    def use_paper(self, *, on: bool) -> None:
        """Show the page as it is printed, or as it is on a screen."""
        self._command("Emulation.setEmulatedMedia", {"media": "print" if on else "screen"})

    def press(self, *keys: str) -> None:
        """Press keys one after the other."""
        strokes = [{"type": kind, "value": _KEYS[key]} for key in keys for kind in ("keyDown", "keyUp")]
        self._send("actions", {"actions": [{"type": "key", "id": "keyboard", "actions": strokes}]})

    def point(self, selector: str) -> None:
        """Move the mouse over the first element that fits."""
        script = f"const b = document.querySelector({selector!r});"
        script += "b.scrollIntoView({block: 'center', behavior: 'instant'});"
        script += "const r = b.getBoundingClientRect(); return [r.left + r.width / 2, r.top + r.height / 2];"
        x, y = self.run(script)
        move = {"type": "pointerMove", "duration": 0, "x": round(x), "y": round(y)}
        self._send("actions", {"actions": [{"type": "pointer", "id": "mouse", "actions": [move]}]})

    def complaints(self) -> list[str]:
        """Return what the console has said as a warning or worse."""
        return [entry["message"] for entry in self._send("se/log", {"type": "browser"})]

    def _command(self, name: str, options: dict[str, Any]) -> None:
        self._send("goog/cdp/execute", {"cmd": name, "params": options})


def _request(address: str, body: dict[str, Any]) -> Any:
    request = urllib.request.Request(address, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with _OPENER.open(request, timeout=60) as answer:
        return json.loads(answer.read())["value"]


@contextmanager
def open_browser(profile: Path) -> Iterator[Browser]:
    """Start a browser with a new profile, and end it."""
    driver = subprocess.Popen(["chromedriver", "--port=0"], stdout=subprocess.PIPE, text=True)
    assert driver.stdout is not None
    try:
        port = next(found[1] for line in driver.stdout if (found := re.search(r"successfully on port (\d+)", line)))
        arguments = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            f"--user-data-dir={profile}",
        ]
        wanted = {"goog:chromeOptions": {"args": arguments}, "goog:loggingPrefs": {"browser": "WARNING"}}
        address = f"http://127.0.0.1:{port}"
        session = _request(f"{address}/session", {"capabilities": {"alwaysMatch": wanted}})["sessionId"]
        yield Browser(address, session)
        delete = urllib.request.Request(f"{address}/session/{session}", method="DELETE")
        _OPENER.open(delete, timeout=60).close()
    finally:
        driver.terminate()
        driver.wait(timeout=30)
        driver.stdout.close()
