"""The project's checks, one session each: `nox` runs what must be green, `nox -l` lists all."""

from __future__ import annotations

import hashlib
from pathlib import Path

import nox

nox.needs_version = ">=2024.4.15"
nox.options.default_venv_backend = "virtualenv"
nox.options.reuse_venv = "yes"
nox.options.download_python = "never"
nox.options.error_on_missing_interpreters = False
nox.options.sessions = ["lint", "types", "layers", "tests", "clusters", "coverage"]

PROJECT = nox.project.load_toml("pyproject.toml")
EXTRAS = PROJECT["project"]["optional-dependencies"]
CLUSTERS = ["tests/lab/context", "tests/lab/kind"]


def install(session: nox.Session, *requirements: str) -> None:
    """Install once: again only when pyproject.toml changed, so that sessions run without a network."""
    wanted = hashlib.sha256(Path("pyproject.toml").read_bytes()).hexdigest()
    stamp = Path(session.virtualenv.location, "installed")
    if not stamp.exists() or stamp.read_text() != wanted:
        session.install("--no-compile", *requirements)
        stamp.write_text(wanted)


@nox.session
def lint(session: nox.Session) -> None:
    """Style and format (ruff)."""
    install(session, *EXTRAS["lint"])
    session.run("ruff", "check", *session.posargs)
    session.run("ruff", "format", "--check")


@nox.session
def types(session: nox.Session) -> None:
    """Types (mypy --strict)."""
    install(session, "-e", ".[dev]")
    session.run("mypy", *session.posargs)


@nox.session
def layers(session: nox.Session) -> None:
    """Check that modules import from lower layers only (import-linter)."""
    install(session, *EXTRAS["lint"])
    session.run("lint-imports", *session.posargs)


@nox.session(python=["3.11", "3.12", "3.13", "3.14"])
def tests(session: nox.Session) -> None:
    """Tests, on every supported Python that is installed; those of `clusters` only when they are named."""
    install(session, "-e", ".[cluster,fast,tasks,test]")
    session.run("pytest", *(session.posargs or [f"--ignore={folder}" for folder in CLUSTERS]))


@nox.session
def clusters(session: nox.Session) -> None:
    """Run the tests of labs on clusters, which take long, on one Python."""
    install(session, "-e", ".[cluster,fast,tasks,test]")
    session.run("pytest", *(session.posargs or CLUSTERS))


@nox.session
def coverage(session: nox.Session) -> None:
    """Lines and branches of the analyzer: its tests must reach all of them."""
    install(session, "-e", ".[cluster,fast,tasks,test]")
    analyzer = ("tests/unit", "tests/property", "tests/cli")
    session.run("coverage", "run", "-m", "pytest", *(session.posargs or analyzer))
    session.run("coverage", "report")


@nox.session
def bench(session: nox.Session) -> None:
    """Time and memory, on generated clusters."""
    install(session, "-e", ".[cluster,fast]")
    session.run("python", "-m", "bench", *session.posargs)


@nox.session
def second_opinion(session: nox.Session) -> None:
    """Compare every verdict with another analyzer's."""
    install(session, "-e", ".[cluster,fast,tasks,test]")
    session.run("python", "-m", "tests.differential.nca", *session.posargs)


@nox.session
def verify(session: nox.Session) -> None:
    """Prediction against packets."""
    install(session, "-e", ".[cluster,fast]")
    session.run("python", "-m", "lab.verify", *session.posargs)


@nox.session
def fuzz(session: nox.Session) -> None:
    """Random clusters, brought to life and verified with packets."""
    install(session, "-e", ".[cluster,fast,tasks,test]")
    session.run("python", "-m", "lab.fuzz", *session.posargs)
