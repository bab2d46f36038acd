"""What else than a policy may have made a pod silent: looked after before silence is believed.

Comes in: probes that nobody has answered, twice in a row. Goes out: those that were silent for another
reason, with what that makes of them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from ipaddress import ip_address
from typing import TYPE_CHECKING

from lab.probes import Outcome, Probe
from lab.providers.context.probing.listening import Listening

if TYPE_CHECKING:
    from lab.providers.context.client import Client, Object

_NOBODY = "its destination is not there any more"


class Doubts:
    """What is asked about silent probes. `homes`: pods' namespaces and names, by their names in the lab."""

    def __init__(self, client: Client, homes: Mapping[str, tuple[str, str]], listening: Listening) -> None:
        self._client, self._homes, self._listening = client, homes, listening

    def __call__(self, silent: Collection[Probe]) -> dict[Probe, tuple[Outcome, str]]:
        """Return what silence means of those that it does not mean a drop of. Raises LabError."""
        known = [each for each in silent if each.expect in self._homes]
        spaces = {self._homes[each.expect or ""][0] for each in known}
        pods = {
            (space, str(pod["metadata"]["name"])): pod
            for space in sorted(spaces)
            for pod in self._client.list_all(f"/api/v1/namespaces/{space}/pods")
        }
        gone = [each for each in known if not _at(pods.get(self._homes[each.expect or ""]), each.address)]
        left = [each for each in known if each not in set(gone)]
        return {
            **dict.fromkeys(gone, (Outcome.UNREACHABLE, _NOBODY)),
            **{each: (Outcome.UNDECIDABLE, why) for each, why in self._listening.gone(left).items()},
        }


def _at(pod: Object | None, address: str) -> bool:
    """Tell whether a pod runs, at an address, and is to go on."""
    if pod is None or pod["metadata"].get("deletionTimestamp"):
        return False
    status = pod.get("status") or {}
    told = [each.get("ip") for each in status.get("podIPs") or ()] or [status.get("podIP")]
    here = ip_address(address) in [ip_address(each) for each in told if each]
    return here and status.get("phase") == "Running"
