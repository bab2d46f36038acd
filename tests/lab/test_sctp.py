from __future__ import annotations

import pytest

from lab.providers.netns.sctp import ChunkType, Packet, crc32c, decode


def test_the_checksum_is_the_one_of_the_standard() -> None:
    # RFC 3720 appendix B.4: 32 bytes of zeros, of ones, and counting up
    assert crc32c(bytes(32)) == 0x8A9136AA
    assert crc32c(b"\xff" * 32) == 0x62A8AB43
    assert crc32c(bytes(range(32))) == 0x46DD794E


@pytest.mark.parametrize("chunk", [ChunkType.INIT, ChunkType.INIT_ACK])
@pytest.mark.parametrize("cookie", [b"", b"a", b"name\n", b"x" * 300])
def test_a_packet_survives_being_sent(chunk: ChunkType, cookie: bytes) -> None:
    packet = Packet(
        source_port=1, destination_port=65535, tag=7, chunk=chunk, initiate=2**32 - 1, cookie=cookie
    )
    data = packet.encode()
    assert decode(data) == packet
    assert len(data) % 4 == 0


def test_an_abort_survives_being_sent() -> None:
    packet = Packet(source_port=9, destination_port=8, tag=7, chunk=ChunkType.ABORT)
    assert decode(packet.encode()) == packet


def test_the_checksum_covers_the_packet_with_zeros_in_its_place() -> None:
    data = Packet(source_port=1, destination_port=2, tag=3, chunk=ChunkType.INIT, initiate=4).encode()
    assert int.from_bytes(data[8:12], "little") == crc32c(data[:8] + bytes(4) + data[12:])


@pytest.mark.parametrize(
    "data", [b"", bytes(15), bytes(12) + b"\x00\x00\x00\x04", bytes(12) + b"\x01\x00\x00\x14"]
)
def test_other_packets_are_passed_over(data: bytes) -> None:
    assert decode(data) is None
