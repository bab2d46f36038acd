"""What is remembered of a lab that lives on a cluster, between one command and the next.

Comes in: a Record. Goes out: a file of the user's own, `$XDG_STATE_HOME/kubereach/labs/NAME.json`, and the
Record from it again. The embedded lab needs none: its process remembers.
"""

from __future__ import annotations

import json
import os
import stat
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

from lab.errors import LabError, up_already
from lab.providers.netns import rundir

VERSION = 1
ProviderName = Literal["kind", "context"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A lab on a cluster.

    `kubeconfig` "" is the user's own. `sources` are the paths of the manifests that were deployed, `cni` the
    profile that the user named ("": what runs in the cluster). `settings` are the provider's, as JSON has
    them.
    """

    name: str
    provider: ProviderName
    context: str
    kubeconfig: str = ""
    sources: tuple[str, ...] = ()
    cni: str = ""
    settings: Mapping[str, object] = field(default_factory=dict)


def state_folder() -> Path:
    """Return the user's folder for what outlives a command, making it where it is missing.

    Raises LabError when it is not the user's own.
    """
    folder = _folder()
    for path in (folder, folder / "labs"):
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            status = path.lstat()
        except OSError as error:
            raise LabError(f"cannot make `{path}`: {error.strerror}", "set XDG_STATE_HOME") from error
        if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & 0o022:
            raise LabError(
                f"`{path}` is not a folder of yours alone", "remove it, or set XDG_STATE_HOME to another"
            )
    return folder


def save(record: Record, *, new: bool = False) -> None:
    """Write a record, as a whole or not at all; a `new` one only where there is none.

    Raises LabError, also when somebody else was quicker with a new one.
    """
    state_folder()
    path = _path(record.name)
    data = {"version": VERSION, **asdict(record), "sources": list(record.sources)}
    try:
        descriptor, scratch = tempfile.mkstemp(dir=path.parent, prefix=f".{record.name}-")
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump(data, file, indent=1)
            if new:
                path.hardlink_to(scratch)
                Path(scratch).unlink()
            else:
                Path(scratch).replace(path)
        except BaseException:
            Path(scratch).unlink(missing_ok=True)
            raise
    except FileExistsError as error:
        raise up_already(record.name) from error
    except OSError as error:
        raise LabError(f"cannot write `{path}`: {error.strerror}") from error


def load(name: str) -> Record | None:
    """Return the record of that name; None when there is none. Raises LabError when it cannot be read."""
    path = _path(name)
    try:
        data = json.loads(path.read_bytes())
        if data["version"] != VERSION or data["provider"] not in ("kind", "context"):
            raise LabError(f"`{path}` is of another version", "remove it, and bring the lab up again")
        return Record(
            name=str(data["name"]),
            provider=data["provider"],
            context=str(data["context"]),
            kubeconfig=str(data["kubeconfig"]),
            sources=tuple(map(str, data["sources"])),
            cni=str(data["cni"]),
            settings=dict(data["settings"]),
        )
    except FileNotFoundError:
        return None
    except OSError as error:
        raise LabError(f"cannot read `{path}`: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise LabError(f"`{path}` is broken", "remove it, and bring the lab up again") from error


def forget(name: str) -> bool:
    """Remove a record; False when there was none."""
    with suppress(FileNotFoundError):
        _path(name).unlink()
        return True
    return False


def names() -> list[str]:
    """Return the names of all labs that are remembered."""
    return sorted(path.stem for path in (_folder() / "labs").glob("[!.]*.json"))


def _path(name: str) -> Path:
    rundir.check_name(name)
    return _folder() / "labs" / f"{name}.json"


def _folder() -> Path:
    base = os.environ.get("XDG_STATE_HOME") or str(Path("~", ".local", "state").expanduser())
    return Path(base, "kubereach")
