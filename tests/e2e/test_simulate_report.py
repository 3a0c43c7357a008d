"""The page of windlass simulate --report as a reader has it: in a browser, from a file, without network."""

import http.server
import json
import threading

import pytest
from browser import browser  # noqa: F401  (a fixture)
from conftest import SRC, wait_for

POLICIES = [SRC / "policies" / name for name in ("anb.yaml", "anb-promise.yaml")]
HOSTILE = "x <img src=http://127.0.0.1:1/a onerror=window.hurt=1> '\"&.csv"


@pytest.fixture
def report(windlass, tmp_path):
    """(path of a page, the JSON of the same run)"""
    load = tmp_path / HOSTILE.replace("/", "\u2215")
    load.write_text("t_seconds,arrivals\n" + "".join(f"{60 * i},{4 if i % 300 < 60 else 1}\n" for i in range(1440)))
    argv = ("simulate", *POLICIES, "--load", load, "--against", "fixed:6,keda", "--plant", "service=lognormal:70s:1")
    env = {"SQS_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/123456789012/q"}
    page = tmp_path / "report.html"
    made = windlass(*argv, "--report", page, env=env)
    if "built without charts" in made.stderr:
        pytest.skip("windlass is built without charts: apt-get install libjs-chart.js")
    assert made.returncode == 0, made.stderr
    found = windlass(*argv, "--output", "json", env=env)
    assert found.returncode == 0, found.stderr
    return page, json.loads(found.stdout)["results"]


def opened(browser, page):  # noqa: F811
    browser.open(page.as_uri())
    browser.wait("document.documentElement?.dataset.ready === 'yes'", "ready mark")


def check_numbers(browser, results):  # noqa: F811
    """Both tables of the opened page hold what the JSON of the same run says."""
    rows = browser.run("""[...document.querySelectorAll('#numbers tbody tr')].map(
        tr => [...tr.querySelectorAll('data')].map(d => [d.dataset.key, d.value, d.textContent]))""")
    names = browser.run("[...document.querySelectorAll('#numbers thead th:not(.what)')].map(th => th.textContent)")
    assert names == [r["name"] for r in results]
    keys = [row[0][0] for row in rows]
    assert keys == [key for key in results[0] if key != "name" and not key.startswith("promise_")]
    for row in rows:
        for (key, value, text), result in zip(row, results, strict=True):
            assert (float(value) if value else None) == result[key], (result["name"], key)
            assert text.strip(), key

    above = browser.run("""[...document.querySelectorAll('#policies tbody tr')].map(tr => [tr.querySelector('th').textContent,
        tr.children[2].textContent, [...tr.querySelectorAll('data')].map(d => [d.dataset.key, d.value, d.textContent])])""")
    for (name, kept, cells), result in zip(above, results, strict=True):
        assert name == result["name"] and kept == ("yes" if result["promise_kept"] else "no")
        said = {key: text for key, _, text in cells}
        for key, value, _ in cells:
            assert (float(value) if value else None) == result[key], (name, key)
        assert said["cost_usd"] == f"${result['cost_usd']:.2f}"
        assert said["late_share"] == f"{100 * result['late_share']:.1f} %"
        assert {"instance_hours", "wait_p95_seconds", "jobs_killed", "api_calls", "api_cost_usd", "cost_ratio",
                "total_usd", "bound_ratio"} <= set(said)
    best = min((r for r in results if r["promise_kept"]), key=lambda r: r["total_usd"])
    assert browser.run("document.querySelector('tr.best th').textContent") == best["name"]


def test_the_page_shows_the_numbers_of_the_run(browser, report):  # noqa: F811
    page, results = report
    opened(browser, page)
    assert browser.wrong() == [] and browser.asked() == []
    assert [r["name"] for r in results] == ["anb-transcode", "anb-promise", "fixed:6", "keda:5"]
    check_numbers(browser, results)


