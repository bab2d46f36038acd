"""A second opinion: every verdict of KubeReach against network-config-analyzer's.

    python -m tests.differential.nca [--clusters N] [--seed N] [FOLDER ...]

The demo, every example and random clusters are compared pair by pair; NCA's known errors are checked to
be errors still. Exit code 1 when a difference is not explained by one of them, 2 when NCA cannot be run.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path

from bench.generate import write_folder
from bench.nca import PeerMissingError, connectivity
from bench.parameters import Parameters
from tests.differential.compare import Tally, compare
from tests.differential.known import KNOWN_ERRORS, KnownError
from tests.differential.kubereach_map import PredictionError, predict
from tests.differential.nca_map import read_map
from tests.differential.nca_names import read_names
from tests.differential.reach import Intervals

PROJECT = Path(__file__).parents[2]
GAVE_UP = 7
LINES_SHOWN = 20


@dataclass(slots=True)
class Session:
    """What has been compared so far, and the problems: what nothing explains."""

    total: Tally = field(default_factory=Tally)
    explained: int = 0
    problems: list[str] = field(default_factory=list)

    def folder(self, name: str, manifests: Path) -> None:
        """Compare the two on one folder."""
        known = [error for error in KNOWN_ERRORS if name in error.shown_by]
        try:
            prediction = predict(manifests)
        except PredictionError as error:
            self.problems.append(f"{name}: KubeReach: {error}")
            return
        answer = connectivity(manifests)
        if answer.code:
            self.refused(name, answer.errors, known)
            return
        tally = compare(prediction, read_map(answer.output), read_names(manifests))
        self.explain(name, tally, known)
        self.total.add(tally)
        self.problems += [f"{name}: {difference}" for difference in tally.differences]

    def refused(self, name: str, errors: str, known: list[KnownError]) -> None:
        """Note that NCA gave up on a folder."""
        if any(error.refusal and error.refusal in errors for error in known):
            self.total.unsupported["folders that NCA gives up on"] += 1
        else:
            self.problems.append(f"{name}: NCA gave up: {errors.strip()}")

    def explain(self, name: str, tally: Tally, known: list[KnownError]) -> None:
        """Take the differences that known errors make out of a tally."""
        for error in known:
            touched = set(error.shown_by[name])
            here = [each for each in tally.differences if {each.source, each.destination} & touched]
            if not here:
                self.problems.append(f"{name}: known error `{error.name}` no longer shows here")
            self.explained += len(here)
            tally.differences = [each for each in tally.differences if each not in here]

    def known_error(self, error: KnownError) -> None:
        """Check that KubeReach knows the truth about a connection and that NCA still does not."""
        names = read_names(error.manifest)
        try:
            prediction = predict(error.manifest, profile="calico")
        except PredictionError as wrong:
            self.problems.append(f"known error `{error.name}`: KubeReach: {wrong}")
            return
        ends = {
            pod: endpoint
            for endpoint in prediction.endpoints
            for pod in names.pods.get((endpoint.kind, endpoint.namespace, endpoint.name), [])
        }
        ours: Intervals = ()
        if error.source in ends and error.destination in ends:
            certain, _ = prediction.between(ends[error.source], ends[error.destination])
            ours = certain.get(error.protocol, ())
        if contains(ours, error.port) != error.truth:
            self.problems.append(f"known error `{error.name}`: KubeReach errs too ({error.reason})")
        answer = connectivity(error.manifest)
        if error.refusal:
            still_wrong = answer.code == GAVE_UP and error.refusal in answer.errors
        else:
            theirs = read_map(answer.output).between(error.source, error.destination)
            still_wrong = contains(theirs.get(error.protocol, ()), error.port) != error.truth
        if not still_wrong:
            self.problems.append(f"known error `{error.name}` has gone: strike it from known.py")

    def report(self) -> str:
        """Return the numbers, then the problems."""
        lines = [
            f"agreed      {self.total.agreed:>10,}",
            f"undecided   {self.total.undecided:>10,}  NCA's answer lies within KubeReach's bounds",
        ]
        for reason, count in sorted(self.total.unsupported.items()):
            lines.append(f"unsupported {count:>10,}  {reason}")
        lines.append(
            f"explained   {self.explained:>10,}  by one of {len(KNOWN_ERRORS)} known errors of NCA's"
        )
        lines.append(f"differing   {len(self.total.differences):>10,}")
        lines += [f"error: {problem}" for problem in self.problems[:LINES_SHOWN]]
        if len(self.problems) > LINES_SHOWN:
            lines.append(f"error: and {len(self.problems) - LINES_SHOWN} more")
        return "".join(f"{line}\n" for line in lines)


def contains(ports: Intervals, port: int) -> bool:
    """Tell whether a port is in a set."""
    return any(first <= port <= last for first, last in ports)


def folders() -> list[Path]:
    """Return the demo and all examples."""
    return [
        PROJECT / "manifests",
        *sorted(place for place in (PROJECT / "examples").iterdir() if place.is_dir()),
    ]


def random_cluster(seed: int) -> Parameters:
    """Return a small cluster, each seed of another shape."""
    pods = 6 + seed * 7 % 23
    return Parameters(
        pods=pods,
        classes=max(3, pods - seed % 4 * 2),
        policies=2 + seed * 5 % 17,
        namespaces=1 + seed % 3,
        workloads=seed % 8,
        owned=seed % 3 / 4,
        blocks=4 + seed % 12,
        seed=seed,
        addresses=bool(seed % 2),
        compatible=True,
    )


def progress(text: str) -> None:
    """Show what is being done, on a terminal only."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\033[K{text}")
        sys.stderr.flush()


def run(options: argparse.Namespace) -> Session:
    """Compare all that was asked for."""
    session = Session()
    for place in options.folders or folders():
        name = (
            str(place.resolve().relative_to(PROJECT))
            if place.resolve().is_relative_to(PROJECT)
            else str(place)
        )
        progress(name)
        session.folder(name, place)
    for seed in range(options.seed, options.seed + options.clusters):
        progress(f"random cluster {seed}")
        place = PROJECT / ".cache" / "second-opinion" / f"seed-{seed}"
        write_folder(random_cluster(seed), place)
        before = len(session.problems)
        session.folder(str(place.relative_to(PROJECT)), place)
        if len(session.problems) == before:  # else the folder stays, to be looked at
            shutil.rmtree(place)
    for error in () if options.folders else KNOWN_ERRORS:
        progress(f"known error {error.name}")
        session.known_error(error)
    progress("")
    return session


def main(arguments: list[str] | None = None) -> int:
    """Compare, print and return the exit code."""
    command = argparse.ArgumentParser(
        prog="python -m tests.differential.nca",
        description="Compare KubeReach with network-config-analyzer.",
        epilog="example: python -m tests.differential.nca --clusters 100 manifests",
    )
    command.add_argument(
        "folders", nargs="*", type=Path, help="manifests (default: the demo and all examples)"
    )
    command.add_argument("--clusters", type=int, default=20, help="random clusters (default 20)")
    command.add_argument("--seed", type=int, default=0, help="the first random cluster's seed (default 0)")
    try:
        session = run(command.parse_args(arguments))
    except PeerMissingError as error:
        sys.stderr.write(f"error: network-config-analyzer cannot be installed: {error}\n")
        return 2
    sys.stdout.write(session.report())
    return 1 if session.problems else 0


if __name__ == "__main__":
    sys.exit(main())
