"""A headless Chromium that a test opens pages in, by the DevTools protocol over two pipes.

What the page logs, throws, is refused and asks the network for is kept, so that a test can say that
nothing of the sort happened.
"""

import base64
import json
import os
import select
import shutil
import subprocess
import time

import pytest

NAMES = ("chromium-headless-shell", "chromium")
SECONDS = 120


class Browser:
    def __init__(self, folder, environment):
        path = next(filter(None, map(shutil.which, NAMES)), None)
        if path is None:
            pytest.skip("there is no Chromium: apt-get install chromium-headless-shell")
        their_in, our_out = os.pipe()
        our_in, their_out = os.pipe()
        # The protocol's pipes are descriptors 3 and 4; the sandbox needs what root in a chroot lacks.
        argv = ["bash", "-c", f'exec "$@" 3<&{their_in} 4>&{their_out}', "bash", path, "--headless", "--no-sandbox",
                "--disable-gpu", "--disable-dev-shm-usage", "--remote-debugging-pipe", "--no-first-run",
                "--disable-background-networking", "--disable-extensions", "--hide-scrollbars", "--mute-audio",
                f"--user-data-dir={folder / 'profile'}", "about:blank"]
        self.log = folder / "browser.log"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(argv, env=environment, cwd=folder, stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log, pass_fds=(their_in, their_out), start_new_session=True)
        os.close(their_in)
        os.close(their_out)
        self.out, self.into, self.held, self.number, self.events = our_out, our_in, b"", 0, []
        self.session = None

    def close(self):
        try:
            self.session = None
            self.call("Browser.close")
        except (OSError, EOFError):
            pass
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        os.close(self.out)
        os.close(self.into)

    def message(self, deadline):
        while b"\0" not in self.held:
            ready, _, _ = select.select([self.into], [], [], max(0, deadline - time.monotonic()))
            got = os.read(self.into, 1 << 20) if ready else None
            if got is None:
                pytest.fail(f"the browser did not answer within {SECONDS} s:\n{self.said()}")
            if not got:
                raise EOFError(f"the browser ended:\n{self.said()}")
            self.held += got
        one, self.held = self.held.split(b"\0", 1)
        return json.loads(one)

    def said(self):
        return self.log.read_text(errors="replace")[-3000:]

    def call(self, method, **params):
        """One call; the events that come before its answer are kept."""
        self.number += 1
        number, deadline = self.number, time.monotonic() + SECONDS
        text = {"id": number, "method": method, "params": params}
        if self.session:
            text["sessionId"] = self.session
        data = json.dumps(text).encode() + b"\0"
        while data:
            data = data[os.write(self.out, data):]
        while True:
            got = self.message(deadline)
            if got.get("id") == number:
                assert "error" not in got, (method, got["error"])
                return got["result"]
            self.events.append(got)

    def run(self, script):
        """What an expression comes to in the page; a promise is waited for."""
        got = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in got, got
        return got["result"].get("value")

    def open(self, url, width=1300, height=900):
        """Opens a page in a tab of its own; nothing is waited for but that it begins."""
        self.session, self.events = None, []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self.url = url
        assert "errorText" not in self.call("Page.navigate", url=url)

    def wait(self, condition, what):
        end = time.monotonic() + SECONDS
        while not self.run(condition):
            if time.monotonic() > end:
                pytest.fail(f"after {SECONDS} s there was still no {what}; {self.wrong()}\n{self.said()}")

    def wrong(self):
        """What the page logged as an error, threw, or was refused."""
        self.run("1")  # what was said before has come by then
        found = []
        for event in self.events:
            params = event.get("params", {})
            if event.get("method") == "Runtime.exceptionThrown":
                found.append(params["exceptionDetails"].get("exception", {}).get("description", "exception"))
            elif event.get("method") == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning", "assert"):
                found.append(str(params["args"]))
            elif event.get("method") == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
                found.append(params["entry"]["text"])
        return found

    def asked(self):
        """The addresses that the page asked for, but for its own."""
        self.run("1")
        urls = [event["params"]["request"]["url"] for event in self.events
                if event.get("method") == "Network.requestWillBeSent"]
        return [url for url in urls if url != self.url and not url.startswith("data:")]

    def blank(self):
        """The canvases on which nothing is drawn: fewer than three colours, or hardly a dot."""
        return self.run("""[...document.querySelectorAll('canvas')].filter(c => {
            const copy = new OffscreenCanvas(c.width, c.height).getContext('2d', { willReadFrequently: true });
            copy.drawImage(c, 0, 0);
            const dots = new Uint32Array(copy.getImageData(0, 0, c.width, c.height).data.buffer);
            return new Set(dots).size < 3 || dots.filter(d => d !== dots[0]).length < dots.length / 200;
        }).map(c => c.dataset.row + ' ' + c.dataset.chart)""")

    def pdf(self):
        return base64.b64decode(self.call("Page.printToPDF", printBackground=True)["data"])


@pytest.fixture
def browser(programs, tmp_path):
    """A headless Chromium, or the test is skipped by name where there is none."""
    started = Browser(tmp_path, programs.environment({"HOME": tmp_path / "home"}))
    try:
        yield started
    finally:
        started.close()
