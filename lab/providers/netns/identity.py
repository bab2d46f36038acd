"""How the one who answers says who it is.

Comes in: a name. Goes out: the bytes that its listeners send, and back. Over TCP the name comes as an HTTP
response, sent without waiting for a request, so that `curl` and `wget` in a pod show it as well.
"""

from __future__ import annotations


def stream_answer(name: str) -> bytes:
    """Return what a TCP or SCTP listener sends to everyone who connects."""
    body = datagram_answer(name)
    head = f"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def datagram_answer(name: str) -> bytes:
    """Return what a UDP listener, or an SCTP state cookie, carries back."""
    return name.encode() + b"\n"


def read_answer(data: bytes) -> str:
    """Return the name in an answer; any other text comes back as it is, for the report."""
    return data.rpartition(b"\r\n\r\n")[2].decode("utf-8", "replace").strip()
