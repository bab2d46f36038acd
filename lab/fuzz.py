"""Random clusters, brought to life and verified with packets: what `nox -s fuzz` runs.

    python -m lab.fuzz [--clusters N] [--seed S] [--write FOLDER]

Each cluster is random manifests, which are read, decoded and deployed into a lab that is already running, so
that its policies change while it runs. Clusters are numbered from the seed on: cluster 7 is what
`--seed 7 --clusters 1` tries, with the same CNI profile. A failing one (a difference, a probe that decided
nothing, an exception) is made small, and written as a folder for `examples/`. Exit code 1 then.
"""

from __future__ import annotations

import gc
import sys
import time
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from os import getpid
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp

import yaml

from analyzer import PROFILES, AnalyzerError, Said
from analyzer.commands import Exit
from lab import randomly
from lab.commands import carried_out, say, tell
from lab.commands.probe import Asked, probed
from lab.compare import Comparison, Status
from lab.errors import LabError
from lab.manifests import Manifests, read
from lab.promise import broken
from lab.providers.netns.provider import EmbeddedLab, end
from lab.randomly import NODES, POD_NETWORKS, Object
from lab.report.table import differences, headline
from lab.shrink import shrink
from lab.world import Placing, realize

MOST_FAILURES = 3
SECONDS_TO_SHRINK = 120.0
_EVERY = 25
_PLACING = Placing(nodes=NODES)
_FAMILIES = ((4,), (4, 6), (4,), (6,))
_EXAMPLES = """\
examples:
  nox -s fuzz                                300 clusters
  nox -s fuzz -- --clusters 5000 --seed 300  the next 5,000
  nox -s fuzz -- --clusters 1 --seed 7       cluster 7 once more
"""

Step = list[Object]
"""The objects of one deployment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What is tried: deployments one after the other into one lab, of which the last is probed."""

    number: int
    cni: str
    families: tuple[int, ...]
    steps: list[Step]

    @property
    def every_pair(self) -> bool:
        """Whether pods that policies see alike are all probed; now and then, since it takes long."""
        return self.number % 5 == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """How a case failed: `kind` is what stays the same while it is made small, `lines` what is told."""

    kind: str
    lines: tuple[str, ...]


@dataclass(slots=True)
class Tally:
    """What was tried, by CNI profile."""

    clusters: Counter[str] = field(default_factory=Counter)
    findings: dict[str, Counter[Status]] = field(default_factory=dict)

    def add(self, cni: str, comparison: Comparison) -> None:
        """Count what came of a cluster."""
        self.findings.setdefault(cni, Counter()).update(comparison.counts)

    def lines(self) -> Iterator[str]:
        """Yield a line for each profile, and one for all."""
        yield self._row("profile", "clusters", "predictions", "true", "false", "open", "failed")
        everything: Counter[Status] = Counter()
        for cni in self.clusters:
            found = self.findings.get(cni, Counter())
            everything.update(found)
            yield self._line(cni, self.clusters[cni], found)
        yield self._line("all", self.clusters.total(), everything)

    def _line(self, title: str, clusters: int, found: Counter[Status]) -> str:
        counts = (Status.AGREES, Status.DIFFERS, Status.UNKNOWN, Status.FAILED)
        numbers = (clusters, found.total(), *(found[status] for status in counts))
        return self._row(title, *(f"{number:,}" for number in numbers))

    def _row(self, title: str, *cells: str) -> str:
        return f"{title:<14}" + "".join(f"{cell:>13}" for cell in cells)


