"""The way into a cluster: a context made into a client of the `kubernetes` package that may ask.

Comes in: the names that the user gave. Goes out: an `Access`, or an error that says what is missing.
"""

from __future__ import annotations

import logging
import os
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from analyzer.live.failures import failure, one_line
from analyzer.live.kubeconfig import Context, choose
from analyzer.load.text import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kubernetes.client import ApiClient

    from analyzer.diagnostics import AnalyzerError


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """A client of the cluster of a context, to be closed by who asked for it."""

    context: Context
    client: ApiClient

    @property
    def who(self) -> str:
        """The user who asks, as the kubeconfig calls them."""
        if not self.context.user_name:
            return "requests without a user, and the context has none"
        return f"the user {shown(self.context.user_name)}"

    @property
    def check(self) -> str:
        """A command that tells whether kubectl gets in."""
        return f"`{self.context.kubectl} get namespaces`"

    def credentials(self) -> dict[str, str]:
        """Return the headers that say who asks; a token about to expire is fetched anew."""
        configuration = self.client.configuration
        with _heard(self.context):
            # The token's name depends on the client's version; 36.0.0 stores one and looks for the other.
            tokens = [
                configuration.get_api_key_with_prefix(name) for name in ("BearerToken", "authorization")
            ]
        token = str(tokens[0] or tokens[1] or "").strip()
        if not (token.isascii() and token.isprintable()):
            raise _no_credentials(self.context, "the token has line breaks or letters that no token has")
        return {"Authorization": token} if token else {}

    def another(self) -> Access:
        """Return a client of its own, with the same credentials: for another thread."""
        return Access(context=self.context, client=type(self.client)(self.client.configuration))

    def __str__(self) -> str:
        return f"the cluster of context {shown(self.context.name)} at {shown(self.context.server)}"


def connect(context: str | None, kubeconfig: str | None) -> Access:
    """Return the way into the cluster of a context; nothing is sent yet.

    Raises AnalyzerError where the kubeconfig is wrong or incomplete, where its credential plug-in fails, and
    where the package is not installed.
    """
    try:
        from kubernetes import client, config
    except ImportError:
        raise failure(
            "missing-package",
            "a live cluster is read through the package `kubernetes`, which is not installed",
            "install kubereach[cluster]",
        ) from None
    chosen = choose(context, kubeconfig)
    configuration = client.Configuration()
    load: Callable[..., None] = config.load_kube_config
    with _heard(chosen):
        load(os.pathsep.join(chosen.files), chosen.name, configuration)
        if chosen.proxy:  # which clients before version 37 overlook
            configuration.proxy = chosen.proxy
        return Access(context=chosen, client=client.ApiClient(configuration))


class _Ear(logging.Handler):
    """Keeps what is logged as an error."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.words: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.words.append(record.getMessage())


@contextmanager
def _heard(context: Context) -> Iterator[None]:
    """Turn what the client raises, and what it only logs, into an error.

    When a credential plug-in fails, the client logs it with the root logger and goes on without credentials.
    """
    ear = _Ear()
    logging.getLogger().addHandler(ear)
    try:
        yield
    except Exception as error:  # plug-ins and sources of tokens raise what they like
        raise _no_credentials(context, str(error) or type(error).__name__) from error
    finally:
        logging.getLogger().removeHandler(ear)
    if ear.words:
        raise _no_credentials(context, ear.words[0])


def _no_credentials(context: Context, words: str) -> AnalyzerError:
    plug_in = context.user.get("exec")
    hint = plug_in.get("installHint") if isinstance(plug_in, dict) else None
    return failure(
        "no-credentials",
        f"the credentials of context {shown(context.name)} cannot be used: {one_line(words)}",
        one_line(hint) if hint else f"`{context.kubectl} get namespaces` uses the same",
    )
