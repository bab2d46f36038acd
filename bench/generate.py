"""Clusters for measuring and for comparing: seeded parameters in, manifests out.

    python -m bench.generate --pods 100000 --classes 10000 --policies 10000 --format json -o cluster.json

Labels are drawn from small sets of values, so that selectors collide and select many pods in several
namespaces; every policy is one that the API server accepts.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

from bench.emit import Document, write_json, write_yaml
from bench.parameters import Parameters
from bench.policies import policies
from bench.topology import namespaces, pods, workloads

SECTIONS = {"namespaces": namespaces, "pods": pods, "workloads": workloads, "network-policies": policies}
HELP = {
    "pods": "Pod documents",
    "classes": "different namespaces, labels and ports among them",
    "policies": "NetworkPolicy documents",
    "namespaces": "how many",
    "workloads": "controllers in addition to the pods",
    "owned": "fraction of the classes whose pods name a controller",
    "blocks": "different CIDRs that policies name",
    "seed": "another seed, another cluster",
    "addresses": "with phase and addresses, as in a running cluster",
    "compatible": "without what network-config-analyzer misreads",
    "plain": "policies as most people write them",
}


def cluster(parameters: Parameters) -> Iterator[Document]:
    """Yield the documents of a cluster: namespaces, pods, workloads, policies."""
    for section in SECTIONS.values():
        yield from section(parameters)


def write_folder(parameters: Parameters, folder: Path) -> None:
    """Write one YAML file for each kind of document into `folder`, made when missing."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, section in SECTIONS.items():
        with (folder / f"{name}.yaml").open("w", encoding="utf-8") as stream:
            write_yaml(section(parameters), stream)


def write_file(parameters: Parameters, file: Path, form: str) -> None:
    """Write the whole cluster into one file, `form` being yaml or json."""
    write = write_json if form == "json" else write_yaml
    with file.open("w", encoding="utf-8") as stream:
        write(cluster(parameters), stream)


def parser() -> argparse.ArgumentParser:
    """Return the parser: an option for every parameter, and where and how to write."""
    command = argparse.ArgumentParser(
        prog="python -m bench.generate",
        description="Write a random but reproducible cluster.",
        epilog="example: python -m bench.generate --pods 50 --classes 20 --format folder -o cluster",
    )
    for field in fields(Parameters):
        name, default = f"--{field.name}", field.default
        if isinstance(default, bool):
            command.add_argument(name, action="store_true", help=HELP[field.name])
        else:
            help_text = f"{HELP[field.name]} (default {default})"
            command.add_argument(name, type=type(default), default=default, help=help_text)
    command.add_argument(
        "--format", choices=["yaml", "json", "folder"], default="yaml", help="(default yaml)"
    )
    command.add_argument("-o", "--output", type=Path, help="a file or folder (default standard output)")
    return command


def main(arguments: list[str] | None = None) -> int:
    """Write the cluster that the command line describes."""
    command = parser()
    options = command.parse_args(arguments)
    try:
        parameters = Parameters(**{field.name: getattr(options, field.name) for field in fields(Parameters)})
    except ValueError as contradiction:
        command.error(str(contradiction))
    if options.format == "folder":
        write_folder(parameters, options.output or Path("cluster"))
    elif options.output:
        write_file(parameters, options.output, options.format)
    else:
        write = write_json if options.format == "json" else write_yaml
        write(cluster(parameters), sys.stdout)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except BrokenPipeError:  # the reader has seen enough: `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
