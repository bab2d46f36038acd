"""Which versions belong together: kind's node images by the Kubernetes in them, and Calico tested on it.

Comes in: a version as the user writes it. Goes out: names of images. The digests are those of kind's release
notes (0.33 and before); which Kubernetes a Calico is tested with is in
https://docs.tigera.io/calico/latest/getting-started/kubernetes/requirements.
"""

from __future__ import annotations

import re

from analyzer.load.text import shown
from lab.errors import LabError

KUBERNETES = "v1.37.0"
"""The newest Kubernetes of which there is a node image and with which the usual Calico is tested."""

REPOSITORY = "kindest/node"
_DIGESTS = {
    "v1.37.0": "a1ed56cfb0e7b93589bdf97c8cd566405a265939e3620fc4f5de89adff580ae5",
    "v1.36.4": "099e049362a1526b2db71494e1947aae99bd16290d7c895f2b7ea312e3cbfaed",
    "v1.36.1": "3489c7674813ba5d8b1a9977baea8a6e553784dab7b84759d1014dbd78f7ebd5",
    "v1.35.8": "07b2536e30b803ed61d1677a79df6115f798ce64c80f9e22f6ed45afd09323c0",
    "v1.34.11": "44e222ee2132dab25ff87301682f89eb82c7880ea3a1bf543bfe9708fd08d67d",
    "v1.34.0": "7416a61b42b1662ca6ca89f02028ac133a309a2a30ba309614e8ec94d976dc5a",
}
_VERSION = re.compile(r"v?(\d+)\.(\d+)\.(\d+)")


def node_image(version: str = "") -> str:
    """Return the node image of a version of Kubernetes, by digest where it is known.

    Raises LabError for what is no version.
    """
    match = _VERSION.fullmatch(version or KUBERNETES)
    if not match:
        raise LabError(
            f"{shown(version)} is no version of Kubernetes", f"write it in full, as `{KUBERNETES}`"
        )
    tag = "v" + ".".join(match.groups())
    digest = _DIGESTS.get(tag)
    return f"{REPOSITORY}:{tag}@sha256:{digest}" if digest else f"{REPOSITORY}:{tag}"


def kubernetes_of(image: str) -> tuple[int, int] | None:
    """Return the version of Kubernetes that a node image holds, None when its tag does not tell."""
    match = re.search(r":v(\d+)\.(\d+)", image)
    return (int(match[1]), int(match[2])) if match else None


def in_full(image: str) -> str:
    """Return an image's name with its registry, and without its tag where it has a digest.

    So does kind name node images to Podman, which pulls short names only where it is configured to, gives
    names without a registry to `localhost`, and before 3.3 knows no tag beside a digest.
    """
    name, at, digest = image.partition("@")
    if at:
        folder, slash, last = name.rpartition("/")
        name = f"{folder}{slash}{last.partition(':')[0]}"
    first, slash, _ = name.partition("/")
    if not slash:
        name = f"docker.io/library/{name}"
    elif not ("." in first or ":" in first or first == "localhost"):
        name = f"docker.io/{name}"
    return f"{name}{at}{digest}"


def without_digest(image: str) -> str:
    """Return an image's name and tag: what is loaded from a file has no digest of a registry."""
    return image.partition("@")[0]
