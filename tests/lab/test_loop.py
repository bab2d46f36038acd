from __future__ import annotations

import os
import socket
import time

from lab.providers.netns.listeners import Door
from lab.providers.netns.loop import READ, WRITE, Loop


def test_a_handler_hears_that_its_descriptor_is_ready() -> None:
    loop, heard = Loop(), list[int]()
    reader, writer = os.pipe()
    loop.watch(reader, READ, heard.append)
    loop.turn(0)
    assert heard == []
    os.write(writer, b"!")
    loop.run(lambda: bool(heard))
    assert heard == [READ]
    loop.forget(reader)
    loop.turn(0)
    assert heard == [READ]
    loop.close()


def test_what_is_watched_for_can_change() -> None:
    loop, heard = Loop(), list[int]()
    _, writer = os.pipe()
    loop.watch(writer, READ, heard.append)
    loop.turn(0)
    assert heard == []
    loop.change(writer, WRITE)
    loop.turn(0)
    assert heard == [WRITE]
    loop.close()


def test_timers_are_called_in_order_and_cancelled_ones_are_not() -> None:
    loop, called = Loop(), list[str]()
    now = time.monotonic()
    loop.at(now + 0.02, lambda: called.append("second"))
    loop.at(now + 0.01, lambda: called.append("first"))
    loop.at(now, lambda: called.append("never")).cancel()
    loop.run(lambda: len(called) == 2)
    assert called == ["first", "second"]
    assert time.monotonic() - now >= 0.02
    loop.close()


def test_events_that_are_ready_come_before_deadlines_that_are_over() -> None:
    loop, called = Loop(), list[str]()
    reader, writer = os.pipe()
    os.write(writer, b"!")
    loop.at(0.0, lambda: called.append("deadline"))
    loop.watch(reader, READ, lambda _: called.append("event"))
    loop.turn()
    assert called == ["event", "deadline"]
    loop.close()


def test_work_goes_on_until_it_says_that_it_is_done() -> None:
    loop, steps = Loop(), list[int]()

    def step() -> bool:
        steps.append(len(steps))
        return len(steps) < 3

    loop.work(step)
    for _ in range(5):
        loop.turn(0)
    assert steps == [0, 1, 2]
    loop.close()


def test_a_handler_may_close_another_that_is_ready_as_well() -> None:
    loop, heard = Loop(), list[int]()
    pipes = [os.pipe(), os.pipe()]

    def close_the_other(mine: int, other: int) -> None:
        heard.append(mine)
        loop.forget(other)

    for number, (reader, writer) in enumerate(pipes):
        other = pipes[1 - number][0]
        loop.watch(reader, READ, lambda _, mine=number, its=other: close_the_other(mine, its))  # type: ignore[misc]
        os.write(writer, b"!")
    loop.turn(0)
    assert len(heard) == 1
    loop.close()


def test_where_connections_come_in_without_a_break_more_are_let_in_each_time() -> None:
    one = socket.socket()
    door = Door(one, b"")
    assert [door.room(now) for now in range(7, 15)] == [1, 2, 4, 8, 16, 32, 32, 32]
    assert [door.room(now) for now in (16, 17, 19)] == [1, 2, 1]
    one.close()
