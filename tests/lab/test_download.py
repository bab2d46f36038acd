"""A file from the network: over https only, by its checksum, kept as a whole or not at all."""

from __future__ import annotations

import hashlib
import ssl
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from lab.download import cache_folder, fetched
from lab.errors import LabError

_CONTENT = b"kind: List\nitems: []\n"
_SUM = hashlib.sha256(_CONTENT).hexdigest()


@dataclass
class Site:
    """A small site over https: what it answers, and how often it was asked."""

    url: str
    pages: dict[str, bytes] = field(default_factory=lambda: {"/calico.yaml": _CONTENT})
    redirect: str = ""
    asked: int = 0


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name in ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    words = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    words += ["-keyout", str(key), "-out", str(certificate), "-days", "1", "-subj", "/CN=localhost"]
    words += ["-addext", "subjectAltName=DNS:localhost"]
    subprocess.run(words, check=True, capture_output=True)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    made = Site("")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            made.asked += 1
            if made.redirect:
                self.send_response(302)
                self.send_header("Location", made.redirect)
                self.end_headers()
                return
            data = made.pages.get(self.path)
            self.send_response(404 if data is None else 200)
            self.send_header("Content-Length", str(len(data or b"")))
            self.end_headers()
            self.wfile.write(data or b"")

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            pass  # a client that does not trust us hangs up

    server = Server(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    made.url = f"https://localhost:{server.server_address[1]}/calico.yaml"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield made
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_file_is_fetched_once(site: Site) -> None:
    first = fetched(site.url, "calico.yaml", _SUM)
    again = fetched(site.url, "calico.yaml", _SUM)
    assert (first.data, first.fresh, first.known) == (_CONTENT, True, True)
    assert (again.data, again.fresh) == (_CONTENT, False)
    assert site.asked == 1


def test_another_content_is_refused_and_not_kept(site: Site) -> None:
    with pytest.raises(LabError, match="is not what it was: its SHA-256 is"):
        fetched(site.url, "calico.yaml", "0" * 64)
    assert not (cache_folder() / "calico.yaml").exists()


def test_a_kept_file_that_was_changed_is_fetched_again(site: Site) -> None:
    fetched(site.url, "calico.yaml", _SUM)
    (cache_folder() / "calico.yaml").write_bytes(b"changed")
    assert fetched(site.url, "calico.yaml", _SUM).data == _CONTENT
    assert site.asked == 2


def test_without_a_checksum_the_first_one_counts(site: Site) -> None:
    first = fetched(site.url, "calico.yaml")
    assert (first.sha256, first.known) == (_SUM, False)
    assert not fetched(site.url, "calico.yaml").fresh
    (cache_folder() / "calico.yaml").unlink()
    site.pages["/calico.yaml"] = b"another"
    with pytest.raises(LabError, match="is not what it was") as raised:
        fetched(site.url, "calico.yaml")
    assert "calico.yaml.sha256" in (raised.value.help or "")


@pytest.mark.parametrize(
    "target", ["http://localhost:1/calico.yaml", "file:///etc/passwd", "ftp://localhost/x"]
)
def test_nothing_but_https_is_followed(site: Site, target: str) -> None:
    site.redirect = target
    with pytest.raises(LabError, match=r"only https is|is not allowed"):
        fetched(site.url, "calico.yaml", _SUM)
    with pytest.raises(LabError, match="only https is"):
        fetched(target, "calico.yaml", _SUM)


def test_what_cannot_be_fetched_is_told_with_the_way_around(site: Site) -> None:
    site.pages.clear()
    with pytest.raises(LabError, match=r"cannot fetch .*Not Found") as raised:
        fetched(site.url, "calico.yaml", _SUM)
    assert "--calico-manifest FILE" in (raised.value.help or "")


def test_a_server_that_is_not_trusted_is_told(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(LabError, match="certificate verify failed"):
        fetched(site.url, "calico.yaml", _SUM)


def test_a_cache_that_cannot_be_written_is_told(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(LabError, match="cannot write") as raised:
        fetched(site.url, "calico.yaml", _SUM)
    assert raised.value.help == "set XDG_CACHE_HOME"
