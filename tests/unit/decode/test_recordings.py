"""What a real API server took, refused and made of NetworkPolicies is what the decoder makes of them."""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from analyzer.decode import Options, decode
from analyzer.decode.field import Problems, Root
from analyzer.decode.networkpolicy import read_network_policy
from analyzer.decode.scope import Scope
from analyzer.diagnostics import AnalyzerError
from analyzer.load import Document, load

RECORDED = Path(__file__).with_name("recordings") / "networkpolicies-1.36.jsonl"
ROWS = [json.loads(line) for line in RECORDED.read_text().splitlines()]
TAKEN = [row for row in ROWS if "made" in row]


def read(document: Any) -> Document:
    (found,) = load(["-"], stdin=BytesIO(json.dumps(document).encode())).documents
    return found


def taken(document: Any) -> bool:
    try:
        decode([read(document)], Options())
    except AnalyzerError:
        return False
    return True


def content(document: Any) -> object:
    found = read(document)
    return read_network_policy(Root(found.data, found.span, Problems()), Scope(Options())).content()


def test_there_is_much_of_both() -> None:
    assert len(TAKEN) > 100
    assert len(ROWS) - len(TAKEN) > 200


@pytest.mark.parametrize("row", ROWS, ids=range(len(ROWS)))
def test_what_the_api_server_takes_is_taken_and_what_it_refuses_is_refused(row: Any) -> None:
    assert taken(row["given"]) == ("made" in row)


@pytest.mark.parametrize("row", TAKEN, ids=range(len(TAKEN)))
def test_what_the_api_server_makes_of_a_policy_means_what_it_meant(row: Any) -> None:
    assert content(row["given"]) == content(row["made"])
