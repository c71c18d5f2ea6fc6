"""The servers that are measured, and the upstream behind them."""

import http.client
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import threading
import time
from pathlib import Path

TOOLS = Path(__file__).resolve().parents[2] / "target/tools/bin"
START_S = 60
KEYLESS, OAUTH = "/keyless", "/oauth-api"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def pinned(core, command):
    return ["taskset", "-c", str(core), *[str(part) for part in command]]


def wait_for_port(port, process):
    end = time.monotonic() + START_S
    while time.monotonic() < end:
        if process.poll() is not None:
            raise RuntimeError(f"{process.args} ended with status {process.returncode}")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.005)
    raise RuntimeError(f"{process.args} did not listen on {port} within {START_S} s")


class Site:
    """What nginx is told beyond the plain site: lines for its contexts `http`, `server` and `location`."""

    def __init__(self, http="", server="", location="", listen="", connection='""'):
        self.http, self.server, self.location = http, server, location
        self.listen, self.connection = listen, connection


class Nginx:
    """nginx with one worker, as upstream (`root`) or as reverse proxy (`upstream`)."""

    def __init__(self, folder, core, root=None, upstream=None, site=None):
        self.port = free_port()
        self.folder = folder
        self.site = site or Site()
        self.tls = "ssl" in self.site.listen
        folder.mkdir(parents=True, exist_ok=True)
        configuration = folder / "nginx.conf"
        configuration.write_text(self._configuration(root, upstream))
        command = [TOOLS / "nginx", "-e", folder / "error.log", "-p", folder, "-c", configuration]
        self.process = subprocess.Popen(pinned(core, command))
        wait_for_port(self.port, self.process)

    def _configuration(self, root, upstream):
        temporary = "".join(
            f"    {kind}_temp_path {self.folder}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        # Started by root, nginx would serve as another user, who cannot read the temporary folder.
        user = "user root;\n" if os.geteuid() == 0 else ""
        return (
            f"daemon off;\nworker_processes 1;\n{user}"
            f"pid {self.folder}/pid;\nerror_log {self.folder}/error.log crit;\n"
            "events { worker_connections 4096; }\n"
            "http {\n    access_log off;\n    sendfile on;\n    tcp_nopush on;\n    tcp_nodelay on;\n"
            "    keepalive_requests 1000000000;\n    keepalive_timeout 3600s;\n    open_file_cache max=64;\n"
            f"{temporary}{self.site.http}{self._site(root, upstream)}}}\n"
        )

    def _site(self, root, upstream):
        listen = f"listen 127.0.0.1:{self.port} {self.site.listen} backlog=4096;\n{self.site.server}"
        if root:
            return f"    server {{ {listen} root {root}; }}\n"
        return (
            f"    upstream behind {{ server 127.0.0.1:{upstream}; keepalive 256; keepalive_requests 1000000000; }}\n"
            f"    server {{\n        {listen}\n        location / {{\n"
            "            proxy_pass http://behind;\n            proxy_http_version 1.1;\n"
            f"            proxy_set_header Connection {self.site.connection};\n{self.site.location}"
            # nginx streams large bodies too, rather than keeping them in a file: the faster of its two ways.
            "            proxy_max_temp_file_size 0;\n        }\n    }\n"
        )

    def pids(self):
        """The workers; the master does nothing while requests come."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [int(pid) for pid in children.split()]

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(START_S)


def upstream(folder, core, sizes, site=None):
    """nginx that answers `/SIZE` with that many bytes from the page cache."""
    root = folder / "root"
    root.mkdir(parents=True)
    for size in sizes:
        (root / str(size)).write_bytes(b"x" * size)
    return Nginx(folder / "upstream", core, root=root, site=site)


class Raftgate:
    """A raftgate node on its own data directory; `start` can be called again after `stop`."""

    def __init__(self, options, folder, configuration=""):
        self.binary, self.core, self.folder = options.binary.resolve(), options.gateway_core, folder
        self.tls = "tls_cert" in configuration
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "raftgate.toml").write_text(f"[gateway]\nworkers = 1\n{configuration}")
        self.process = None

    def start(self):
        """Starts the node and returns the seconds until its ready line."""
        command = [self.binary, "serve", "--config", self.folder / "raftgate.toml", "--data-dir", self.folder / "data"]
        for listener in ("gateway", "control", "cluster"):
            command += [f"--{listener}-listen", "127.0.0.1:0"]
        began = time.monotonic()
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(pinned(self.core, command), stdout=subprocess.PIPE, stderr=log, text=True)
        watchdog = threading.Timer(START_S, self.process.kill)
        watchdog.start()
        line = next((line for line in self.process.stdout if line.startswith("ready ")), None)
        took = time.monotonic() - began
        watchdog.cancel()
        if line is None:
            raise RuntimeError(f"raftgate did not become ready:\n{self.log()}")
        fields = dict(field.split("=", 1) for field in line.split()[1:])
        self.port, self.control = (int(fields[name].rpartition(":")[2]) for name in ("gateway", "control"))
        return took

    def log(self):
        return "\n".join((self.folder / "log").read_text(errors="replace").splitlines()[-20:])

    def pids(self):
        return [self.process.pid]

    def ask(self, method, path, body=None):
        """A request with the control secret; its JSON answer."""
        secret = (self.folder / "data/control.secret").read_text().strip()
        headers = {"X-Tyk-Authorization": secret, "Content-Type": "application/json"}
        return answer(self.control, method, path, headers, json.dumps(body) if body else None)

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(START_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise RuntimeError("raftgate did not end after SIGTERM") from None

    def remove(self):
        self.stop()
        shutil.rmtree(self.folder)


def connect(server):
    """A connection to a server's port; the certificates are made here, and nobody asks whose they are."""
    if not server.tls:
        return http.client.HTTPConnection("127.0.0.1", server.port, timeout=START_S)
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return http.client.HTTPSConnection("127.0.0.1", server.port, timeout=START_S, context=context)


def got(server, path, headers=None):
    """Status, header fields and size of the answer to a GET; status 0 when nobody answers."""
    connection = connect(server)
    try:
        connection.request("GET", path, headers=headers or {})
        response = connection.getresponse()
        return response.status, response.headers, len(response.read())
    except OSError:
        return 0, {}, 0
    finally:
        connection.close()


def status_and_size(server, path, headers=None):
    """Status of the answer to a GET and the bytes of its body; 0 and 0 when nobody answers."""
    status, _, size = got(server, path, headers)
    return status, size


def answer(port, method, path, headers, body=None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=START_S)
    try:
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        text = response.read().decode(errors="replace")
    finally:
        connection.close()
    if response.status != 200:
        raise RuntimeError(f"{method} {path}: {response.status} {text}")
    return json.loads(text)
