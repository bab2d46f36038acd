"""A live cluster, read through its API server: objects in, documents out, as from files.

`read` needs the package `kubernetes` (the extra `cluster`), which is imported only when it is called.
"""

from __future__ import annotations

from analyzer.live.detect import detect_pod_cidrs, detect_profile
from analyzer.live.reading import read

__all__ = ["detect_pod_cidrs", "detect_profile", "read"]
