"""A headless Chromium, driven through tests/browser/driver.mjs."""

import fcntl
import json
import os
import subprocess
from pathlib import Path

from waiting import wait_for

HOME = Path(__file__).resolve().parents[2] / "browser"
CHROMIUM = "/usr/bin/chromium"


def install_driver() -> None:
    """Puts playwright-core, as the lock file has it, where driver.mjs finds it."""
    with (HOME / "package-lock.json").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # one test at a time
        installed = HOME / "node_modules/.package-lock.json"
        if installed.exists() and installed.stat().st_mtime >= os.fstat(lock.fileno()).st_mtime:
            return
        subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=HOME, check=True)


class BrowserError(AssertionError):
    pass


class Remote:
    """An object of Playwright's: its methods by their names, "keyboard_press" for keyboard.press."""

    def __init__(self, browser: "Browser", handle: int):
        self._browser, self._handle = browser, handle

    def __getattr__(self, name):
        return lambda *args: self._browser.call(self._handle, name.replace("_", "."), args)


class Page(Remote):
    """A tab."""

    def wait_until(self, expression: str, timeout: float = 120):
        """Until the expression is true in the page; returns its value."""
        return wait_for(lambda: self.evaluate(expression), f"in the page: {expression}", timeout)

    def text(self, selector: str) -> str:
        """What is there to be read; waits for the element."""
        return self.locator(selector).first().innerText()

    def texts(self, selector: str) -> list[str]:
        return self.evaluate(f"[...document.querySelectorAll({json.dumps(selector)})].map((e) => e.innerText)")

    def wait_for_text(self, selector: str, text: str, timeout: float = 120) -> str:
        """Until an element that fits holds the text; returns all of its text."""
        def found():
            return next((shown for shown in self.texts(selector) if text in shown), None)
        try:
            return wait_for(found, f"{selector} says {text!r}", timeout)
        except AssertionError as error:
            raise BrowserError(f"{error}; it says {self.texts(selector)}") from None


class Browser:
    def __init__(self, *args: str):
        install_driver()
        sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
        settings = {"executable": CHROMIUM, "args": [*sandbox, "--disable-dev-shm-usage", *args]}
        self._process = subprocess.Popen(
            ["node", str(HOME / "driver.mjs"), json.dumps(settings)], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True)
        self.version = self._answer()["value"]

    def _answer(self) -> dict:
        line = self._process.stdout.readline()
        if not line:
            raise BrowserError("the browser's driver ended")
        answer = json.loads(line)
        if "error" in answer:
            raise BrowserError(answer["error"])
        return answer

    def call(self, handle: int, name: str, args):
        self._process.stdin.write(json.dumps({"on": handle, "do": name, "args": args}) + "\n")
        self._process.stdin.flush()
        answer = self._answer()
        if "handle" in answer:
            return (Page if name in ("newPage",) else Remote)(self, answer["handle"])
        return answer["value"]

    def context(self, **options) -> Remote:
        """A profile of its own; its tabs (newPage) share what the tabs of one browser share."""
        return self.call(0, "newContext", [options])

    def page(self, **options) -> Page:
        return self.context(**options).newPage()

    def stop(self) -> None:
        self._process.stdin.close()
        self._process.wait(30)
