"""What a program said, as an attempt of a probe: arrived, stopped, or not to be told from here.

Comes in: a report, and what is known of the place: which CNI, who answers. Goes out: an Attempt.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from analyzer.model import Denial
from analyzer.profiles import PROFILES
from lab.probes import Attempt, Outcome, Probe, Protocol
from lab.providers.context.probing.asking import Report
from lab.providers.context.probing.listening import Spot
from lab.providers.context.probing.script import Said

_Found = tuple[Outcome, str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What decides how an answer is to be read.

    `profile` is the CNI's name; `answering` says of addresses, protocols and ports why nobody answers for us
    there, "" where somebody does; `began` is the beginning of the run on the monotonic clock.
    """

    profile: str
    answering: Mapping[Spot, str]
    began: float

    def attempt(self, probe: Probe, report: Report) -> Attempt:
        """Return what a report means for a probe."""
        outcome, reason = self._read(probe, report)
        started = max(0.0, report.started - self.began)
        return Attempt(outcome=outcome, started=started, took=report.took, reason=reason)

    def _read(self, probe: Probe, report: Report) -> _Found:
        found: _Found
        match report.said:
            case Said.OPEN:
                found = Outcome.OPEN, None
            case Said.REFUSED:
                found = self._refused()
            case Said.TIMEOUT:
                found = self._silence(probe)
            case Said.UNSUPPORTED:
                found = Outcome.UNDECIDABLE, report.words
            case Said.OTHER if "family not supported" in report.words:
                found = Outcome.UNDECIDABLE, f"no IPv{6 if ':' in probe.address else 4} on this node"
            case Said.OTHER if "not supported" in report.words:
                found = Outcome.UNDECIDABLE, f"no {probe.protocol.name} on this node"
            case Said.OTHER:
                found = Outcome.UNREACHABLE, report.words
            case Said.BROKEN:
                found = Outcome.ERROR, report.words or "the probe said nothing"
        return found

    def _refused(self) -> _Found:
        """Somebody refused: the destination, which was reached then, or a CNI that does so itself."""
        if PROFILES[self.profile].denial is Denial.REFUSED:
            return Outcome.UNDECIDABLE, f"refused, and {self.profile} refuses what it denies"
        return Outcome.REFUSED, None

    def _silence(self, probe: Probe) -> _Found:
        """Nothing came: TCP is answered by every kernel, other protocols only by who listens there."""
        why = self.answering.get((probe.address, probe.protocol, probe.port))
        if probe.protocol is Protocol.TCP or why == "":
            return Outcome.DROPPED, None
        nobody = f"nobody of ours answers {probe.protocol.name} there"
        return Outcome.UNDECIDABLE, f"{nobody}: {why}" if why else nobody
