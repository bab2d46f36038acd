"""Helm charts and kustomizations: what the tools print is read, and what they do wrong is told.

The tools are small programs on a PATH of their own, run as the real ones are.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from analyzer.diagnostics import AnalyzerError
from analyzer.load import Loaded, limits, load

PODS = "apiVersion: v1\nkind: Pod\nmetadata: {{name: {0}}}\n"


class Tools:
    """A folder of programs, the only ones that can be found."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def add(self, name: str, script: str) -> None:
        """Put a program on the PATH; `argv` are its arguments."""
        self.write(name, f"#!{sys.executable} -IS\nimport os, sys, time\nargv = sys.argv[1:]\n{script}\n")

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.write_text(text)
        path.chmod(0o755)


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tools:
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return Tools(folder)


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def chart(work: Path, name: str = "chart") -> str:
    """Make a chart whose template is no YAML."""
    templates = work / name / "templates"
    templates.mkdir(parents=True)
    (work / name / "Chart.yaml").write_text("apiVersion: v2\nname: demo\nversion: 0.1.0\n")
    (templates / "pod.yaml").write_text("{{- if .Values.on }}\n" + PODS.format("{{ .Values.name }}"))
    return name


def kustomization(work: Path, name: str, text: str = "", file: str = "kustomization.yaml") -> str:
    folder = work / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / file).write_text(text)
    return name


def names(loaded: Loaded) -> list[str]:
    return [document.name for document in loaded.documents]


def refusal(*paths: str) -> str:
    """Return the one thing that is said."""
    with pytest.raises(AnalyzerError) as caught:
        load(paths)
    (found,) = caught.value.diagnostics
    assert found.code in {"render-failed", "tool-missing"}
    return found.render()


# Kustomizations print a pod that has the name of their folder.
PRINT_FOLDER = f"print({PODS!r}.format(os.path.basename(argv[-1])))"


def test_a_chart_is_rendered_by_helm(tools: Tools, work: Path) -> None:
    tools.add("helm", f"print({PODS!r}.format('-'.join(a.lower() for a in argv[:2])))")
    loaded = load([chart(work)])
    assert names(loaded) == ["template---skip-tests"]
    assert loaded.files == ("helm template chart",)
    assert loaded.documents[0].span.file == "helm template chart"


def test_a_folder_is_given_as_an_absolute_path_that_is_no_option(tools: Tools, work: Path) -> None:
    tools.add("helm", f"assert argv[-2] == '--' and os.path.isabs(argv[-1])\n{PRINT_FOLDER}")
    assert names(load(["./" + chart(work, "--post-renderer=x")])) == ["--post-renderer=x"]


def test_the_tool_has_no_input(tools: Tools, work: Path) -> None:
    tools.add("helm", f"assert sys.stdin.read() == ''\n{PRINT_FOLDER}")
    assert names(load([chart(work)])) == ["chart"]


def test_a_chart_below_a_folder_is_rendered_and_its_templates_are_not_read(tools: Tools, work: Path) -> None:
    tools.add("helm", PRINT_FOLDER)
    chart(work)
    (work / "pod.yaml").write_text(PODS.format("plain"))
    assert names(load(["."])) == ["chart", "plain"]


@pytest.mark.parametrize("file", ["kustomization.yaml", "kustomization.yml", "Kustomization"])
def test_a_kustomization_is_rendered_by_kustomize(tools: Tools, work: Path, file: str) -> None:
    tools.add("kustomize", f"assert argv[:2] == ['build', '--']\n{PRINT_FOLDER}")
    tools.add("kubectl", "sys.exit('not asked')")
    loaded = load([kustomization(work, "app", file=file)])
    assert (names(loaded), loaded.files) == (["app"], ("kustomize build app",))


def test_without_kustomize_kubectl_renders(tools: Tools, work: Path) -> None:
    tools.add("kubectl", f"assert argv[:2] == ['kustomize', '--']\n{PRINT_FOLDER}")
    assert load([kustomization(work, "app")]).files == ("kubectl kustomize app",)


def test_what_another_kustomization_builds_on_is_rendered_once(tools: Tools, work: Path) -> None:
    tools.add("kustomize", PRINT_FOLDER)
    kustomization(work, "base")
    kustomization(work, "old")
    kustomization(work, "part")
    kustomization(work, "prod", "resources: [../base, 7, {a: b}]\nbases: [../old]\ncomponents: [../part]\n")
    kustomization(work, "test", "resources:\n- ../base\n- https://example.org/remote\n", "Kustomization")
    assert names(load(["."])) == ["prod", "test"]
    assert names(load([".", "base"])) == ["base", "prod", "test"]


def test_a_base_is_found_through_others(tools: Tools, work: Path) -> None:
    tools.add("kustomize", PRINT_FOLDER)
    for folder, below in (("a", "b"), ("b", "c"), ("c", "d")):
        kustomization(work, folder, f"resources: [../{below}]")
    kustomization(work, "d")
    assert names(load(["."])) == ["a"]


@pytest.mark.parametrize("ring", [["a"], ["a", "b"], ["a", "b", "c"]])
def test_kustomizations_that_build_on_each_other_are_left_to_the_tool(
    tools: Tools, work: Path, ring: list[str]
) -> None:
    tools.add("kustomize", PRINT_FOLDER)
    for folder, below in zip(ring, [*ring[1:], ring[0]], strict=True):
        kustomization(work, folder, f"resources: [../{below}]")
    kustomization(work, "other")
    assert names(load(["."])) == [*ring, "other"]