def test_charts_are_drawn_and_say_why(browser, report):  # noqa: F811
    page, results = report
    opened(browser, page)
    kinds = browser.run("[...document.querySelectorAll('canvas')].map(c => c.dataset.chart)")
    assert kinds == ["arrivals"] + ["backlog", "wait", "capacity"] * len(results)
    assert browser.blank() == []

    # The mouse in the middle of the first policy's capacity: the time, the counts, and the staircase.
    middle = browser.run("""(() => {
        const c = document.querySelector("canvas[data-row='0'][data-chart=capacity]");
        c.scrollIntoView({ block: 'center' });
        const b = c.getBoundingClientRect();
        return [b.x + b.width / 2, b.y + b.height / 2];
    })()""")
    browser.call("Input.dispatchMouseEvent", type="mouseMoved", x=middle[0], y=middle[1])
    browser.wait("""document.querySelector(".why[data-row='0']").classList.contains('said')""", "reason under the mouse")
    said = browser.run("""document.querySelector(".why[data-row='0']").textContent""")
    assert "2024-01-01 1" in said and "jobs arrived" in said and "2 demand: " in said and "a worker" in said, said

    # The arrow keys step through the second's.
    browser.run("""document.querySelector("canvas[data-row='1'][data-chart=wait]").focus()""")
    for key in ("PageDown", "ArrowRight", "ArrowRight"):
        browser.call("Input.dispatchKeyEvent", type="rawKeyDown", key=key)
    said = browser.run("""document.querySelector(".why[data-row='1']").textContent""")
    data = json.loads(browser.run("document.getElementById('data').textContent"))
    row = data["rows"][1]
    at = max(i for i in range(26) if row["reason"][i] >= 0)
    assert f"{row['arrivals'][25]} jobs arrived" in said and row["reasons"][row["reason"][at]] in said, said
    assert browser.wrong() == [] and browser.asked() == []


def test_the_page_lets_nothing_in_and_nothing_out(browser, report):  # noqa: F811
    page, _ = report
    opened(browser, page)
    assert browser.run("window.hurt") is None and browser.run("document.images.length") == 0
    assert browser.run("document.querySelector('header code').textContent").endswith(HOSTILE.replace("/", "\u2215"))
    # What would get in if a text ever slipped through: refused by the page's own policy.
    browser.run("""(() => {
        const s = document.createElement('script');
        s.textContent = 'window.hurt = 1';
        document.body.append(s);
        document.body.insertAdjacentHTML('beforeend', '<img src="http://127.0.0.1:1/a.png" onerror="window.hurt = 2">');
        return new Promise(done => setTimeout(done, 0));
    })()""")
    assert browser.run("fetch('http://127.0.0.1:1/').then(() => 'let out', () => 'kept in')") == "kept in"
    assert browser.run("window.hurt") is None
    assert sum("Content Security Policy" in said for said in browser.wrong()) >= 3, browser.wrong()


def test_dark_schemes_and_paper_are_served(browser, report):  # noqa: F811
    page, _ = report
    opened(browser, page)
    look = "getComputedStyle(document.body).backgroundColor"
    shades = {}
    for scheme in ("light", "dark"):
        browser.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        shades[scheme] = browser.run(look)
        assert browser.blank() == []
    browser.call("Emulation.setEmulatedMedia", media="print",
                 features=[{"name": "prefers-color-scheme", "value": "dark"}])
    shades["paper"] = browser.run(look)
    assert shades["light"] == shades["paper"] == "rgb(255, 255, 255)" != shades["dark"]
    browser.call("Emulation.setEmulatedMedia", media="")
    assert browser.pdf().startswith(b"%PDF") and browser.wrong() == []


def test_this_browser_sees_what_goes_wrong(browser, tmp_path):  # noqa: F811
    """The checks above can fail: a page that throws, logs, asks the network and draws nothing."""
    class Deaf(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_error(404)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Deaf)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        page = tmp_path / "bad.html"
        page.write_text(f"<canvas data-row=0 data-chart=none></canvas><img src='http://127.0.0.1:{server.server_port}/a.png'>"
                        "<script>console.error('logged'); throw new Error('thrown')</script>")
        browser.open(page.as_uri())
        browser.wait("document.readyState === 'complete'", "end of loading")
        assert browser.blank() == ["0 none"]
        assert browser.asked() == [f"http://127.0.0.1:{server.server_port}/a.png"]
        for said in ("logged", "thrown"):
            wait_for(lambda: any(said in line for line in browser.wrong()), f"{said} in what went wrong")
    finally:
        server.shutdown()
        server.server_close()
