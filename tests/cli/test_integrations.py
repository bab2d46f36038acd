"""What other tools call: kubectl, a shell that completes, pre-commit, GitHub Actions."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
import yaml

from analyzer.cli import COMMANDS
from analyzer.plugin import main as plugin
from tests.cli.running import PROJECT, Commands
from tests.fakes.kube_api import KubeApi
from tests.unit.manifests import pod, policy

BASH = shutil.which("bash")


@pytest.fixture
def current(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """The kubeconfig of a cluster with one pod, which is the current one."""
    for variable in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.delenv(variable, raising=False)
    with KubeApi() as api:
        api.add(
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}},
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {"name": "web", "namespace": "shop"},
                "spec": {"containers": [{"name": "c", "image": "i"}]},
                "status": {"phase": "Running", "podIPs": [{"ip": "10.244.1.7"}]},
            },
        )
        path = tmp_path / "kubeconfig"
        path.write_text(api.kubeconfig())
        monkeypatch.setenv("KUBECONFIG", str(path))
        yield path


def test_the_plugin_reads_the_current_context_when_no_path_is_given(
    current: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["kubectl-reach"])
    monkeypatch.setattr(os, "_exit", sys.exit)
    with pytest.raises(SystemExit, match=r"^0$"):
        plugin()
    assert "cluster kind-kubereach" in capsys.readouterr().out.splitlines()[0]


def test_the_plugin_reads_manifests_when_they_are_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(PROJECT)
    monkeypatch.setattr(sys, "argv", ["kubectl-reach", "exposure", "manifests/"])
    monkeypatch.setattr(os, "_exit", sys.exit)
    with pytest.raises(SystemExit, match=r"^0$"):
        plugin()
    assert "3 files" in capsys.readouterr().out


@pytest.mark.skipif(not shutil.which("kubectl"), reason="kubectl is not installed")
def test_kubectl_finds_the_plugin(current: Path, tmp_path: Path) -> None:
    scripts = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["scripts"]
    module, function = scripts["kubectl-reach"].split(":")
    entry = tmp_path / "kubectl-reach"
    entry.write_text(
        f"#!{sys.executable}\nimport sys\nfrom {module} import {function}\nsys.exit({function}())\n"
    )
    entry.chmod(0o755)
    environment = {
        **os.environ,
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "PYTHONPATH": str(PROJECT),
        "HOME": str(tmp_path),
    }
    command = ["kubectl", "reach", "--format", "csv"]
    ran = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "shop/Pod/web,External/external,any,any,allowed" in ran.stdout


def completed(run: Commands, *words: str) -> set[str]:
    """What bash offers for the last of some words, in the project's folder."""
    script = run("completion", "bash").out
    line = " ".join(f"'{word}'" for word in words)
    ask = (
        f"COMP_WORDS=({line}); COMP_CWORD={len(words) - 1}; _kubereach; printf '%s\\n' \"${{COMPREPLY[@]}}\""
    )
    ran = subprocess.run(
        ["bash", "--norc", "-uc", f"{script}\n{ask}"],
        capture_output=True,
        text=True,
        cwd=PROJECT,
        timeout=30,
        check=False,
    )
    assert ran.stderr == ""
    return set(filter(None, ran.stdout.splitlines()))


@pytest.mark.skipif(not BASH, reason="bash is not installed")
@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (("kubereach", "expl"), {"explain"}),
        (("kubereach", "--form"), {"--format"}),
        (("kubereach", "--format", "m"), {"markdown", "mermaid"}),
        (("kubereach", "exposure", "--ingress"), {"--ingress-controller"}),
        (("kubereach", "exposure", "--format", ""), {"table", "json", "csv", "markdown"}),
        (("kubereach", "exposure", "manif"), {"manifests"}),
        (("kubereach", "exposure", "--output", "manif"), {"manifests"}),
        (("kubereach", "--source", "manif"), set()),
        (("kubereach", "completion", "f"), {"fish"}),
    ],
)
def test_bash_completes(run: Commands, words: tuple[str, ...], offered: set[str]) -> None:
    assert completed(run, *words) == offered


@pytest.mark.skipif(not BASH, reason="bash is not installed")
def test_the_first_word_may_be_any_command(run: Commands) -> None:
    assert set(COMMANDS) <= completed(run, "kubereach", "")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_every_shell_can_read_its_script(run: Commands, shell: str) -> None:
    ran = run("completion", shell)
    assert (ran.code, ran.err) == (0, "")
    assert all(f"{command}" in ran.out for command in COMMANDS)
    if not shutil.which(shell):
        pytest.skip(f"{shell} is not installed")
    read = subprocess.run([shell, "-n"], input=ran.out.encode(), capture_output=True, timeout=30, check=False)
    assert (read.returncode, read.stderr) == (0, b"")


