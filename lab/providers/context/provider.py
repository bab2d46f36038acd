"""A cluster as a provider: what lives in it is read back, what is asked starts inside its pods.

Comes in: a record, and how the user wants it done. Goes out: worlds, results. What the lab makes bears its
labels and is listed in its record; nothing else is ever changed or removed.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Self

from analyzer import AnalyzerError, Diagnostic
from lab import records
from lab.errors import LabError
from lab.manifests import Manifests
from lab.plan import Plan
from lab.probes import Patience, Probe, ProbeResult, Protocol
from lab.providers import Manner, OnResult, Progress
from lab.providers.context import applying, waiting
from lab.providers.context.applying import Applied
from lab.providers.context.client import Client
from lab.providers.context.probing import sources
from lab.providers.context.probing.doubts import Doubts
from lab.providers.context.probing.listening import Listener, Listening
from lab.providers.context.probing.relay import Relay
from lab.providers.context.probing.rounds import Rounds
from lab.providers.context.probing.verdicts import Place
from lab.providers.context.reading import Read, read_world
from lab.providers.context.states import why
from lab.records import Record
from lab.steps import now_and_then
from lab.world import World

if TYPE_CHECKING:
    from lab.providers.context.client import Object
    from lab.providers.context.probing.asking import Nodes

_SETTLED = 3.0
"""Seconds that CNIs take at most, as a rule, until a policy is in force on every node."""
_NOT_AGREED = "`--yes` agrees: all is labelled, `invoke down` removes it, and what others made stays as it is"


def connect(record: Record, manner: Manner | None = None) -> ClusterLab:
    """Return the lab of a record."""
    return ClusterLab(record, manner)


class ClusterLab:
    """A lab on a cluster that is there already."""

    def __init__(self, record: Record, manner: Manner | None = None) -> None:
        """Take over a record. Raises AnalyzerError when its context is not there; nothing is sent yet."""
        self.record = record
        manner = manner or Manner()
        agreed = manner.agreed or bool(record.settings.get("agreed")) or record.provider == "kind"
        self._manner = replace(manner, agreed=agreed)
        self.client = Client(record.kubeconfig, record.context)
        self._read: Read | None = None
        self._notes: list[str] = []

    @classmethod
    def attach(cls, record: Record, manner: Manner | None = None) -> Self:
        """Attach a lab to a cluster: it is read once, nothing is made in it, and the record is saved."""
        made = cls(record, manner)
        made.record = replace(record, context=made.client.context.name)
        made._read_now()
        records.save(made.record)
        return made

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.hang_up()

    @property
    def nodes(self) -> Nodes | None:
        """What enters pods' networks on their nodes; None where nodes are beyond reach."""
        return None

    def hang_up(self) -> None:
        """End all commands that run in pods."""
        self.client.hang_up()

    @property
    def pace(self) -> None:
        """Each cluster has its own."""

    @property
    def world(self) -> World:
        """What lives in the cluster, as it was when this was asked first."""
        return self._read_now().world

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """What is to be said about how the cluster was read."""
        return self._read_now().diagnostics

    @property
    def labels(self) -> dict[str, str]:
        """What all that the lab makes is marked with."""
        return applying.labels_of(self.record.name)

    def deploy(self, manifests: Manifests, told: waiting.Told | None = None) -> None:
        """Apply manifests, remove what earlier ones made and these do not, and wait until pods are ready.

        `told` is told what is waited for; else standard error, now and then. Raises LabError unless the user
        agreed, and when something is there that is not this lab's.
        """
        if not self._manner.agreed:
            raise LabError(
                f"this would change the cluster of the context `{self.record.context}`", _NOT_AGREED
            )
        before = Applied.read(self.record.settings.get("applied"), self.labels)
        # Pods and workloads run while the policies take hold, as `kubectl apply -f` would have it.
        told = told or now_and_then(sys.stderr)
        after = applying.apply(self.client, manifests.documents, labels=self.labels, told=told)
        stale = tuple(ref for ref in before.refs if ref.path not in {each.path for each in after.refs})
        settings = {
            **self.record.settings,
            "applied": [*after.plain(), *Applied(refs=stale, labels=self.labels).plain()],
        }
        self._save(replace(self.record, sources=manifests.paths, settings=settings))
        applying.remove(self.client, Applied(refs=stale, labels=self.labels))
        self._save(replace(self.record, settings={**self.record.settings, "applied": after.plain()}))
        spaces = {ref.namespace for ref in after.refs if ref.namespace}
        settings = {**self.record.settings, "changed": time.time()}
        self._save(replace(self.record, settings=settings))
        selector = ",".join(f"{key}={value}" for key, value in self.labels.items())
        waiting.pods_ready(self.client, spaces, waiting.PATIENCE, selector=selector, told=told)
        self._read = None

    def serve(self) -> None:
        """Do nothing: what lives in a cluster serves by itself."""

    def observe(
        self,
        plan: Plan,
        patience: Patience,
        progress: Progress | None = None,
        on_result: OnResult | None = None,
    ) -> list[ProbeResult]:
        """Carry out a plan from inside the pods. Raises LabError when the cluster cannot be reached."""
        began = time.monotonic()

        def begin(probes: Sequence[Probe], told: Progress | None) -> Rounds:
            return self._rounds(probes, plan.listeners(probes), began, told)

        relay = Relay(plan, begin)
        with self._hung_up_on_failure():
            try:
                return relay.run(patience, progress, on_result)
            finally:
                self._notes = [*relay.notes()]

    def trace(self, probe: Probe) -> tuple[ProbeResult, None]:
        """Make one connection. A cluster does not tell which of its policies decided."""
        listeners = [(probe.expect, probe.protocol, probe.port)] if probe.expect else []
        with self._hung_up_on_failure():
            (result,) = self._rounds([probe], listeners, time.monotonic()).run([probe], Patience())
        return result, None

    def notes(self) -> Sequence[str]:
        """Return how the last probes were made, or what the last removal had to leave."""
        return self._notes

    def shell(self, name: str, command: Sequence[str]) -> int:
        """Run a command in a pod: in the lab's ephemeral container when one runs, else in its first one.

        kubectl gives it the caller's terminal; without kubectl only a command that needs none can run.
        """
        pod = self._objects()[name]
        seat = sources.seat_of(pod, self.labels)
        if not seat.containers:
            raise LabError(f"no container of `{name}` runs: {why(pod)}")
        words = list(command) or ["sh"]
        if shutil.which("kubectl"):
            terminal = ["-t"] if sys.stdin.isatty() else []
            where = ["-n", seat.namespace, seat.pod, "-c", seat.containers[0]]
            config = ["--kubeconfig", self.record.kubeconfig] if self.record.kubeconfig else []
            context = ["--context", self.record.context]
            kubectl = ["kubectl", *config, *context, "exec", "-i", *terminal, *where, "--", *words]
            return subprocess.run(kubectl, check=False).returncode
        if not command:
            raise LabError("a shell in a pod needs kubectl", "install it, or give a command behind ` -- `")
        ended = self.client.exec(seat.namespace, seat.pod, seat.containers[0], words, on_line=_say)
        sys.stderr.write(ended.stderr)
        if ended.status is None:
            raise LabError(f"`{words[0]}` in `{name}`: {ended.trouble}")
        return ended.status

    def down(self) -> bool:
        """Remove what the lab made, end its ephemeral containers, and forget it."""
        applied = Applied.read(self.record.settings.get("applied"), self.labels)
        left = applying.remove(self.client, applied)
        self._notes = [f"{ref}: it is not this lab's alone any more" for ref in left]
        try:
            self._notes += self._end_containers()
        except (LabError, AnalyzerError):
            if applied.refs:
                raise
            # Nothing was made; ephemeral containers, where there were any, end by themselves.
            self._notes.append("the cluster cannot be reached: nothing was looked for there")
        return records.forget(self.record.name)

    def _end_containers(self) -> list[str]:
        """End the ephemeral containers that this lab started, and say where they remain to be seen."""
        told = []
        for pod in self.client.list_all("/api/v1/pods"):
            if applying.bears(pod, self.labels):
                continue  # it goes, or is gone
            for container, runs in sources.started_by(self.record.name, pod).items():
                what = "an ended ephemeral container, which cannot be removed from a pod"
                if runs and not self._ended(pod, container):
                    what = "an ephemeral container that could not be ended, and ends by itself within an hour"
                told.append(f"Pod {pod['metadata']['namespace']}/{pod['metadata']['name']}: {what}")
        return [*dict.fromkeys(told)]

    def _ended(self, pod: Object, container: str) -> bool:
        """End a container; tell whether that could be done."""
        place = str(pod["metadata"]["namespace"]), str(pod["metadata"]["name"])
        try:
            self.client.exec(*place, container, ["kill", "1"], timeout=10)
        except LabError:
            return False
        return True

    @contextmanager
    def _hung_up_on_failure(self) -> Iterator[None]:
        """End what runs in pods when the work inside fails or is interrupted: threads wait for it."""
        try:
            yield
        except BaseException:
            self.hang_up()
            raise

    def _settle(self) -> None:
        """Wait until policies that were just applied have taken hold: no CNI tells when they have."""
        changed = self.record.settings.get("changed")
        if isinstance(changed, int | float):
            time.sleep(min(_SETTLED, max(0.0, changed + _SETTLED - time.time())))

    def _rounds(
        self,
        probes: Sequence[Probe],
        listeners: Sequence[Listener],
        began: float,
        progress: Progress | None = None,
    ) -> Rounds:
        """Have everything where it must be: containers to ask from, and those who answer."""
        self._settle()
        asking = {probe.source for probe in probes}
        answering = {name for name, protocol, _ in listeners if protocol is not Protocol.TCP}
        seats = self._seats(asking | answering, asking, progress)
        pods = dict(self.world.pods())
        addresses = {name: pod.addresses for name, pod in pods.items()}
        listening = Listening(self.client, seats, addresses, self._manner.concurrency)
        listening.start(listeners)
        return Rounds(
            self.client,
            {name: seat for name, seat in seats.items() if name in asking},
            Place(profile=self.world.cluster.profile, answering=listening.spots, began=began),
            self._manner.concurrency,
            self.nodes,
            Doubts(self.client, {name: (pod.namespace, pod.name) for name, pod in pods.items()}, listening),
        )

    def _seats(self, names: set[str], asking: set[str], progress: Progress | None) -> dict[str, sources.Seat]:
        """Return where to probe from; pods that only answer get a container when they are the lab's own."""
        objects = self._objects()
        image = self._manner.image or str(self.record.settings.get("image") or "") or sources.IMAGE
        wanted = {
            name: objects[name]
            for name in sorted(names)
            if name in objects and (name in asking or applying.bears(objects[name], self.labels))
        }
        return sources.seats(
            self.client,
            wanted,
            self.labels,
            image,
            agreed=self._manner.agreed,
            concurrency=self._manner.concurrency,
            progress=progress,
        )

    def _objects(self) -> dict[str, Object]:
        """Return the pods of the world as the API server shows them now, by their names in the lab."""
        listed = {
            (str(each["metadata"]["namespace"]), str(each["metadata"]["name"])): each
            for each in self.client.list_all("/api/v1/pods")
        }
        return {
            name: listed[pod.namespace, pod.name]
            for name, pod in self.world.pods()
            if (pod.namespace, pod.name) in listed
        }

    def _read_now(self) -> Read:
        if self._read is None:
            record = self.record
            self._read = read_world(record.context, record.kubeconfig, cni=record.cni, sources=record.sources)
        return self._read

    def _save(self, record: Record) -> None:
        self.record = record
        records.save(record)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
