"""What profiles can make of a video: each step and each kind of output, looked at with ffprobe and by its pixels."""

import json
import os
import subprocess

import pytest
from videos import BUCKET, around, clips, ffprobe, pixel

__all__ = ["around", "clips"]


def make(path, *argv):
    subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-y", *argv, str(path)], check=True, stdin=subprocess.DEVNULL)
    return path


@pytest.fixture(scope="module")
def brand(tmp_path_factory):
    """A red logo, a green intro with sound, a blue outro of another size and rate without."""
    folder = tmp_path_factory.mktemp("brand")
    return {
        "logo": make(folder / "logo.png", "-f", "lavfi", "-i", "color=red:size=100x50", "-frames:v", "1"),
        "intro": make(folder / "intro.mp4", "-f", "lavfi", "-i", "color=lime:size=320x240:rate=30", "-f", "lavfi", "-i",
                      "sine=frequency=880", "-t", "1", "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p",
                      "-c:a", "aac"),
        "outro": make(folder / "outro.mkv", "-f", "lavfi", "-i", "color=blue:size=200x100:rate=12", "-t", "1", "-c:v",
                      "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"),
    }


def profile(around, text):
    path = around.folder / f"profile-{len(list(around.folder.glob('profile-*')))}.yaml"
    path.write_text("version: 1\nname: p\n" + text)
    return path


def run(around, text, clip, *options):
    """The objects of one job, {name: file}."""
    job, = around.send(clip)
    worker = around.worker("--until-empty", *options, profile=profile(around, text))
    assert worker.wait_end(180) == 0
    assert around.depth(around.dead) == (0, 0), around.take_all(around.dead)[0]["MessageAttributes"]
    assert around.clean()
    return job, fetched(around, job["video_id"])


def fetched(around, video_id):
    found = {}
    for o in around.s3.list_objects_v2(Bucket=BUCKET, Prefix="made/").get("Contents", []):
        if video_id not in o["Key"]:
            continue
        name = o["Key"].split("/", 2)[2]
        found[name] = around.folder / "fetched" / video_id / name
        found[name].parent.mkdir(parents=True, exist_ok=True)
        around.s3.download_file(BUCKET, o["Key"], str(found[name]))
    return found


def head(around, video_id, name):
    keys = [o["Key"] for o in around.s3.list_objects_v2(Bucket=BUCKET, Prefix="made/")["Contents"]
            if video_id in o["Key"] and o["Key"].endswith(name)]
    return around.s3.head_object(Bucket=BUCKET, Key=keys[0])


def at(path, seconds, x, y):
    frame = make(path.with_suffix(".png"), "-ss", str(seconds), "-i", path, "-frames:v", "1")
    return pixel(frame, x, y)


def streams(path):
    return {s["codec_type"]: s for s in ffprobe(path)["streams"]}


def like(color, wanted):
    return all(abs(a - b) < 70 for a, b in zip(color, wanted))


RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)


def test_the_migrations_whole_profile(around, clips, brand):
    """30 seconds at most, 1280x720, watermark, intro of the disk, outro of S3, sound dropped; one object."""
    around.s3.upload_file(str(brand["outro"]), BUCKET, "brand/outro.mkv")
    text = f"""assets:
  - {{ name: logo, file: {brand['logo']} }}
  - {{ name: intro, file: {brand['intro']} }}
  - {{ name: outro, s3: "s3://{BUCKET}/brand/outro.mkv" }}
steps:
  - trim: {{ to: 3s }}
  - fit: {{ width: 640, height: 360 }}
  - watermark: {{ image: logo, width: 10%, margin: 10 }}
  - intro: {{ clip: intro }}
  - outro: {{ clip: outro }}
outputs:
  - {{ name: video, key: "made/{{video_id}}-{{digest}}/v.mp4", video: {{ crf: 23 }} }}
"""
    job, found = run(around, text, clips["landscape"])
    assert list(found) == ["v.mp4"]
    video = streams(found["v.mp4"])
    assert list(video) == ["video"] and (video["video"]["width"], video["video"]["height"]) == (640, 360)
    assert abs(float(video["video"]["duration"]) - 5) < 0.3
    assert like(at(found["v.mp4"], 0.5, 320, 180), GREEN) and max(at(found["v.mp4"], 0.5, 20, 180)) < 40, "intro, padded"
    assert like(at(found["v.mp4"], 4.5, 320, 180), BLUE), "outro"
    assert like(at(found["v.mp4"], 2, 600, 20), RED), "watermark in the upper right"
    assert not like(at(found["v.mp4"], 0.5, 600, 20), RED), "and not on the intro"
    # Another outro makes another output: its content is part of the key.
    around.s3.upload_file(str(brand["intro"]), BUCKET, "brand/outro.mkv")
    around.put_message({k: job[k] for k in ("video_id", "video_path", "task_id", "created_at")})
    assert around.worker("--until-empty", profile=profile(around, text)).wait_end(120) == 0
    keys = [o["Key"] for o in around.s3.list_objects_v2(Bucket=BUCKET, Prefix="made/")["Contents"]]
    assert len(keys) == 2


