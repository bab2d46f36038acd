"""Names of images as Docker and Podman understand them.

For Docker a name without a registry is one of docker.io. Podman pulls such a name only where its
configuration names registries, which it does not here, and gives a name without a registry to `localhost`.
"""

from __future__ import annotations


def with_tag(name: str) -> str:
    """Return a name with its tag, the usual one where it has none."""
    return name if "@" in name or ":" in name.rpartition("/")[2] else f"{name}:latest"


def is_short(name: str) -> bool:
    """Tell whether a name lacks its registry."""
    first, slash, _ = name.partition("/")
    return not slash or not ("." in first or ":" in first or first == "localhost")


def of_docker(name: str) -> str:
    """Return a name in full, as Docker takes it."""
    full = f"docker.io/{name}" if is_short(name) else name
    rest = full.removeprefix("docker.io/")
    if rest != full and "/" not in rest:
        full = f"docker.io/library/{rest}"
    return with_tag(full)


def of_podman(name: str) -> str:
    """Return a name in full, as Podman gives it to an image: without the tag where there is a digest."""
    plain, at, digest = name.partition("@")
    if at:
        folder, slash, last = plain.rpartition("/")
        name = f"{folder}{slash}{last.partition(':')[0]}@{digest}"
    return with_tag(f"localhost/{name}") if is_short(name) else of_docker(name)
