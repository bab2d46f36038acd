from __future__ import annotations

import json

import pytest

from lab.providers.context.execution import exit_status


def failed(**parts: object) -> bytes:
    return json.dumps({"kind": "Status", "status": "Failure", **parts}).encode()


def test_success_is_exit_status_zero() -> None:
    assert exit_status(b'{"metadata": {}, "status": "Success"}') == (0, "")


def test_a_failure_tells_its_exit_status_among_the_causes() -> None:
    causes = [{"reason": "Other", "message": "x"}, {"reason": "ExitCode", "message": "7"}]
    assert exit_status(failed(reason="NonZeroExitCode", details={"causes": causes})) == (7, "")


def test_a_command_that_cannot_be_started_has_words_and_no_exit_status() -> None:
    words = 'exec: "sh": executable file not found in $PATH'
    wrapped = f"failed to exec in container: {words}"
    assert exit_status(failed(reason="InternalError", message=wrapped)) == (None, words)


@pytest.mark.parametrize("data", [b"", b" \n"])
def test_a_status_that_never_came_is_none(data: bytes) -> None:
    assert exit_status(data) == (None, "")


@pytest.mark.parametrize(
    "data",
    [
        b"{",
        b"7",
        b"[]",
        failed(details={"causes": [7]}),
        failed(details={"causes": [{"reason": "ExitCode", "message": "x"}]}),
    ],
)
def test_a_status_that_cannot_be_read_is_said_to_be_so(data: bytes) -> None:
    status, words = exit_status(data)
    assert status is None
    assert words.startswith("its status cannot be read")