LADDER = """steps:
  - fit: { width: 640, height: 360 }
manifest: "made/{video_id}-{digest}/manifest.json"
outputs:
  - name: ladder
    key: "made/{video_id}-{digest}/hls/index.m3u8"
    container: hls
    segment: 2s
    audio: aac
    renditions:
      - { name: high, video: { preset: ultrafast, crf: 28 } }
      - { name: low, video: { preset: ultrafast, height: 180, crf: 32, max_kilobits: 200 } }
  - { name: poster, key: "made/{video_id}-{digest}/poster.jpg", container: jpeg, at: 1s }
  - { name: thumbs, key: "made/{video_id}-{digest}/thumb-{number}.png", container: png, every: 1s, width: 160 }
  - { name: video, key: "made/{video_id}-{digest}/video.mp4", audio: aac, video: { preset: ultrafast } }
"""


def test_a_ladder_a_poster_thumbnails_and_a_file_are_one_run(around, clips):
    job, found = run(around, LADDER, clips["landscape"])
    thumbs = [n for n in found if n.startswith("thumb-")]
    assert thumbs == [f"thumb-0000{i}.png" for i in (1, 2, 3, 4)]
    assert streams(found["thumb-00002.png"])["video"]["width"] == 160
    assert streams(found["poster.jpg"])["video"]["codec_name"] == "mjpeg"
    master = found["hls/index.m3u8"].read_text()
    assert "RESOLUTION=640x360" in master and "RESOLUTION=320x180" in master and 'CODECS="avc1.' in master
    for name, size in (("high", 640), ("low", 320)):
        assert f"{name}/video.m3u8" in master
        seen = streams(found[f"hls/{name}/video.m3u8"])
        assert seen["video"]["width"] == size and seen["audio"]["codec_name"] == "aac"
        assert len([n for n in found if n.startswith(f"hls/{name}/seg_")]) == 2
    played = make(around.folder / "played.mp4", "-i", found["hls/index.m3u8"], "-c", "copy")
    assert abs(float(ffprobe(played)["format"]["duration"]) - 4) < 0.3
    assert abs(float(ffprobe(found["video.mp4"])["format"]["duration"]) - 4) < 0.2
    manifest = json.loads(found["manifest.json"].read_text())
    assert manifest["video_id"] == job["video_id"] and len(manifest["files"]) == len(found) - 1
    for name, kind in (("index.m3u8", "application/vnd.apple.mpegurl"), ("seg_00000.ts", "video/mp2t"),
                       ("poster.jpg", "image/jpeg"), ("manifest.json", "application/json")):
        got = head(around, job["video_id"], name)
        assert got["ContentType"] == kind
        assert got["Metadata"]["receive-count"] == "1" and got["Metadata"]["source-etag"], "a lease's token on each"
    made = {o["Key"]: o["LastModified"] for o in around.s3.list_objects_v2(Bucket=BUCKET, Prefix="made/")["Contents"]}
    assert max(made.values()) == next(v for k, v in made.items() if k.endswith("manifest.json"))
    # Done is known by the manifest alone.
    around.put_message({k: job[k] for k in ("video_id", "video_path", "task_id", "created_at")})
    again = around.worker("--until-empty", profile=profile(around, LADDER))
    assert again.wait_end(60) == 0 and "already=true" in again.text() and "stage=transcode" not in again.text()


