"""Observations as a file: replayable, comparable, fit to be attached to a report of a mistake.

Comes in: a world, and what probes saw in it. Goes out: JSON, and from it again where everything was and what
was seen; so that a prediction can be compared with it elsewhere, without any lab.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence, Set as AbstractSet
from dataclasses import asdict, dataclass, field, replace
from math import isfinite
from pathlib import Path
from types import MappingProxyType
from typing import Any

from analyzer import AddressSet
from analyzer.output import write
from lab.compare import Comparison
from lab.errors import LabError
from lab.fingerprint import of_pod, of_rules
from lab.plan import Plan
from lab.probes import Attempt, Outcome, Probe, ProbeResult
from lab.providers.netns.plain import plain_probe, plain_result, read_probe, read_result
from lab.world import Placement, World

SCHEMA = "kubereach.dev/recording"
VERSION = 1
MOST = 1_000_000
MOST_BYTES = 1 << 29
"""Of a recording: observations, and bytes. What is written is within both, so that it can be read."""
_ANEW = "what was observed then does not count any more: begin anew"
_TELLS = frozenset(Outcome) - {Outcome.UNDECIDABLE, Outcome.ERROR}
_LESS = "record less at a time: `invoke probe --port 80/TCP --output FILE`"
_PAUSE = 5.0
"""Seconds between one writing and the next, at least; it may not take up more than a tenth of the time."""
_TENTH = 10
_MISSING = Attempt(outcome=Outcome.ERROR, started=0.0, took=0.0, reason="not in the recording")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """What was seen, where everything was, and which manifests it was about.

    `rules` and `kinds` are fingerprints of the policies, and of the pods by name; "" and none in recordings
    that do not tell.
    """

    sources: tuple[str, ...]
    cni: str
    placement: Placement
    nodes: tuple[str, ...]
    identified: bool
    results: Mapping[Probe, ProbeResult]
    rules: str = ""
    kinds: Mapping[str, str] = field(default_factory=dict)

    @property
    def pairs(self) -> frozenset[tuple[str, str]]:
        """Between whom probes were made, by name."""
        return frozenset((probe.source, probe.expect) for probe in self.results if probe.expect)

    def still(self, world: World) -> Recording:
        """Return what of it counts in a world: of pods that are what and where they were, under its policies.

        A pod that could ask nothing then may be able to by now: what was not decided of it does not count.
        Raises LabError when policies have changed, and when no pod is the same.
        """
        if self.rules and self.rules != of_rules(world.cluster):
            raise LabError("policies, or labels of namespaces, have changed since it was recorded", _ANEW)
        changed = self._changed(world)
        able = {probe.source for probe, each in self.results.items() if each.outcome in _TELLS}
        kept = {
            probe: result
            for probe, result in self.results.items()
            if result.outcome is not Outcome.ERROR and probe.source in able and self._same(probe, changed)
        }
        if changed and not kept and self.results:
            raise LabError(f"`{min(changed)}` was elsewhere when it was recorded", _ANEW)
        return replace(self, results=kept)

    def _changed(self, world: World) -> set[str]:
        """Return the pods that are not what or where they were."""
        now = world.placement.pods
        moved = {name for name, place in self.placement.pods.items() if now.get(name) != place}
        kinds = {name: of_pod(pod) for name, pod in world.pods() if name in self.kinds}
        return moved | {name for name, kind in kinds.items() if kind != self.kinds[name]}

    def _same(self, probe: Probe, changed: AbstractSet[str]) -> bool:
        """Tell whether the ends of a probe are the same; behind a Service, everybody."""
        if probe.expect is None:
            return not changed
        return changed.isdisjoint((probe.source, probe.expect))

    def answers(self, plan: Plan) -> list[ProbeResult]:
        """Return the recorded answers to a plan; what was not asked then is an error."""
        found = []
        for question in plan.questions:
            missing = ProbeResult(probe=question.probe, outcome=Outcome.ERROR, attempts=(_MISSING,))
            found.append(self.results.get(question.probe, missing))
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """Where a recording is written to, and one whose observations count already; "" for none."""

    output: str = ""
    resume: str = ""


class Recorder:
    """The recording of a run, written as it goes.

    `rest` is what of a plan is still to be asked, when some is `known`. Raises LabError when a recording has
    no room for all of it.
    """

    def __init__(
        self, plan: Plan, files: Files, known: Mapping[Probe, ProbeResult] = MappingProxyType({})
    ) -> None:
        self._plan, self._output = plan, files.output or files.resume
        self._known: dict[int, ProbeResult] = {
            number: known[question.probe]
            for number, question in enumerate(plan.questions)
            if question.probe in known
        }
        if self._output and len(plan.questions) > MOST:
            count = f"{len(plan.questions):,}"
            raise LabError(f"a recording has room for {MOST:,} observations, and these are {count}", _LESS)
        self._asked = [number for number in range(len(plan.questions)) if number not in self._known]
        self.rest = replace(plan, questions=tuple(plan.questions[number] for number in self._asked))
        self._next = time.monotonic() + _PAUSE

    def take(self, number: int, result: ProbeResult) -> None:
        """Keep the result of a question of `rest`; may write what there is by now."""
        self._known[self._asked[number]] = result
        if self._output and (began := time.monotonic()) > self._next:
            size = save(self._now(), self._output)
            if size * len(self._plan.questions) > MOST_BYTES * len(self._known):
                raise _too_large(self._output)
            self._next = time.monotonic() + max(_PAUSE, _TENTH * (time.monotonic() - began))

    def keep(self) -> str:
        """Write what there is, since it does not go on; return to which file, "" to none."""
        if not (self._output and self._known):
            return ""
        save(self._now(), self._output)
        return self._output

    def finish(self) -> Comparison:
        """Return everything, and write it."""
        found = self._now()
        if self._output:
            save(found, self._output)
        return found

    def _now(self) -> Comparison:
        numbers = sorted(self._known)
        questions = tuple(self._plan.questions[number] for number in numbers)
        results = [self._known[number] for number in numbers]
        return Comparison(replace(self._plan, questions=questions), results)


def save(comparison: Comparison, path: str) -> int:
    """Write a recording to a file, as a whole or not at all; return how many bytes are observations.

    Raises LabError when it is too large to be read again.
    """
    sizes: list[int] = []

    def lines() -> Iterator[str]:
        left = MOST_BYTES
        for line in _lines(comparison):
            sizes.append(len(line))  # JSON as it is written here is ASCII
            left -= len(line)
            if left < 0:
                raise _too_large(path)
            yield line

    write(lines(), path, None)  # type: ignore[arg-type]  # a path is given
    return sum(sizes[1:])


def _lines(comparison: Comparison) -> Iterator[str]:
    world = comparison.plan.world
    head = {
        "schema": SCHEMA,
        "version": VERSION,
        "recorded": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "cni": world.cluster.profile,
        "manifests": list(world.sources),
        "identified": world.limits.identified,
        "nodes": [node.name for node in world.nodes],
        "placement": asdict(world.placement),
        "rules": of_rules(world.cluster),
        "kinds": {name: of_pod(pod) for name, pod in world.pods()},
    }
    yield json.dumps(head)[:-1] + ', "observations": [\n'
    last = len(comparison.findings) - 1
    for number, each in enumerate(comparison.findings):
        row = [plain_probe(each.question.probe), plain_result(each.result)]
        yield json.dumps(row) + (",\n" if number < last else "\n")
    yield "]}\n"


def read(path: str) -> Recording:
    """Read a recording. Raises LabError when the file is none."""
    try:
        data = json.loads(_bytes(path))
        if (data["schema"], data["version"]) != (SCHEMA, VERSION):
            raise LabError(f"`{path}` is a recording of another version")
        return _recording(data)
    except OSError as error:
        raise LabError(f"cannot read `{path}`: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError) as error:
        raise LabError(f"`{path}` is no recording", "`invoke probe --output FILE` writes one") from error


def _bytes(path: str) -> bytes:
    with Path(path).open("rb") as file:
        found = file.read(MOST_BYTES + 1)
    if len(found) > MOST_BYTES:
        raise _too_large(path)
    return found


def _too_large(path: str) -> LabError:
    return LabError(
        f"`{path}` has more than {MOST_BYTES >> 20} MiB, which is too much for a recording", _LESS
    )


def _recording(data: Mapping[str, Any]) -> Recording:
    placement = data["placement"]
    results = (_result(row) for row in data["observations"])
    return Recording(
        sources=_texts(data["manifests"]),
        cni=_text(data["cni"]),
        nodes=_some(_texts(data["nodes"])),
        identified=data.get("identified", True) is not False,
        placement=Placement(
            nodes={name: _addresses(them) for name, them in placement["nodes"].items()},
            pods={name: (_text(node), _addresses(them)) for name, (node, them) in placement["pods"].items()},
            services={name: _addresses(them) for name, them in placement["services"].items()},
        ),
        results={result.probe: result for result in results},
        rules=_text(data.get("rules", "")),
        kinds={_text(name): _text(kind) for name, kind in data.get("kinds", {}).items()},
    )


def _result(row: Sequence[Any]) -> ProbeResult:
    """Return an observation. Raises ValueError or TypeError where a value is not of its kind."""
    result = read_result(read_probe(row[0]), row[1])
    for attempt in result.attempts:
        times = attempt.started + 0.0, attempt.took + 0.0, attempt.source_port + 0
        texts = (attempt.identity, attempt.rule, attempt.reason)
        if not all(map(isfinite, times)) or not all(isinstance(each, str | None) for each in texts):
            raise ValueError(attempt)
    return result


def _texts(data: object) -> tuple[str, ...]:
    if not isinstance(data, list):
        raise TypeError(data)
    return tuple(map(_text, data))


def _text(data: object) -> str:
    if not isinstance(data, str):
        raise TypeError(data)
    return data


def _some(texts: tuple[str, ...]) -> tuple[str, ...]:
    if not texts:
        raise ValueError(texts)
    return texts


def _addresses(data: object) -> tuple[str, ...]:
    found = [AddressSet.of(text) for text in _texts(data)]
    if any(each.size != 1 for each in found):
        raise ValueError(data)
    return tuple(address for each in found for address in each.addresses())
