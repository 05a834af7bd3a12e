# SPDX-License-Identifier: MIT
"""A headless Chromium, driven over a pipe by its DevTools protocol (chromedevtools.github.io/devtools-protocol)."""
import base64
import fcntl
import itertools
import json
import os
import select
import shutil
import subprocess
import tempfile
import time

PROGRAMS = ("chromium-headless-shell", "chromium")
PATIENCE = 30  # seconds


class Chromium:
    """One browser with one page. What goes wrong on the page is in `faults`."""

    def __init__(self, width=1280, height=1000):
        program = next(filter(None, map(shutil.which, PROGRAMS)))
        self.profile = tempfile.mkdtemp(prefix="gserve-chromium-")
        self.read_fd, browser_writes = os.pipe()
        browser_reads, self.write_fd = os.pipe()

        def place():
            """It reads from descriptor 3 and writes to 4."""
            ends = [fcntl.fcntl(fd, fcntl.F_DUPFD, 10) for fd in (browser_reads, browser_writes)]
            for number, fd in enumerate(ends, 3):
                os.dup2(fd, number)

        self.process = subprocess.Popen(
            [program, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
             "--remote-debugging-pipe", f"--user-data-dir={self.profile}", f"--window-size={width},{height}", "about:blank"],
            preexec_fn=place, pass_fds=(3, 4), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(browser_reads)
        os.close(browser_writes)
        self.numbers = itertools.count(1)
        self.received = b""
        self.faults = []
        self.session = None
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def call(self, method, **parameters):
        number = next(self.numbers)
        message = {"id": number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.write_fd, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._receive()
            if answer.get("id") != number:
                continue
            if "error" in answer:
                raise AssertionError(f"{method}: {answer['error']}")
            return answer["result"]

    def _receive(self):
        deadline = time.monotonic() + PATIENCE
        while b"\0" not in self.received:
            if not select.select([self.read_fd], [], [], max(deadline - time.monotonic(), 0))[0]:
                raise AssertionError(f"the browser has said nothing for {PATIENCE} s")
            chunk = os.read(self.read_fd, 1 << 16)
            if not chunk:
                raise AssertionError("the browser has ended")
            self.received += chunk
        text, _, self.received = self.received.partition(b"\0")
        message = json.loads(text)
        self._note(message)
        return message

    def _note(self, message):
        if message.get("method") == "Runtime.exceptionThrown":
            self.faults.append(message["params"]["exceptionDetails"].get("exception", {}).get("description", "exception"))
        if message.get("method") == "Log.entryAdded" and message["params"]["entry"]["level"] == "error":
            self.faults.append(message["params"]["entry"]["text"])

    # --- the page ---
    def open(self, url):
        """And waits until its elements are there."""
        self.call("Page.navigate", url=url)
        self.wait(f"location.href.startsWith({json.dumps(url)}) && document.readyState === 'complete'", f"{url} is there")

    def evaluate(self, expression):
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def text(self, selector):
        return self.evaluate(f"document.querySelector({json.dumps(selector)})?.innerText ?? ''")

    def wait(self, expression, what, seconds=PATIENCE):
        """Until it is true."""
        deadline = time.monotonic() + seconds
        while not self.evaluate(expression):
            assert time.monotonic() < deadline, f"not within {seconds} s: {what}\n{self.text('body')}\n{self.faults}"
            time.sleep(0.05)

    def screenshot(self, path):
        shot = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=False)
        with open(path, "wb") as file:
            file.write(base64.b64decode(shot["data"]))

    def close(self):
        self.session = None
        self.process.terminate()
        self.process.wait(PATIENCE)
        os.close(self.read_fd)
        os.close(self.write_fd)
        shutil.rmtree(self.profile, ignore_errors=True)