def test_a_half_stored_ladder_is_finished_by_the_next_receive_and_a_later_attempt_is_not_replaced(around, clips):
    job, found = run(around, LADDER, clips["tiny"])
    keys = {o["Key"].split("/", 2)[2]: o["Key"]
            for o in around.s3.list_objects_v2(Bucket=BUCKET, Prefix="made/")["Contents"]}
    meta = around.s3.head_object(Bucket=BUCKET, Key=keys["video.mp4"])["Metadata"]
    body = {k: job[k] for k in ("video_id", "video_path", "task_id", "created_at")}

    def leave(receives):  # an attempt that died before its manifest, with another content
        around.s3.delete_object(Bucket=BUCKET, Key=keys["manifest.json"])
        around.s3.put_object(Bucket=BUCKET, Key=keys["video.mp4"], Body=b"half",
                             Metadata={**meta, "receive-count": receives, "sha256": "0" * 64})
        around.put_message(body)

    leave("1")
    assert around.worker("--until-empty", profile=profile(around, LADDER)).wait_end(60) == 0
    assert fetched(around, job["video_id"])["video.mp4"].read_bytes() == found["video.mp4"].read_bytes()
    assert keys["manifest.json"].split("/", 2)[2] in fetched(around, job["video_id"])
    leave("7")
    worker = around.worker("--max-jobs", "1", profile=profile(around, LADDER))
    assert worker.wait_end(60) == 0 and "a later attempt at this job" in worker.text()
    assert around.s3.get_object(Bucket=BUCKET, Key=keys["video.mp4"])["Body"].read() == b"half"
    assert "manifest.json" not in [o["Key"].rsplit("/", 1)[1] for o in
                                   around.s3.list_objects_v2(Bucket=BUCKET, Prefix="made/")["Contents"]]


KINDS = [  # container, codec, its options, audio; what ffprobe says of pictures and sound
    ("mp4", "h265", "crf: 30", "aac", "hevc"), ("webm", "vp9", "crf: 40", "opus", "vp9"),
    ("mp4", "av1", "crf: 45, preset: ultrafast", "aac", "av1"), ("mkv", "h264", "pixel_format: yuv420p10le", "opus", "h264"),
    ("hls", "h265", "crf: 30", "aac", "hevc"),
]


def test_every_codec_and_container(around, clips):
    outputs = ""
    for i, (container, codec, more, audio, _) in enumerate(KINDS):
        video = f"video: {{ codec: {codec}, preset: ultrafast, {more} }}".replace("preset: ultrafast, crf: 45, ", "crf: 45, ")
        end = "h/index.m3u8" if container == "hls" else "out"
        inner = f"renditions: [ {{ name: one, {video} }} ]" if container == "hls" else video
        outputs += (f"  - {{ name: o{i}, key: \"made/{{video_id}}-{{digest}}/{i}/{end}\", container: {container}, "
                    f"audio: {audio}, {inner} }}\n")
    text = ("steps:\n  - trim: { from: 1s, to: 2s }\n  - loudness: { target: -18 }\n"
            "manifest: \"made/{video_id}-{digest}/m.json\"\noutputs:\n" + outputs)
    _, found = run(around, text, clips["four_three"])
    for i, (container, _, _, audio, wanted) in enumerate(KINDS):
        file = found[f"{i}/h/one/video.m3u8" if container == "hls" else f"{i}/out"]
        seen = streams(file)
        assert (seen["video"]["codec_name"], seen["audio"]["codec_name"]) == (wanted, audio)
        assert (seen["video"]["width"], seen["video"]["height"]) == (640, 480)
        assert abs(float(ffprobe(file)["format"]["duration"]) - 1) < 0.2


