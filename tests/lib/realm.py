"""A network of one's own: a namespace where AWS's own names lead to servers of this machine.

realm_enter() runs the present script anew inside it, as root there, with no route to anywhere but its own
loopback. What is called `sqs.us-east-1.amazonaws.com` by the programs under test is then what the script
serves on port 443, with a certificate for that name by an authority made here. No setting of an endpoint
is needed, so what runs is what runs in production.
"""

import ctypes
import fcntl
import os
import pathlib
import shutil
import socket
import struct
import subprocess
import sys

INSIDE = "WINDLASS_REALM"
SERVICES = ("sqs", "autoscaling", "monitoring", "sts", "s3")
MS_BIND, MS_REC, MS_PRIVATE = 4096, 16384, 1 << 18


def realm_lacks():
    """What keeps this machine from making one, or None."""
    for program in ("unshare", "openssl"):
        if not shutil.which(program):
            return program
    done = subprocess.run(["unshare", *flags(), "true"], stdin=subprocess.DEVNULL, capture_output=True)
    return None if done.returncode == 0 else "namespaces (unshare --net --mount)"


def flags():
    own = ["--user", "--map-root-user"] if os.geteuid() else []
    return [*own, "--net", "--mount", "--kill-child=SIGKILL", "--fork"]


def realm_argv(*argv):
    return [shutil.which("unshare"), *flags(), "env", f"{INSIDE}=1", *map(str, argv)]


def realm_enter():
    """Does not return outside."""
    if INSIDE not in os.environ:
        argv = realm_argv(sys.executable, "-B", *sys.argv)
        os.execvp(argv[0], argv)
    os.environ.pop(INSIDE)
    lo = struct.pack("16sh", b"lo", 0x1 | 0x40)  # IFF_UP | IFF_RUNNING
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        fcntl.ioctl(s, 0x8914, lo)  # SIOCSIFFLAGS


def mount_over(path, text, folder):
    """What @p path says, for whoever lives here."""
    made = pathlib.Path(folder) / path.strip("/").replace("/", "-")
    made.write_text(text)
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None)
    if libc.mount(str(made).encode(), os.path.realpath(path).encode(), None, MS_BIND, None) != 0:
        raise OSError(ctypes.get_errno(), f"mounting over {path}")


def hosts_text(known):
    lines = ["127.0.0.1 localhost"] + [f"{address} {name}" for name, address in known.items()]
    return "\n".join(lines) + "\n"


def realm_hosts(folder, known):
    """What realm_names() said first, anew."""
    (pathlib.Path(folder) / "etc-hosts").write_text(hosts_text(known))


def realm_names(folder, known, resolver="127.0.0.1"):
    """@p known: name -> address. Every other name is asked of @p resolver."""
    mount_over("/etc/hosts", hosts_text(known), folder)
    mount_over("/etc/resolv.conf", f"nameserver {resolver}\noptions timeout:5 attempts:2\n", folder)


def listen_and_hang(address, port=443):
    """Takes connections and never says a word; to be kept."""
    return socket.create_server((address, port), backlog=1000)


def silent_resolver():
    """A name server that gets questions and gives no answer; to be kept."""
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(("127.0.0.1", 53))
    return s


def aws_names(*regions, services=SERVICES):
    return [f"{service}.{region}.amazonaws.com" for region in regions for service in services]


class Authority:
    """Signs certificates; its own, for AWS_CA_BUNDLE, is in `bundle`."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.bundle, self.key = self.folder / "ca.pem", self.folder / "ca.key"
        self.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                     "-subj", "/CN=realm", "-keyout", self.key, "-out", self.bundle)

    def openssl(self, *argv):
        subprocess.run(["openssl", *map(str, argv)], check=True, capture_output=True, stdin=subprocess.DEVNULL)

    def certify(self, name, hosts, days=2, trusted=True):
        """(certificate, key) for @p hosts; expired where @p days is negative; by itself unless trusted."""
        key, ask, cert = (self.folder / f"{name}.{end}" for end in ("key", "csr", "pem"))
        names = ",".join(f"DNS:{host}" for host in hosts)
        self.openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
                     f"/CN={name}", "-keyout", key, "-out", ask)
        extra = self.folder / f"{name}.ext"
        extra.write_text(f"subjectAltName={names}\n")
        by = ["-CA", self.bundle, "-CAkey", self.key, "-CAcreateserial"] if trusted else ["-signkey", key]
        self.openssl("x509", "-req", "-in", ask, *by, "-days", days, "-extfile", extra, "-out", cert)
        return cert, key
