"""What an API server refuses, in the user's words.

Comes in: a request and the server's answer. Goes out: an ApiError, with a help that fits the status.
"""

from __future__ import annotations

from lab.errors import LabError

_HELP = {
    403: "the user of this context needs that permission; `kubectl auth can-i --list` tells which it has",
    404: "look whether it was removed meanwhile",
    409: "somebody else has it: give yours another name, or remove that one yourself",
    410: "the cluster has changed meanwhile: try again",
    422: "the API server's words name the field",
    429: "the API server is overloaded: try again, or with a smaller `--concurrency`",
}


class ApiError(LabError):
    """The server answered, and its answer is no. `status` is the HTTP status."""

    def __init__(self, status: int, request: str, words: str) -> None:
        self.status = status
        self.words = words
        server = "the cluster is busy" if status >= 500 else None
        super().__init__(
            f"the cluster answers `{request}` with {status}: {words}",
            _HELP.get(status, server and "the API server has trouble of its own: try again"),
        )
