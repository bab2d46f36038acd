"""Runs a command in a pod's network: `python -m tests.lab.context.inside LAB POD WORD ...`."""

from __future__ import annotations

import sys

from lab.providers.netns.client import Lab

if __name__ == "__main__":
    with Lab.connect(sys.argv[1]) as lab:
        sys.exit(lab.shell(sys.argv[2], sys.argv[3:]))
