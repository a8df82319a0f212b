"""Debian's Chromium, driven by playwright-core (driver.mjs): a page as somebody sees it."""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile

import packages
import vigil
from vigil import check

HERE = pathlib.Path(__file__).resolve().parent
PROGRAM = "/usr/bin/chromium"
PATIENCE_S = 30


class Browser:
    """A browser with one page and a profile of its own, both gone at the end. Skips the test, with the
    reason, where there is none to be had."""

    def __init__(self):
        if not os.access(PROGRAM, os.X_OK):
            vigil.skip(f"{PROGRAM} is not installed")
        tools = packages.npm_folder("the page in a browser", HERE, "e2e")
        if not tools:
            vigil.skip("playwright-core and axe-core cannot be had")
        self.profile = tempfile.mkdtemp(prefix="vigil-browser-")
        # A group of its own, so that nothing of it is left whatever happens.
        self.process = subprocess.Popen(["node", "driver.mjs", PROGRAM, self.profile], cwd=tools, text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
        try:
            self._answer("start")
        except vigil.Failed:
            self.__exit__()
            raise

    def _answer(self, order):
        line = vigil.read_line(self.process.stdout, PATIENCE_S + 15)
        answer = json.loads(line)
        check("error" not in answer, f"browser: {order}: {answer.get('error')}")
        return answer["value"]

    def __call__(self, order, **more):
        self.process.stdin.write(json.dumps({"do": order, **more}) + "\n")
        self.process.stdin.flush()
        return self._answer(f"{order} {more}")

    def look(self, script):
        """The value of an expression of the page."""
        return self("evaluate", script=script)

    def until(self, script, timeout_s=PATIENCE_S):
        """Waits until an expression of the page is true, which is looked at with every frame: its value, and
        the wall time in seconds at which that was."""
        got = self("wait", script=script, timeout_ms=int(timeout_s * 1000))
        return got["value"], got["at"] / 1000

    def text(self, selector):
        return self.look(f"document.querySelector({json.dumps(selector)})?.innerText ?? ''")

    def check_quiet(self):
        """Nothing went wrong in the page, and it asked nobody but its server."""
        said = self("complaints")
        check(not said, f"the page complains: {said[:5]}")

    def check_accessible(self, view):
        found = self("accessibility")
        check(not found["violations"], f"{view}: axe: {found['violations']}")
        check(found["passes"] > 10, f"{view}: axe looked at {found['passes']} rules only")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            pass
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass  # all has ended by itself
        self.process.wait()
        self.process.stdout.close()
        shutil.rmtree(self.profile, ignore_errors=True)
