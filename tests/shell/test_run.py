"""`./run` in a folder of its own, where every program it could call is a stand-in that notes its call."""

from __future__ import annotations

import shutil
import stat
import subprocess
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
REAL = (
    "cat",
    "cksum",
    "dirname",
    "env",
    "grep",
    "mkdir",
    "mktemp",
    "paste",
    "rm",
    "sh",
    "sort",
    "touch",
    "chmod",
)

PYTHON = """\
echo "python3 $*" >>"$CALLS"
case "$*" in
*version_info*2]*) echo python3.11-venv ;;
*ensurepip*) [ -e "$STATE/ensurepip" ] ;;
*--clear*)
    mkdir -p .venv/bin
    echo "command = python3 -m venv $PWD/.venv" >.venv/pyvenv.cfg
    cp_python
    ;;
esac
"""
VENV_PYTHON = """\
[ "$1" = -c ] || echo ".venv $*" >>"$CALLS"
case "$*" in *install*) [ ! -e "$STATE/no-network" ] ;; esac
"""


class Machine:
    """A bare machine: a clone in a folder with a space in its name, and a PATH of stand-ins."""

    def __init__(self, root: Path) -> None:
        self.clone = root / "a clone"
        self.bin = root / "bin"
        self.state = root / "state"
        self.calls = root / "calls"
        for folder in (self.clone, self.bin, self.state):
            folder.mkdir()
        self.calls.touch()
        shutil.copy(PROJECT / "pyproject.toml", self.clone)
        # Where an ordinary user's PATH does not reach, this machine's own nft must not be found.
        script = (PROJECT / "run").read_text()
        assert "/usr/sbin:/sbin" in script
        self._write(self.clone / "run", script.replace("/usr/sbin:/sbin", str(root / "sbin")))
        for name in REAL:
            found = shutil.which(name)
            assert found, f"`{name}` is missing"
            (self.bin / name).symlink_to(found)
        self.program("id", "echo 0")
        self.program("nft", "")
        template = root / "venv-python"
        self._write(template, VENV_PYTHON)
        self.program(
            "python3",
            PYTHON.replace("cp_python", f"cat '{template}' >.venv/bin/python; chmod +x .venv/bin/python"),
        )
        (self.state / "ensurepip").touch()

    def program(self, name: str, script: str) -> None:
        """Put a stand-in on the PATH."""
        self._write(self.bin / name, script)

    def noting(self, name: str, script: str = "") -> None:
        """Put a stand-in on the PATH that notes its calls."""
        self.program(name, f'echo "{name} $*" >>"$CALLS"\n{script}')

    def lacks(self, name: str) -> None:
        """Take a program away."""
        (self.bin / name).unlink()

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Call `./run` from another folder, without a terminal."""
        return subprocess.run(
            [str(self.clone / "run"), *arguments],
            cwd=self.bin,
            env={"PATH": str(self.bin), "CALLS": str(self.calls), "STATE": str(self.state)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    def called(self, what: str) -> int:
        """Count the calls whose line contains `what`."""
        return sum(what in line for line in self.calls.read_text().splitlines())

    @staticmethod
    def _write(path: Path, script: str) -> None:
        path.write_text(script if script.startswith("#!") else f"#!/bin/sh\n{script}")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_the_demo_runs_in_an_environment_of_its_own(machine: Machine) -> None:
    done = machine.run("demo")
    assert done.returncode == 0, done.stderr
    assert machine.called(".venv -m pip install") == 1
    assert machine.called(".venv -m invoke demo") == 1


def test_the_second_time_nothing_is_installed_and_nothing_said(machine: Machine) -> None:
    machine.run("demo")
    done = machine.run("demo")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert machine.called(".venv -m pip install") == 1
    assert machine.called(".venv -m invoke demo") == 2


def test_changed_requirements_are_installed(machine: Machine) -> None:
    machine.run("setup")
    with (machine.clone / "pyproject.toml").open("a") as file:
        file.write("# changed\n")
    machine.run("setup")
    assert machine.called(".venv -m pip install") == 2
    assert machine.called("--clear") == 1


def test_a_clone_that_was_moved_gets_a_new_environment(machine: Machine) -> None:
    machine.run("setup")
    machine.clone = machine.clone.rename(machine.clone.parent / "elsewhere")
    assert machine.run("setup").returncode == 0
    assert machine.called("--clear") == 2


def test_an_installation_that_failed_is_done_again(machine: Machine) -> None:
    (machine.state / "no-network").touch()
    assert machine.run("demo").returncode != 0
    assert machine.called(".venv -m invoke demo") == 0
    (machine.state / "no-network").unlink()
    assert machine.run("demo").returncode == 0
    assert machine.called(".venv -m invoke demo") == 1


def test_arguments_of_test_go_to_nox(machine: Machine) -> None:
    machine.run("test", "-s", "tests-3.11", "--", "-k", "two words")
    assert machine.called(".venv -m nox -s tests-3.11 -- -k two words") == 1


def test_the_venv_package_is_installed_by_name_where_python_lacks_it(machine: Machine) -> None:
    (machine.state / "ensurepip").unlink()
    machine.noting("apt-get", 'touch "$STATE/ensurepip"')
    done = machine.run("demo")
    assert done.returncode == 0, done.stderr
    assert machine.called("install python3.11-venv") == 1
    assert machine.called(".venv -m invoke demo") == 1


def test_package_lists_are_fetched_where_the_first_attempt_fails(machine: Machine) -> None:
    machine.lacks("nft")
    machine.noting(
        "apt-get", 'case "$*" in *update*) touch "$STATE/lists" ;; *) [ -e "$STATE/lists" ] ;; esac'
    )
    done = machine.run("setup")
    assert (done.returncode, done.stderr.count("missing")) == (0, 0)
    assert (machine.called("install nftables"), machine.called(" update")) == (2, 1)


def test_packages_are_installed_with_sudo_where_it_asks_nothing(machine: Machine) -> None:
    machine.program("id", "echo 1000")
    machine.lacks("nft")
    machine.noting("sudo", '[ "$1" = -n ] || "$@"')
    machine.noting("apt-get")
    assert machine.run("setup").returncode == 0
    assert machine.called("apt-get") == 2  # once as sudo's argument, once itself


def test_without_root_the_packages_are_named(machine: Machine) -> None:
    machine.program("id", "echo 1000")
    machine.noting("apt-get")
    (machine.state / "ensurepip").unlink()
    done = machine.run("demo")
    assert done.returncode == 2
    assert "apt-get install python3.11-venv nftables" in done.stderr
    assert machine.called("apt-get") == 0


def test_without_nft_predictions_still_work(machine: Machine) -> None:
    machine.lacks("nft")
    done = machine.run("demo")
    assert done.returncode == 0
    assert "as root: apt-get install nftables" in done.stderr
    assert machine.called(".venv -m invoke demo") == 1


@pytest.mark.parametrize("script", [None, "exit 1"], ids=["none", "too old"])
def test_without_a_suitable_python_one_is_asked_for(machine: Machine, script: str | None) -> None:
    if script:
        machine.program("python3", script)
    else:
        machine.lacks("python3")
    done = machine.run("demo")
    assert done.returncode == 2
    assert "needs Python 3.11 or newer" in done.stderr


def test_an_unknown_command_is_answered_with_the_usage(machine: Machine) -> None:
    done = machine.run("dmeo")
    assert (done.returncode, done.stdout) == (2, "")
    assert "usage: ./run COMMAND" in done.stderr


def test_help_is_output(machine: Machine) -> None:
    done = machine.run("--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert "usage: ./run COMMAND" in done.stdout


def test_continuous_integration_runs_the_second_command_of_the_readme() -> None:
    assert "$ ./run test\n" in (PROJECT / "README.md").read_text()
    assert (PROJECT / ".ci" / "run").read_text().endswith("exec ./run test\n")
