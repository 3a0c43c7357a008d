"""What a client may cost the embedded cloud: bodies, headers, connections."""

import contextlib
import pathlib
import resource
import socket

from cloud import cloud
from conftest import wait_for

MANY = 3000


def say(cloud, *pieces):
    """The first line of the answer to what is sent as it is."""
    with socket.create_connection(("127.0.0.1", cloud.port), timeout=30) as s:
        with contextlib.suppress(OSError):  # it may have had enough before all was sent
            for piece in pieces:
                s.sendall(piece)
        with contextlib.suppress(OSError):
            return s.recv(200).split(b"\r\n")[0].decode()
    return ""


def healthy(cloud):
    return say(cloud, b"GET /health HTTP/1.1\r\nHost: h\r\n\r\n") == "HTTP/1.1 200 OK"


def test_headers_and_bodies_have_a_size(cloud):
    # The connection may end while more is being sent, and the answer with it.
    too_long, cut_off = ("", "HTTP/1.1 431 Request Header Fields Too Large"), ("", "HTTP/1.1 413 Content Too Large")
    form = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    assert say(cloud, b"GET / HTTP/1.1\r\nHost: h\r\nX-Big: ", b"x" * 200000, b"\r\n\r\n") in too_long
    assert say(cloud, b"GET / HTTP/1.1\r\nHost: h\r\n", *[b"X-%d: %s\r\n" % (i, b"y" * 60) for i in range(2000)], b"\r\n") in too_long
    assert say(cloud, form + b"Content-Length: 9000000\r\n\r\n", *[b"a" * 100000] * 90) in cut_off
    assert say(cloud, form + b"Transfer-Encoding: chunked\r\n\r\n", *[b"186a0\r\n" + b"a" * 100000 + b"\r\n"] * 90, b"0\r\n\r\n") in cut_off
    assert healthy(cloud)


def test_connections_have_a_number(cloud):
    """Thousands that say nothing leave room again once they go, and the program keeps its descriptors."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, MANY + 1000) if hard > 0 else MANY + 1000, hard))
    held, refused = [], 0
    early = socket.create_connection(("127.0.0.1", cloud.port), timeout=30)

    def served():
        early.sendall(b"GET /health HTTP/1.1\r\nHost: h\r\n\r\n")
        got = b""
        while not got.endswith(b"\r\n\r\n") and b"\r\n\r\n" not in got:
            got += early.recv(4096)
        return got.startswith(b"HTTP/1.1 200")
    try:
        assert served()
        for _ in range(MANY):
            try:
                held.append(socket.create_connection(("127.0.0.1", cloud.port), timeout=0.05))
            except OSError:
                refused += 1
                if refused == 20:
                    break  # its backlog is full as well
        assert len(list(pathlib.Path(f"/proc/{cloud.program.pid}/fd").iterdir())) < 1100
        assert len(held) > 900
        assert served(), "whoever was there before them"
    finally:
        for s in [*held, early]:
            s.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    wait_for(lambda: healthy(cloud), "answer once they are gone")
