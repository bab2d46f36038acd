"""A file from the network, fetched once and kept: over https only, as a whole or not at all, by its checksum.

Comes in: an address, and the SHA-256 that the content must have. Goes out: the content. Where no checksum is
known beforehand, the one of the first time is kept, and every later time must have the same.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import urllib.request
from dataclasses import dataclass
from http.client import HTTPException, HTTPMessage
from pathlib import Path
from typing import IO
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit

from lab.errors import LabError

_SECONDS = 60.0
_LARGEST = 32 * 2**20
_AGAIN = "try again, in case it was cut off on the way; do not use what stays another one"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A file that is kept. `fresh`: it was fetched just now; `known`: its checksum was known beforehand."""

    data: bytes
    sha256: str
    fresh: bool
    known: bool


def cache_folder() -> Path:
    """Return the user's folder for what can be fetched again."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path("~", ".cache").expanduser())
    return Path(base, "kubereach")


def fetched(url: str, name: str, sha256: str = "") -> Kept:
    """Return what is at an address, from the cache when it is there. Raises LabError."""
    path = cache_folder() / name
    noted = path.with_name(f"{name}.sha256")
    expected = sha256 or _text(noted)
    try:
        data = path.read_bytes()
    except OSError:
        data = None
    if data is not None and expected and _sum(data) == expected:
        return Kept(data=data, sha256=expected, fresh=False, known=bool(sha256))
    data = _fetch(url)
    found = _sum(data)
    if expected and found != expected:
        raise LabError(
            f"what is at {url} is not what it was: its SHA-256 is {found}, not {expected}",
            f"{_AGAIN}. If the change is meant, remove {noted}" if not sha256 else _AGAIN,
        )
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _write(path, data)
        _write(noted, f"{found}\n".encode())
    except OSError as error:
        raise LabError(f"cannot write `{path}`: {error.strerror}", "set XDG_CACHE_HOME") from error
    return Kept(data=data, sha256=found, fresh=True, known=bool(sha256))


class _HttpsOnly(urllib.request.HTTPRedirectHandler):
    """Follows redirections to https, and to nothing else."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        try:
            _check(newurl)
        except LabError:
            fp.close()
            raise
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _fetch(url: str) -> bytes:
    _check(url)
    opener = urllib.request.build_opener(_HttpsOnly())
    request = urllib.request.Request(url, headers={"User-Agent": "kubereach"})  # noqa: S310 - https only
    try:
        with opener.open(request, timeout=_SECONDS) as response:
            data: bytes = response.read(_LARGEST + 1)
    except (URLError, HTTPException, OSError) as error:
        reason = getattr(error, "reason", None) or error
        if isinstance(error, HTTPError):
            error.close()
        raise LabError(
            f"cannot fetch {url}: {reason}",
            "without a network name a file: `--calico-manifest FILE`, or `--images FILE` with it inside",
        ) from error
    if len(data) > _LARGEST:
        raise LabError(f"what is at {url} is larger than {_LARGEST // 2**20} MiB", "it cannot be right")
    return data


def _check(url: str) -> None:
    if urlsplit(url).scheme != "https":
        raise LabError(f"{url} is not fetched: only https is", "look at what redirects there")


def _sum(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _text(path: Path) -> str:
    try:
        return path.read_text().strip()
    except (OSError, UnicodeDecodeError):
        return ""


def _write(path: Path, data: bytes) -> None:
    """Write a file as a whole or not at all."""
    descriptor, scratch = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        Path(scratch).replace(path)
    except BaseException:
        Path(scratch).unlink(missing_ok=True)
        raise
