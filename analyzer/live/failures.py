"""What goes wrong between here and a cluster, each as one diagnostic.

Comes in: an exception of the transport, an answer of the server, words of other programs. Goes out: an
`AnalyzerError` that says what happened and how to look further.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from analyzer.diagnostics import AnalyzerError, Diagnostic, Severity, Span
from analyzer.load.text import printable

if TYPE_CHECKING:
    from urllib3.exceptions import HTTPError

    from analyzer.live.access import Access

_LONGEST = 300  # characters of what a server or a plug-in says
_FIRST = 150  # of them from its beginning
_OPENSSL = re.compile(r"^\[[^]]*\] | \(_ssl\.c:\d+\)$")


class StatusError(Exception):
    """The server answered, and its answer is no: the HTTP status and the server's own words."""

    def __init__(self, status: int, words: str) -> None:
        self.status = status
        self.words = words
        super().__init__(f"{status}: {words}")


def failure(code: str, message: str, remedy: str = "", span: Span | None = None) -> AnalyzerError:
    """Return an error with one diagnostic."""
    return AnalyzerError(
        Diagnostic(severity=Severity.ERROR, code=code, message=message, span=span, help=remedy)
    )


def one_line(words: object) -> str:
    """Return what another program said fit to be shown: on one line, printable, not too long.

    What is too long loses its middle: it begins with what happened, and ends with the cause.
    """
    text = printable(" ".join(str(words).split()))
    if len(text) <= _LONGEST:
        return text
    return f"{text[:_FIRST]} … {text[len(text) - _LONGEST + _FIRST :]}"


def unreachable(access: Access, error: HTTPError) -> AnalyzerError:
    """Return why there is no speaking with the cluster: refused, not found, too slow, not trusted, broken."""
    from urllib3.exceptions import NewConnectionError, ProxyError, SSLError, TimeoutError as TooSlow

    code, words, reason = "cluster-unreachable", f"cannot reach {access}", _reason(error)
    remedy = f"{access.check} shows whether kubectl reaches it"
    match error:
        case SSLError():
            code, words = "connection-not-trusted", f"no trusted connection with {access}"
            remedy = (
                "look at `certificate-authority-data`, `tls-server-name` and `server` of the kubeconfig; "
                "they change when a cluster is made anew"
            )
        case ProxyError():
            words = f"cannot reach the proxy on the way to {access}"
            remedy = "`proxy-url` of the kubeconfig or HTTPS_PROXY names it, NO_PROXY what goes without it"
        case TooSlow() if not isinstance(error, NewConnectionError):
            reason = "no answer in time"
        case _:
            pass
    return failure(code, f"{words}: {reason}", remedy)


def refused(access: Access, request: str, error: StatusError) -> AnalyzerError:
    """Return the answer to a request without which nothing can be said."""
    return failure(
        "cluster-error",
        f"{access} answers `{request}` with {error.status}: {error.words}",
        f"{access.check} shows how it answers kubectl",
    )


def not_accepted(access: Access) -> AnalyzerError:
    """Return that the cluster does not know who asks."""
    return failure(
        "not-authenticated",
        f"{access} does not accept {access.who}",
        f"log in again until {access.check} answers: credentials expire",
    )


def _reason(error: BaseException) -> str:
    """Return the words of the exception at the bottom: the operating system's, or OpenSSL's.

    What the caller was handling is no part of it.
    """
    from http.client import HTTPException

    from urllib3.exceptions import HTTPError

    transport = (OSError, HTTPException, HTTPError)
    while isinstance(cause := error.__cause__ or error.__context__, transport):
        error = cause
    words = getattr(error, "verify_message", None) or getattr(error, "strerror", None) or error
    text = one_line(_OPENSSL.sub("", str(words))).removesuffix(".")
    return text[:1].lower() + text[1:]