def test_another_shell_is_wrong_usage(run: Commands) -> None:
    assert run("completion", "csh").code == 2


def test_the_hooks_are_commands_that_exist() -> None:
    for hook in yaml.safe_load((PROJECT / ".pre-commit-hooks.yaml").read_text()):
        program, *words = hook["entry"].split()
        assert program == "kubereach"
        assert hook["language"] == "python"
        name = words[0] if words[0] in COMMANDS else ""
        module = import_module(f"analyzer.commands.{name or 'reach'}")
        parser = module.arguments() if name else module.arguments("")
        parser.parse_args(words[1:] if name else words)
        re.compile(hook["files"])


@pytest.mark.parametrize("hook", [0, 1])
def test_a_hook_accepts_the_demo(run: Commands, hook: int) -> None:
    words = yaml.safe_load((PROJECT / ".pre-commit-hooks.yaml").read_text())[hook]["entry"].split()[1:]
    assert run(*words).code in {0, 1}


ACTION = yaml.safe_load((PROJECT / "action.yml").read_text())


def test_the_action_runs_no_code_of_others_and_puts_no_input_into_a_script() -> None:
    for step in ACTION["runs"]["steps"]:
        assert "uses" not in step
        assert "${{" not in step["run"]
    assert all(each["description"] for each in ACTION["inputs"].values())


@pytest.mark.skipif(not BASH, reason="bash is not installed")
@pytest.mark.parametrize(
    ("inputs", "code", "expected"),
    [
        ({"COMMAND": "", "ARGUMENTS": "--format\ncsv"}, 0, "source,destination,protocol,ports,verdict"),
        ({"COMMAND": "exposure", "ARGUMENTS": ""}, 0, "any pod in namespaces labelled ns=test-c"),
        ({"COMMAND": "exposure", "ARGUMENTS": "$(touch pwned)"}, 2, ""),
        ({"COMMAND": "; touch pwned", "ARGUMENTS": ""}, 2, ""),
    ],
)
def test_the_action_runs_what_its_inputs_say(
    tmp_path: Path, inputs: dict[str, str], code: int, expected: str
) -> None:
    program = tmp_path / "venv/bin/kubereach"
    program.parent.mkdir(parents=True)
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m analyzer "$@"\n')
    program.chmod(0o755)
    shutil.copytree(PROJECT / "manifests", tmp_path / "manifests")
    environment = {**os.environ, **inputs, "PATHS": "manifests/\n", "VENV": str(tmp_path / "venv")}
    ran = subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", ACTION["runs"]["steps"][1]["run"]],
        env={**environment, "PYTHONPATH": str(PROJECT)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == code, ran.stderr
    assert expected in ran.stdout
    assert not (tmp_path / "pwned").exists()


@pytest.mark.skipif(not BASH, reason="bash is not installed")
@pytest.mark.parametrize(
    ("command", "paths", "annotated"),
    [
        ("lint", "new.yaml", "new.yaml"),
        ("check", "new.yaml", "expect.yaml"),
        ("diff", "old.yaml\nnew.yaml", "new.yaml"),
    ],
)
def test_the_action_annotates_what_is_found(tmp_path: Path, command: str, paths: str, annotated: str) -> None:
    program = tmp_path / "venv/bin/kubereach"
    program.parent.mkdir(parents=True)
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m analyzer "$@"\n')
    program.chmod(0o755)
    (tmp_path / "old.yaml").write_text(f"{pod('web')}---\n{pod('db')}")
    gone = "spec: {podSelector: {}, ingress: [{from: [{podSelector: {matchLabels: {app: gone}}}]}]}"
    (tmp_path / "new.yaml").write_text(f"{pod('web')}---\n{pod('db')}---\n{policy(gone)}")
    expected = "{name: it is open, from: shop/web, to: shop/db, ports: [ALL], verdict: allow}"
    head = "apiVersion: kubereach.dev/v1alpha1\nkind: Expectations\n"
    (tmp_path / "expect.yaml").write_text(f"{head}expectations: [{expected}]\n")
    ran = subprocess.run(
        ["bash", "-e", "-c", ACTION["runs"]["steps"][1]["run"]],
        env={
            **os.environ,
            "COMMAND": command,
            "ARGUMENTS": "",
            "PATHS": paths,
            "VENV": str(tmp_path / "venv"),
            "PYTHONPATH": str(PROJECT),
        },
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 1, ran.stderr
    assert re.match(f"::(error|warning|notice) file={annotated},", ran.stdout)
