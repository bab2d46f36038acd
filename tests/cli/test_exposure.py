from __future__ import annotations

import json

import pytest

from tests.cli.running import Commands
from tests.unit.manifests import pod, policy
from tests.unit.test_edge import API, API_SERVICE, FROM_EDGE, ingress


@pytest.mark.parametrize("form", ["table", "json", "csv", "markdown"])
def test_every_format_shows_the_demo(run: Commands, form: str) -> None:
    ran = run("exposure", "--format", form)
    assert (ran.code, ran.err) == (0, "")
    assert "test-pod-b" in ran.out


def test_a_part_is_shown_when_asked_for(run: Commands) -> None:
    for words in (("--workload", "test-pod-b"), ("--namespace", "test-b")):
        found = json.loads(run("exposure", "--format", "json", *words).out)
        assert [each["name"] for each in found["workloads"]] == ["test-pod-b"]


def test_an_unknown_name_is_wrong_usage(run: Commands) -> None:
    for option in ("--workload", "--namespace", "--ingress-controller"):
        ran = run("exposure", option, "nobody")
        assert ran.code == 2
        assert "nobody" in ran.err


def test_a_controller_may_be_named(elsewhere: Commands) -> None:
    elsewhere.write("all.yaml", API, API_SERVICE, ingress(), pod("own", "edge"), policy(FROM_EDGE))
    assert elsewhere("exposure", "all.yaml", "--fail-on-unknown").code == 4
    ran = elsewhere("exposure", "all.yaml", "--fail-on-unknown", "--ingress-controller", "edge/own")
    assert ran.code == 0
    assert "open from own" in ran.out


def test_a_file_is_written_when_asked_for(elsewhere: Commands) -> None:
    elsewhere.write("all.yaml", pod("a"))
    assert elsewhere("exposure", "all.yaml", "--output", "exposure.txt").out == ""
    assert "unprotected" in (elsewhere.folder / "exposure.txt").read_text()


def test_a_wrong_ingress_is_an_error_for_those_who_ask_for_it(elsewhere: Commands) -> None:
    elsewhere.write("all.yaml", pod("a"), ingress(port="{number: 0}"))
    assert elsewhere("all.yaml").code == 0
    ran = elsewhere("exposure", "all.yaml")
    assert ran.code == 2
    assert "spec.defaultBackend.service.port: Required value" in ran.err
