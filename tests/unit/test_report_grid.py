from __future__ import annotations

import pytest

from analyzer.report.grid import Drawing, draw
from analyzer.report.labels import Notes
from analyzer.report.matrix import Matrix
from analyzer.report.words import Cell, Tone

OPEN, CLOSED, SELF = Cell("all", Tone.OPEN), Cell("-", Tone.CLOSED), Cell(".")


def square(count: int, cell: Cell = OPEN, name: str = "endpoint") -> Matrix:
    labels = tuple(f"{name}-{number}" for number in range(count))
    rows = tuple(tuple(SELF if row == column else cell for column in range(count)) for row in range(count))
    return Matrix(rows=labels, columns=labels, heads=tuple((label,) for label in labels), cells=rows)


def drawn(matrix: Matrix, width: int, *, signs: bool = True) -> Drawing:
    found = draw(matrix, width, Notes(), lambda cell: cell.text, "all" if signs else None)
    assert found is not None
    assert max(map(len, found.lines)) <= width
    return found


def test_a_small_matrix_has_names_above_its_columns_and_verdicts_in_words() -> None:
    found = drawn(square(3), 80)
    assert found.lines[0].split() == ["from", "\\", "to", "endpoint-0", "endpoint-1", "endpoint-2"]
    assert found.lines[2].split() == ["endpoint-0", ".", "all", "all"]
    assert (found.signs, found.columns) == ((), ())


def test_every_cell_stands_below_the_name_of_its_column() -> None:
    lines = drawn(square(3, Cell("TCP 80,443")), 80).lines
    for line in lines[2:]:
        for name in ("endpoint-0", "endpoint-1", "endpoint-2"):
            at = lines[0].index(name)
            assert line[at] in ".T"
            assert line[at - 2 : at] == "  "


def test_namespaces_stand_above_names() -> None:
    matrix = Matrix(
        rows=("a",),
        columns=("very-long-namespace/web", "db"),
        heads=(("very-long-namespace/", "web"), ("db",)),
        cells=((OPEN, CLOSED),),
    )
    lines = drawn(matrix, 80).lines
    assert lines[0].split() == ["very-long-namespace/"]
    assert lines[1].split() == ["from", "\\", "to", "web", "db"]


def test_columns_are_numbered_when_their_names_do_not_fit() -> None:
    found = drawn(square(6), 50)
    assert found.lines[0].split()[3:] == ["1", "2", "3", "4", "5", "6"]
    assert found.lines[2].split() == ["1", "endpoint-0", ".", *["all"] * 5]
    assert found.columns == ()


def test_numbers_are_explained_where_rows_and_columns_differ() -> None:
    whole = square(6)
    matrix = Matrix(rows=("source",), columns=whole.columns, heads=whole.heads, cells=whole.cells[:1])
    found = drawn(matrix, 50)
    assert found.lines[2].split()[0] == "source"
    assert found.columns == tuple(f"{number + 1} endpoint-{number}" for number in range(6))


def test_single_signs_are_used_when_words_do_not_fit() -> None:
    found = drawn(square(12), 60)
    assert found.lines[1].split() == ["1", "endpoint-0", ".", *"+" * 11]
    assert [(sign, cell.text) for sign, cell in found.signs] == [("+", "all"), (".", ".")]


def test_numbers_of_columns_are_stacked_when_they_do_not_fit_side_by_side() -> None:
    lines = drawn(square(30), 76).lines
    tens, units = lines[0], lines[1]
    for number, line in enumerate(lines[2:], start=1):
        at = [place for place, sign in enumerate(line) if sign == "." and line[place - 1] == " "][-1]
        assert int((tens.ljust(at + 1)[at] + units[at]).strip()) == number


def test_verdicts_on_some_ports_are_letters() -> None:
    matrix = square(12, Cell("TCP 80,443; UDP 53", Tone.PART))
    found = drawn(matrix, 60)
    assert [(sign, cell.text) for sign, cell in found.signs] == [(".", "."), ("a", "TCP 80,443; UDP 53")]


def test_more_verdicts_than_there_are_letters_are_not_drawn() -> None:
    whole = square(60)
    cells = tuple(tuple(Cell(f"TCP {number}") for number in range(60)) for _ in range(60))
    matrix = Matrix(rows=whole.rows, columns=whole.columns, heads=whole.heads, cells=cells)
    assert draw(matrix, 200, Notes(), lambda cell: cell.text, "all") is None


@pytest.mark.parametrize("everything", ["all", None])
def test_what_does_not_fit_in_any_way_is_not_drawn(everything: str | None) -> None:
    assert draw(square(40), 60, Notes(), lambda cell: cell.text, everything) is None


def test_signs_are_not_used_where_they_are_not_wanted() -> None:
    assert draw(square(12), 60, Notes(), lambda cell: cell.text, None) is None


@pytest.mark.parametrize(
    ("ports", "kept"),
    [
        ("TCP 80,443,8080-8090,9000", "TCP 80,443.. (1)"),
        ("TCP 80; UDP 53; SCTP 7", "TCP 80; UDP 53.. (1)"),
        ("TCP-without-any-separator", "TCP-without-any-se.. (1)"),
    ],
)
def test_long_lists_of_ports_are_cut_and_noted_in_full(ports: str, kept: str) -> None:
    notes = Notes()
    found = draw(square(2, Cell(ports)), 80, notes, lambda cell: cell.text, "all")
    assert found is not None
    assert kept in found.lines[2]
    assert notes.lines() == [("(1)", ports)]


def test_nothing_is_noted_of_a_drawing_that_did_not_fit() -> None:
    notes = Notes()
    draw(square(12, Cell("TCP 80,443,8080-8090,9000")), 60, notes, lambda cell: cell.text, "all")
    assert notes.lines() == []


def test_paint_does_not_move_anything() -> None:
    matrix = square(4, Cell("TCP 80", Tone.PART))
    for width in (80, 40, 30):
        plain = draw(matrix, width, Notes(), lambda cell: cell.text, "all")
        painted = draw(
            matrix, width, Notes(), lambda cell: f"<{cell.text}>" if cell.text.strip() else cell.text, "all"
        )
        assert plain is not None
        assert painted is not None
        stripped = [line.replace("<", "").replace(">", "") for line in painted.lines]
        assert stripped == list(plain.lines)
