"""The upload page in a real browser: form, progress, and the finished video."""

import json

from browser import browser
from cloud import cloud
from gateway import TOKEN, Gateway, store

__all__ = ["browser", "cloud", "store"]


def choose(browser, path):
    """Puts a file into the form as a person does."""
    browser.call("DOM.enable")
    root = browser.call("DOM.getDocument")["root"]["nodeId"]
    field = browser.call("DOM.querySelector", nodeId=root, selector="#file")["nodeId"]
    browser.call("DOM.setFileInputFiles", nodeId=field, files=[str(path)])


def fill(browser, token, title):
    browser.run(f"document.getElementById('token').value = {json.dumps(token)};"
                f"document.getElementById('title').value = {json.dumps(title)};"
                "document.getElementById('send').click()")


def status(browser):
    return browser.run("document.getElementById('what').textContent + ' | ' + "
                       "document.getElementById('status').textContent")


def test_a_person_uploads_a_video_and_sees_it(programs, tmp_path, cloud, store, browser, ffmpeg):
    gateway = Gateway(programs, tmp_path, {**cloud.environment, "SQS_QUEUE_URL": store.queue}).start()
    clip = tmp_path / "clip.webm"
    done = programs.call(ffmpeg, "-nostdin", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=10", "-t", "1",
                         "-c:v", "libvpx", str(clip))
    assert done.returncode == 0, done.stderr
    browser.open(gateway.url + "/")
    browser.wait("document.readyState === 'complete'", "page")
    text = tmp_path / "text.mp4"
    text.write_text("no video at all\n" * 500)
    choose(browser, text)
    fill(browser, TOKEN, "A <b>text</b>")
    browser.wait("document.getElementById('status').className === 'bad'", "refusal")
    assert "no video of a known kind" in status(browser)
    choose(browser, clip)
    fill(browser, "a-token-that-is-wrong-0123", "Wrong")
    browser.wait("document.getElementById('status').textContent.includes('not known')", "refusal of the token")
    fill(browser, TOKEN, "My <i>video</i>")
    browser.wait("document.body.dataset.video", "an accepted upload")
    video_id = browser.run("document.body.dataset.video")
    assert json.loads(store.take()[0]["Body"])["video_id"] == video_id
    store.clean()
    browser.wait("document.getElementById('what').textContent === 'Waiting in the queue'", "word of the queue")
    key = "processed/clip.webm"
    store.s3.put_object(Bucket="anb-videos", Key=key, Body=clip.read_bytes(), ContentType="video/webm")
    record = {**store.record(video_id), "attempt": 1, "began_at": "2024-01-01T00:00:00Z"}

    def put(**change):
        record.update(change)
        store.s3.put_object(Bucket="anb-videos", Key=f"jobs/{video_id}.json", Body=json.dumps(record).encode())
    put(state="processing", progress=40)
    browser.wait("document.getElementById('bar').value === 40", "progress")
    put(state="done", outputs=[{"bucket": "anb-videos", "key": key, "bytes": clip.stat().st_size, "type": "video/webm"}])
    browser.wait("document.getElementById('what').textContent === 'Done'", "end")
    browser.wait("document.getElementById('video').readyState >= 1", "a video that plays")
    assert browser.run("document.getElementById('video').videoWidth") == 320
    assert browser.run("document.querySelector('#outputs a').textContent") == "clip.webm"
    asked = browser.asked()
    assert [u for u in asked if not u.startswith((gateway.url, cloud.url + "/anb-videos/processed/"))] == []
    wrong = [w for w in browser.wrong() if "401" not in w and "415" not in w]
    assert wrong == [], wrong
    assert "frame-ancestors 'none'" in gateway.ask("GET", "/", token=None).headers["Content-Security-Policy"]