def test_turned_variable_and_odd_sources_come_out_as_a_player_shows_them(around, clips, tmp_path):
    turned = make(tmp_path / "turned.mp4", "-display_rotation", "90", "-i", clips["landscape"], "-c", "copy") \
        if b"display_rotation" in subprocess.run(["ffmpeg", "-h", "full"], capture_output=True).stdout else \
        make(tmp_path / "turned.mp4", "-i", clips["landscape"], "-c", "copy", "-metadata:s:v", "rotate=90")
    uneven = make(tmp_path / "uneven.mkv", "-f", "lavfi", "-i", "testsrc2=size=322x182:rate=30", "-vf",
                  "select='not(mod(n,7))+lt(mod(n,30),12)',crop=321:181:exact=1", "-fps_mode", "vfr", "-t", "3", "-c:v", "ffv1",
                  "-pix_fmt", "yuv444p")
    text = ("manifest: \"made/{video_id}-{digest}/m.json\"\noutputs:\n"
            "  - { name: v, key: \"made/{video_id}-{digest}/v.mp4\", video: { preset: ultrafast } }\n"
            "  - { name: p, key: \"made/{video_id}-{digest}/p.png\", container: png, at: 0s }\n")
    _, found = run(around, text, turned)
    seen = streams(found["v.mp4"])["video"]
    assert (seen["width"], seen["height"]) == (360, 640) and not seen.get("side_data_list")
    assert abs(float(seen["duration"]) - 4) < 0.2
    _, found = run(around, text, uneven)
    seen = streams(found["v.mp4"])["video"]
    assert (seen["width"], seen["height"]) == (320, 180) and seen["avg_frame_rate"] == seen["r_frame_rate"]


def test_a_source_that_fits_is_copied(around, clips):
    text = ("outputs:\n  - { name: v, key: \"made/{video_id}-{digest}/v.mp4\", video: "
            "{ preset: ultrafast, copy_kilobits: %d } }\n")
    _, found = run(around, text % 100000, clips["portrait"])
    packets = ["-show_entries", "packet=size", "-select_streams", "v", "-of", "csv=p=0"]
    of = lambda path: subprocess.run(["ffprobe", "-v", "error", *packets, str(path)], check=True, capture_output=True).stdout
    assert of(found["v.mp4"]) == of(clips["portrait"])
    _, found = run(around, text % 1, clips["portrait"])
    assert of(found["v.mp4"]) != of(clips["portrait"])


def test_what_is_wrong_with_an_asset_parks_no_job(around, clips, tmp_path):
    text = f"assets: [ {{ name: logo, file: {tmp_path}/logo.png }} ]\nsteps:\n  - watermark: {{ image: logo }}\n" \
        "outputs:\n  - { name: v, key: \"made/{video_id}-{digest}/v.mp4\", video: { preset: ultrafast } }\n"
    job, = around.send(clips["tiny"])
    worker = around.worker("--wait-time", "1", profile=profile(around, text))
    worker.wait_log("this machine could not do a job.*asset 'logo'.*No such file")
    (tmp_path / "logo.png").write_text("no picture at all")
    worker.wait_log("is no PNG, JPEG or WebP", 60)
    make(tmp_path / "logo.png", "-f", "lavfi", "-i", "color=red:size=10x10", "-frames:v", "1")
    around.wait_drained(90)
    assert worker.stop() == 0
    assert around.depth(around.dead) == (0, 0) and list(fetched(around, job["video_id"])) == ["v.mp4"]


def test_an_encoder_that_is_not_there_is_said_at_start(around, clips, tmp_path):
    tools = tmp_path / "tools"
    tools.mkdir()
    script = tools / "ffmpeg"
    script.write_text("#!/bin/sh\necho ' V....D libx264 H.264'\n")
    script.chmod(0o755)
    around.send(clips["tiny"])
    text = "outputs:\n  - { name: small, key: \"made/{video_id}-{digest}/v.webm\", container: webm, video: { codec: av1 } }\n"
    worker = around.worker(profile=profile(around, text), PATH=f"{tools}:{os.environ['PATH']}")
    assert worker.wait_end(30) == 2
    assert "'small' is to be coded as av1" in worker.text() and "libsvtav1 or libaom-av1" in worker.text()
    assert sum(around.depth()) == 1 and around.depth(around.dead) == (0, 0)