@pytest.mark.parametrize(
    "text",
    ["resources: 7", "resources: {a: b}", "- a", "a: [", "caf\xe9", 'resources: ["a\\0b"]', ""],
)
def test_a_kustomization_that_names_no_bases_hides_no_other(tools: Tools, work: Path, text: str) -> None:
    tools.add("kustomize", PRINT_FOLDER)
    kustomization(work, "odd")
    (work / "odd" / "kustomization.yaml").write_bytes(text.encode("latin-1"))
    kustomization(work, "plain")
    assert names(load(["."])) == ["odd", "plain"]


def test_a_folder_in_the_place_of_a_kustomization_is_left_to_the_tool(tools: Tools, work: Path) -> None:
    tools.add("kustomize", PRINT_FOLDER)
    kustomization(work, "plain")
    (work / "odd" / "kustomization.yaml").mkdir(parents=True)
    assert names(load(["."])) == ["odd", "plain"]


def test_a_base_with_a_million_slashes_takes_no_time(tools: Tools, work: Path) -> None:
    tools.add("kustomize", PRINT_FOLDER)
    kustomization(work, "a", f"resources: [{'a/' * 1_000_000}]")
    kustomization(work, "b", "\n".join(f"- {'a/' * 1000}" for _ in range(10)))
    start = time.monotonic()
    assert names(load(["."])) == ["a", "b"]
    assert time.monotonic() - start < 10


@pytest.mark.usefixtures("tools")
def test_a_missing_tool_is_named(work: Path) -> None:
    assert refusal(chart(work)) == (
        "error: `chart` is a Helm chart, and `helm` is not installed\n"
        "    help: install it, or render the folder and analyze the result"
    )
    assert "`app` is a kustomization, and `kustomize` or `kubectl`" in refusal(kustomization(work, "app"))


def test_a_tool_that_fails_is_quoted_in_one_printable_line(tools: Tools, work: Path) -> None:
    tools.add("helm", "print('Error: no\\n  such \\x1b[31mvalue', file=sys.stderr)\nsys.exit(1)")
    assert refusal(chart(work)) == r"error: `helm template chart` failed: Error: no such \x1b[31mvalue"


def test_of_a_long_complaint_the_end_is_told(tools: Tools, work: Path) -> None:
    tools.add("helm", "sys.stderr.write('x ' * 1_000_000 + 'the reason')\nsys.exit(1)")
    told = refusal(chart(work))
    assert told.endswith("the reason")
    assert len(told) < 400


@pytest.mark.parametrize("end", ["sys.exit(3)", "os.kill(os.getpid(), 9)"])
def test_a_tool_that_fails_in_silence_is_told(tools: Tools, work: Path, end: str) -> None:
    tools.add("helm", end)
    assert refusal(chart(work)) == "error: `helm template chart` failed: it does not say why"


def test_what_a_tool_that_fails_has_printed_is_not_used(tools: Tools, work: Path) -> None:
    tools.add("helm", f"{PRINT_FOLDER}\nsys.exit(1)")
    assert "failed" in refusal(chart(work))


def test_a_tool_that_is_no_program_is_told(tools: Tools, work: Path) -> None:
    tools.write("helm", "\0\0\0\0")
    assert refusal(chart(work)) == "error: `helm template chart` cannot be run: Exec format error"


@pytest.mark.parametrize(
    "script",
    [
        "time.sleep(60)",
        "while True: sys.stderr.write('still busy ')",
        "os.close(1); os.close(2); time.sleep(60)",
        "os.fork() or time.sleep(60)",  # the outputs stay open in a child
    ],
)
def test_a_tool_that_does_not_end_is_stopped(
    tools: Tools, work: Path, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    monkeypatch.setattr(limits, "RENDER_SECONDS", 0.5)
    tools.add("helm", f"open('pid', 'w').write(str(os.getpid()))\n{script}")
    start = time.monotonic()
    assert refusal(chart(work)) == "error: `helm template chart` took longer than 0.5 seconds"
    assert time.monotonic() - start < 20
    if (pid := work / "pid").exists():
        with pytest.raises(ProcessLookupError):
            os.kill(int(pid.read_text()), 0)


def test_a_tool_that_prints_without_end_is_stopped(
    tools: Tools, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "RENDERED_BYTES", 2 << 20)
    tools.add("helm", "while True: sys.stdout.write('a: b\\n' * 1000)")
    assert refusal(chart(work)) == "error: `helm template chart` printed more than 2 MB"


def test_what_is_wrong_with_the_output_is_placed_in_the_output(tools: Tools, work: Path) -> None:
    tools.add("helm", "print('apiVersion: v1\\nkind: Pod\\nkind: Pod')")
    with pytest.raises(AnalyzerError, match=r"^helm template chart:3:1: error: kind: the key `kind` stands"):
        load([chart(work)])


def test_what_a_tool_prints_must_be_kubernetes_objects(tools: Tools, work: Path) -> None:
    tools.add("helm", "print('a: b')")
    with pytest.raises(AnalyzerError, match=r"helm template chart:1:1: error: `apiVersion` and `kind` must"):
        load([chart(work)])
