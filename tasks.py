"""Thin doors to the programs: `invoke --list` shows them."""

from __future__ import annotations

import shlex
import sys

from invoke.context import Context
from invoke.tasks import task


@task(help={"manifests": "files and folders, separated by spaces", "options": "passed on as they are"})
def predict(context: Context, manifests: str = "manifests/", options: str = "") -> None:
    """Predict from manifests who can talk to whom."""
    context.run(f"{shlex.quote(sys.executable)} -m analyzer {options} {manifests}", pty=sys.stdout.isatty())
