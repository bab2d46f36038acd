from __future__ import annotations

import pytest

from analyzer.bounds import Bounds
from analyzer.report.words import Tone, Words
from analyzer.sets import PortSet, Protocol

TCP_80 = PortSet.of(Protocol.TCP, 80)
TCP_81 = PortSet.of(Protocol.TCP, 81)
UDP_53 = PortSet.of(Protocol.UDP, 53)
NONE = PortSet.none()
ALL = PortSet.transports()


@pytest.mark.parametrize(
    ("certain", "possible", "text", "tone"),
    [
        (ALL, ALL, "all", Tone.OPEN),
        (NONE, NONE, "-", Tone.CLOSED),
        (TCP_80, TCP_80, "TCP 80", Tone.PART),
        (TCP_80 | UDP_53, TCP_80 | UDP_53, "TCP 80; UDP 53", Tone.PART),
        (ALL - TCP_80, ALL - TCP_80, "all but TCP 80", Tone.PART),
        (NONE, ALL, "?", Tone.UNKNOWN),
        (NONE, TCP_80, "? TCP 80", Tone.UNKNOWN),
        (TCP_80, TCP_80 | UDP_53, "TCP 80, ? UDP 53", Tone.UNKNOWN),
        (TCP_80, ALL, "TCP 80, else ?", Tone.UNKNOWN),
    ],
)
def test_a_cell_says_what_is_allowed_and_what_is_unknown(
    certain: PortSet, possible: PortSet, text: str, tone: Tone
) -> None:
    cell = Words(ALL).cell(Bounds(certain, possible))
    assert (cell.text, cell.tone) == (text, tone)


def test_equal_verdicts_share_a_cell() -> None:
    words = Words(ALL)
    assert words.cell(Bounds(TCP_80, TCP_80)) is words.cell(Bounds(TCP_80, TCP_80))


def test_all_of_one_port_is_yes() -> None:
    assert Words(TCP_80).cell(Bounds(TCP_80, TCP_80)).text == "yes"


@pytest.mark.parametrize(
    ("asked", "meaning"),
    [
        (ALL, "every port of TCP, UDP and SCTP"),
        (PortSet.all(), "every port of TCP, UDP and SCTP, and ICMP"),
        (TCP_80 | TCP_81, "TCP 80-81"),
    ],
)
def test_the_legend_says_what_all_means(asked: PortSet, meaning: str) -> None:
    assert dict(Words(asked).legend({"all"})) == {"all": meaning}


def test_the_legend_explains_only_the_signs_that_occur() -> None:
    words = Words(ALL)
    assert [sign for sign, _ in words.legend({"TCP 80", ".", "TCP 80, else ?"})] == ["?", "."]
    assert words.legend({"TCP 80"}) == []
