"""The kubeconfig: which files make it, and which cluster and user a context of it means.

Comes in: what the user says on the command line, the environment, files. Goes out: one `Context`. The client
reads the files once more, for certificates and tokens. Contexts are chosen here, because of several files
the client takes the last `current-context`, where kubectl takes the first.
"""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analyzer.diagnostics import Fixed, Span
from analyzer.live.failures import failure, one_line
from analyzer.load.text import shown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from yaml import YAMLError

    from analyzer.diagnostics import AnalyzerError

    Entries = Mapping[str, Mapping[str, Any]]

_MOST_NAMES = 20  # of contexts that a message lists


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """A context of the kubeconfig that `files` make.

    `server` is the URL of its cluster, `proxy` that of the proxy before it or "", `user` the fields of its
    user (none: nobody in particular asks), `kubectl` how kubectl is called to use it.
    """

    name: str
    files: tuple[str, ...]
    server: str
    proxy: str
    user_name: str
    user: Mapping[str, Any]
    kubectl: str


def choose(context: str | None, kubeconfig: str | None) -> Context:
    """Return the context of that name, or the current one, as kubectl finds it.

    Raises AnalyzerError where there is none, and where what it needs is not in the kubeconfig.
    """
    files = _files(kubeconfig)
    contents = [_read(file) for file in files]
    contexts = _merged(contents, "contexts", "context")
    where = f"the kubeconfig {', '.join(map(shown, files))}"
    name = context or next((str(c["current-context"]) for c in contents if c.get("current-context")), "")
    if name not in contexts:
        raise _no_such_context(name, tuple(contexts), where, asked=bool(context))
    cluster, user = (str(contexts[name].get(field) or "") for field in ("cluster", "user"))
    clusters, users = _merged(contents, "clusters", "cluster"), _merged(contents, "users", "user")
    for kind, wanted, known in (("cluster", cluster, clusters), ("user", user, users)):
        if wanted not in known and (wanted or kind == "cluster"):
            raise failure(
                "incomplete-context",
                f"the context {shown(name)} needs the {kind} {shown(wanted)}, which is not in {where}",
            )
    server = _server(clusters[cluster].get("server"), cluster, where)
    return Context(
        name=name,
        files=files,
        server=server,
        proxy=str(clusters[cluster].get("proxy-url") or ""),
        user_name=user,
        user=users.get(user, {}),
        kubectl=shlex.join(
            ["kubectl", *(["--kubeconfig", kubeconfig] if kubeconfig else []), "--context", name]
        ),
    )


def _files(kubeconfig: str | None) -> tuple[str, ...]:
    """Return what `--kubeconfig` names, else what there is of $KUBECONFIG, else ~/.kube/config."""
    listed = [path for path in os.environ.get("KUBECONFIG", "").split(os.pathsep) if path]
    candidates = [kubeconfig] if kubeconfig else listed or [str(Path("~", ".kube", "config"))]
    files = tuple(path for path in map(os.path.expanduser, candidates) if Path(path).exists())
    if not files:
        raise failure(
            "no-kubeconfig",
            f"there is no kubeconfig {', '.join(map(shown, candidates))}",
            "name one by `--kubeconfig FILE` or $KUBECONFIG",
        )
    return files


def _read(file: str) -> dict[str, Any]:
    """Return the contents of one file, its lists of named entries checked."""
    import yaml

    if not Path(file).is_file():
        raise _wrong(file, "is no regular file", "it is read twice: write it to a file first")
    try:
        content = yaml.safe_load(Path(file).read_bytes())
    except yaml.YAMLError as error:
        raise _no_yaml(file, error) from None
    except (OSError, ValueError, RecursionError) as error:
        raise _wrong(file, f"cannot be read: {one_line(getattr(error, 'strerror', None) or error)}") from None
    if not isinstance(content, dict):
        raise _wrong(file, "is no mapping", "a kubeconfig has the fields `clusters`, `users` and `contexts`")
    for section in ("clusters", "users", "contexts"):
        entries = content.get(section) or []
        if not isinstance(entries, list) or not all(map(_has_name, entries)):
            raise _wrong(file, f"is wrong: `{section}` must be a list of entries, each with a `name`")
    return content


def _has_name(entry: Any) -> bool:
    return isinstance(entry, dict) and isinstance(entry.get("name"), str)


def _merged(contents: Sequence[Mapping[str, Any]], section: str, field: str) -> Entries:
    """Return the entries of a section by name; where files share a name, the first file's counts."""
    found: dict[str, Mapping[str, Any]] = {}
    for content in contents:
        for entry in content.get(section) or []:
            value = entry.get(field)
            found.setdefault(entry["name"], value if isinstance(value, dict) else {})
    return found


def _server(server: object, cluster: str, where: str) -> str:
    if isinstance(server, str) and server.startswith(("https://", "http://")):
        return server
    raise failure(
        "incomplete-context",
        f"the cluster {shown(cluster)} of {where} has the `server` {shown(str(server or ''))}",
        "a URL is needed: `https://HOST:PORT`",
    )


def _wrong(file: str, what: str, remedy: str = "") -> AnalyzerError:
    return failure("bad-kubeconfig", f"the kubeconfig {shown(file)} {what}", remedy)


def _no_yaml(file: str, error: YAMLError) -> AnalyzerError:
    mark = getattr(error, "problem_mark", None)
    place = Fixed(mark.line + 1, mark.column + 1) if mark else Fixed()
    words = one_line(getattr(error, "problem", None) or error)
    return failure("bad-kubeconfig", f"the kubeconfig is no YAML: {words}", span=Span(file, (), place))


def _no_such_context(name: str, known: Sequence[str], where: str, *, asked: bool) -> AnalyzerError:
    from difflib import get_close_matches

    names = ", ".join(map(shown, sorted(known)[:_MOST_NAMES])) or "none"
    more = f" and {len(known) - _MOST_NAMES} more" if len(known) > _MOST_NAMES else ""
    there = f"contexts: {names}{more}"
    if not name:
        remedy = f"choose one by `--context`; {there}"
        return failure("no-current-context", f"{where} has no current context", remedy)
    close = get_close_matches(name, known, n=1)
    remedy = f"did you mean {shown(close[0])}? {there}" if close else there
    what = "context" if asked else "current context"
    return failure("unknown-context", f"the {what} {shown(name)} is not in {where}", remedy)