def case(number: int) -> Case:
    """Return the case of this number, the same on every run."""
    profiles = tuple(PROFILES)
    families = _FAMILIES[number // len(profiles) % len(_FAMILIES)]
    return Case(
        number=number,
        cni=profiles[number % len(profiles)],
        families=families,
        steps=[randomly.cluster(number, families)],
    )


class Fuzzer:
    """Tries cases, in labs of its own that are kept for the next case; `close` ends them."""

    def __init__(self, folder: Path) -> None:
        """Take a folder for the manifests of the moment."""
        self.tally = Tally()
        self._folder = folder
        self._labs: dict[tuple[int, ...], EmbeddedLab] = {}
        self._last: dict[tuple[int, ...], Case] = {}

    def close(self) -> None:
        """End all labs."""
        for families in [*self._labs]:
            self._end(families)

    def attempt(self, tried: Case) -> tuple[Case, Failure] | None:
        """Try a case in the lab that runs; return it with what went wrong, with what was there before."""
        self.tally.clusters[tried.cni] += 1
        before = self._last.get(tried.families)
        self._last[tried.families] = tried
        failure = self._tried(tried, count=True)
        if failure is None:
            return None
        self._last.pop(tried.families)
        alone = self.afresh(tried)
        if alone is not None or before is None:
            return tried, alone or failure
        both = Case(
            number=tried.number,
            cni=tried.cni,
            families=tried.families,
            steps=[before.steps[-1], *tried.steps],
        )
        return both, self.afresh(both) or failure

    def smallest(self, failing: Case, failure: Failure, seconds: float = SECONDS_TO_SHRINK) -> Case:
        """Leave out of a case what does not matter to its failure."""

        def made(steps: list[Step]) -> Case:
            return Case(number=failing.number, cni=failing.cni, families=failing.families, steps=steps)

        def fails(steps: list[Step]) -> bool:
            if not steps or not all(steps):
                return False
            # A single deployment is tried in a lab that runs, which is faster; of several the first counts.
            found = self._tried(made(steps)) if len(failing.steps) == 1 else self.afresh(made(steps))
            return found is not None and found.kind == failure.kind

        if self.afresh(failing) is None:
            return failing  # it does not happen every time: nothing can be left out on that ground
        small = made(shrink(failing.steps, fails, time.monotonic() + seconds))
        return failing if self.afresh(small) is None else small

    def afresh(self, tried: Case) -> Failure | None:
        """Try a case in a new lab."""
        self._end(tried.families)
        try:
            return self._tried(tried)
        finally:
            self._end(tried.families)

    def _tried(self, tried: Case, *, count: bool = False) -> Failure | None:
        try:
            *before, last = tried.steps
            for step in before:
                self._deploy(tried, step)
            manifests = self._deploy(tried, last)
            comparison = probed(self._labs[tried.families], Asked(every_pair=tried.every_pair))
        except AnalyzerError as error:
            self._end(tried.families)
            told = tuple(f"{each.code}: {each.message}" for each in error.diagnostics)
            return Failure(kind=f"refused: {error.diagnostics[0].code}", lines=told)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is what we look for
            self._end(tried.families)
            return Failure(kind=f"raises {type(error).__name__}", lines=tuple(_traceback(error)))
        if count:
            self.tally.add(tried.cni, comparison)
        if comparison.verified:
            lines = tuple(map(headline, broken(manifests, comparison)))
            return Failure(kind="breaks a promise of the manifests alone", lines=lines) if lines else None
        kind = Status.DIFFERS if comparison.counts[Status.DIFFERS] else Status.FAILED
        lines = tuple(line.replace(f"{self._folder}/", "") for line in differences(comparison))
        return Failure(kind=kind.value, lines=lines)

    def _deploy(self, tried: Case, step: Step) -> Manifests:
        file = self._folder / "manifests.yaml"
        file.write_text(text(step), encoding="utf-8")
        networks = tuple(POD_NETWORKS[version] for version in tried.families)
        manifests = read((str(file),), Said(cni=tried.cni, pod_cidrs=networks))
        if (lab := self._labs.get(tried.families)) is not None:
            after = realize(manifests.cluster, _PLACING, before=lab.world.placement)
            if after.nodes == lab.world.nodes:
                lab.deploy(manifests)
                return manifests
            self._end(tried.families)
        name = _name(tried.families)
        self._labs[tried.families] = EmbeddedLab.up(manifests, name, _PLACING, temporary=True)
        return manifests

    def _end(self, families: tuple[int, ...]) -> None:
        if (lab := self._labs.pop(families, None)) is not None:
            try:
                lab.down()
            except LabError:
                with suppress(LabError):
                    end(_name(families))


def main(words: Sequence[str] | None = None) -> int:
    """Fuzz; return the exit code."""
    chosen = _parser().parse_args(words)
    return carried_out(lambda _: run(chosen))


def run(chosen: Namespace) -> int:
    """Try clusters until there are enough of them, or of failures."""
    gc.enable()  # this takes long, unlike other commands
    failures = 0
    with TemporaryDirectory(prefix="kubereach-fuzz-") as folder:
        fuzzer = Fuzzer(Path(folder))
        try:
            for number in range(chosen.seed, chosen.seed + chosen.clusters):
                if (found := fuzzer.attempt(case(number))) is not None:
                    failures += 1
                    report(fuzzer, *found, chosen.write)
                _progress(fuzzer, chosen.clusters)
                if failures == MOST_FAILURES:
                    tell(f"stopped after {failures} failing clusters")
                    break
        finally:
            fuzzer.close()
            for line in fuzzer.tally.lines():
                say(line)
    return Exit.FINDING if failures else Exit.FINE


def report(fuzzer: Fuzzer, failing: Case, failure: Failure, where: str = "") -> Path:
    """Make a failing case small, write it, and tell; return the folder it is in."""
    tell(f"cluster {failing.number} ({failing.cni}): {failure.kind}; making it small ...")
    small = fuzzer.smallest(failing, failure)
    shown = fuzzer.afresh(small) or failure
    folder = write(small, shown, Path(where or mkdtemp(prefix="kubereach-fuzz-")))
    say(f"cluster {small.number} ({small.cni}): {shown.kind}; written to {folder}")
    for line in shown.lines:
        say(line)
    return folder


def write(small: Case, failure: Failure, where: Path) -> Path:
    """Write a case as a new folder, which holds one folder a step if there are several; return it."""
    folder = _new(where, f"fuzz-{small.number}-{small.cni}")
    for number, step in enumerate(small.steps, start=1):
        place = folder if len(small.steps) == 1 else folder / f"step-{number}"
        place.mkdir(exist_ok=True)
        (place / "manifests.yaml").write_text(text(step), encoding="utf-8")
    (folder / "README.md").write_text(_readme(small, failure), encoding="utf-8")
    return folder


def text(step: Step) -> str:
    """Return objects as the text of a manifest."""
    return yaml.safe_dump_all(step, sort_keys=False, default_flow_style=None, width=110)


def _new(where: Path, name: str) -> Path:
    """Make a folder that is not there yet."""
    where.mkdir(parents=True, exist_ok=True)
    number = 1
    while True:
        folder = where / (name if number == 1 else f"{name}-{number}")
        with suppress(FileExistsError):
            folder.mkdir()
            return folder
        number += 1


def _readme(small: Case, failure: Failure) -> str:
    networks = " ".join(f"--pod-cidr {POD_NETWORKS[version]}" for version in small.families)
    steps = (
        "The steps are deployed one after another, the last one is probed.\n" if len(small.steps) > 1 else ""
    )
    lines = "\n".join(f"    {line}".rstrip() for line in failure.lines)
    return (
        f"# Found by chance: {failure.kind}\n\n"
        f"Say here what must be, and why. Found with `nox -s fuzz -- --seed {small.number} --clusters 1`.\n"
        f"Profile: `--cni {small.cni}`; pod networks: `{networks}`.\n{steps}\n{lines}\n"
    )


def _traceback(error: Exception) -> list[str]:
    import traceback

    return "".join(traceback.format_exception(error)).splitlines()


def _name(families: tuple[int, ...]) -> str:
    return f"fuzz-{getpid()}-{''.join(map(str, families))}"


def _progress(fuzzer: Fuzzer, of: int) -> None:
    done = fuzzer.tally.clusters.total()
    line = f"{done:,} of {of:,} clusters"
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{line}" if done < of else "\r\x1b[K")
        sys.stderr.flush()
    elif done % _EVERY == 0:
        tell(line)


def _parser() -> ArgumentParser:
    made = ArgumentParser(
        prog="nox -s fuzz --",
        description="Bring random clusters to life, and verify them with packets.",
        epilog=_EXAMPLES,
        formatter_class=RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    made.add_argument("--clusters", metavar="N", type=int, default=300, help="how many (300)")
    made.add_argument("--seed", metavar="S", type=int, default=0, help="the number of the first (0)")
    made.add_argument(
        "--write", metavar="FOLDER", default="", help="where failing ones go (a temporary folder)"
    )
    return made


if __name__ == "__main__":
    sys.exit(main())
