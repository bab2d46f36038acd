"""Mermaid, DOT and SVG: whatever names hold, each is one well-formed drawing that shows them as they are."""

from __future__ import annotations

import re
import shutil
import subprocess
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, strategies as st

from analyzer import Analysis
from analyzer.filters import Filters, View
from analyzer.report import Report, dot, mermaid, svg
from analyzer.report.picture import Node, Picture
from analyzer.report.words import Cell, Tone
from tests.unit.manifests import ALLOW_TCP_80, analysis, pod, policy, workload
from tests.unit.test_report_table import SHAPES

SVG = "{http://www.w3.org/2000/svg}"
NASTY = (
    'a"]; click n0 call alert(1)',
    "--> end",
    "<script>alert(1)</script>",
    "&lt;b&gt; &amp; &#35; #35; #quot;",
    "]]>",
    "`x` **y** \\N \\G \\l \\",
    'a\\"b',
    "%%{init: {}}%% style a:b #c;",
    "{a|b}",
    "'quoted'",
    "graph subgraph end class",
    "fa:fa-car",
    "日本語",
    "//c /* */ # x",
)
DEMO = analysis(
    pod("client", "office"), pod("web"), workload("api", "back", replicas=3), policy(ALLOW_TCP_80)
)


def drawn(renderer: object, found: Analysis, filters: Filters | None = None) -> str:
    return "".join(renderer.render(Report(analysis=found, view=View(found.reachability, filters))))  # type: ignore[attr-defined]


def nasty(*texts: str) -> Picture:
    """A picture with some texts in every place that a text can have."""
    nodes = tuple(
        Node(namespace=text, lines=(text, text), title=text, several=True, sends=True, receives=True)
        for text in texts
    )
    tones = list(Tone)
    cells = tuple(
        tuple(Cell(text, tones[(row + column) % len(tones)]) for column, text in enumerate(texts))
        for row, _ in enumerate(texts)
    )
    return Picture(
        headline=texts[0], nodes=nodes, cells=cells, legend=((texts[0], texts[-1]),), notes=tuple(texts)
    )


printable = st.text(st.characters(exclude_categories=("C", "Z"), include_characters=" "), min_size=1)

# What a line of our flowcharts may look like: names are ours, labels are quoted and hold no quote.
_TEXT = r'"(?:[A-Za-z0-9 .,()/_\-]|#\d+;|<br/>)*"'
_MERMAID = re.compile(
    r"%% [^\n{}]*|flowchart LR|    (?:"
    rf"subgraph b\d+s\[{_TEXT}\]|end|style notes text-align:left,stroke-dasharray:3|(?:    )?"
    rf"(?:n\d+\[{_TEXT}\]|(?:b\d+|any)\(\[{_TEXT}\]\)|notes\[{_TEXT}\]"
    rf"|(?:n\d+|b\d+|any) <?(?:--|==|-\.-)>\|{_TEXT}\| (?:n\d+|b\d+|any)))"
)


def mermaid_texts(text: str) -> list[str]:
    """The labels of a flowchart as Mermaid shows them; fails for a line that is none of ours."""
    for line in text.splitlines():
        assert _MERMAID.fullmatch(line), line
    labels = re.findall(r'"([^"]*)"', text)
    return [re.sub(r"#(\d+);", lambda m: chr(int(m[1])), part) for x in labels for part in x.split("<br/>")]


def dot_strings(text: str) -> list[str]:
    """Parse a digraph as we write them (graphviz.org/doc/info/lang.html); return its quoted strings."""
    tokens = re.findall(r'"(?:[^"\\]|\\.)*"|->|[A-Za-z0-9_]+|[{}\[\];=,]|\S', text)
    depth, position = 0, 0
    item = r'(?:[A-Za-z0-9_]+|"(?:[^"\\]|\\.)*")'
    statement = re.compile(
        rf"(?:digraph|subgraph) {item} {{|}}|{item} = {item} ;"
        rf"|{item}(?: -> {item})? \[ {item} = {item}(?: , {item} = {item})* \] ;",
        re.DOTALL,
    )
    flat = " ".join(tokens)
    while position < len(flat):
        found = statement.match(flat, position)
        assert found, flat[position : position + 80]
        depth += found[0].endswith("{") - (found[0] == "}")
        assert depth >= 0
        position = found.end() + 1
    assert depth == 0
    return [token[1:-1] for token in tokens if token.startswith('"')]


def shown_by_graphviz(string: str) -> list[str]:
    """The lines of a label: escapes undone, then entities, as Graphviz does."""
    lines = re.sub(r"\\(.)", lambda m: "\0" if m[1] in "nl" else m[1], string).split("\0")
    return [line.replace("&amp;", "&") for line in lines]


@pytest.mark.parametrize("shape", SHAPES)
def test_flowcharts_are_well_formed(shape: str) -> None:
    assert mermaid_texts(drawn(mermaid, SHAPES[shape]))


@pytest.mark.parametrize("shape", SHAPES)
def test_graphs_are_well_formed(shape: str) -> None:
    assert dot_strings(drawn(dot, SHAPES[shape]))


@pytest.mark.parametrize("shape", SHAPES)
def test_pictures_are_well_formed(shape: str) -> None:
    assert ET.fromstring(drawn(svg, SHAPES[shape])).tag == f"{SVG}svg"


@given(st.lists(st.one_of(st.sampled_from(NASTY), printable), min_size=1, max_size=4, unique=True))
def test_a_flowchart_shows_any_name_as_it_is(texts: list[str]) -> None:
    assert set(texts) <= set(mermaid_texts("".join(mermaid.draw(nasty(*texts)))))


@given(st.lists(st.one_of(st.sampled_from(NASTY), printable), min_size=1, max_size=4, unique=True))
def test_a_graph_shows_any_name_as_it_is(texts: list[str]) -> None:
    strings = dot_strings("".join(dot.draw(nasty(*texts))))
    assert set(texts) <= {line for string in strings for line in shown_by_graphviz(string)}


@given(st.lists(st.one_of(st.sampled_from(NASTY), printable), min_size=1, max_size=4, unique=True))
def test_a_picture_shows_any_name_as_it_is(texts: list[str]) -> None:
    root = ET.fromstring("".join(svg.draw(nasty(*texts))))
    titles = " ".join(each.text or "" for each in root.iter(f"{SVG}title"))
    assert all(text in titles for text in texts)
    assert {each.tag.removeprefix(SVG) for each in root.iter()} <= {
        *("svg", "title", "style", "rect", "text", "tspan", "g", "line")
    }


@pytest.mark.skipif(not shutil.which("dot"), reason="Graphviz is not installed")
@pytest.mark.parametrize("shape", [*SHAPES, "nasty"])
def test_graphviz_reads_it(shape: str) -> None:
    text = "".join(dot.draw(nasty(*NASTY))) if shape == "nasty" else drawn(dot, SHAPES[shape])
    ran = subprocess.run(["dot", "-Tsvg"], input=text.encode(), capture_output=True, timeout=120, check=False)
    assert (ran.returncode, ran.stderr) == (0, b"")
    if shape == "nasty":
        shown = {each.text or "" for each in ET.fromstring(ran.stdout).iter(f"{SVG}text")}
        assert {text.strip() for text in NASTY} <= {text.replace("\xa0", " ").strip() for text in shown}


def test_only_wide_open_arrows_are_thick() -> None:
    text = drawn(mermaid, DEMO)
    assert '-->|"TCP 80"|' in text
    assert '==>|"all"|' in text


def test_two_headed_arrows_are_drawn_as_such() -> None:
    pair = analysis(pod("a", "left"), pod("b", "right"))
    assert 'n1 <==>|"all"| n0' in drawn(mermaid, pair, Filters(sources=("a", "b")))
    assert "dir=both" in drawn(dot, pair, Filters(sources=("a", "b")))


def test_a_picture_without_anything_to_note_has_no_notes() -> None:
    bare = Picture(headline="h", nodes=nasty("a").nodes, cells=((Cell("-"),),), legend=(), notes=())
    assert "notes" not in "".join(mermaid.draw(bare))


def cells(text: str) -> list[tuple[str, str]]:
    """What each cell of a picture says in full, and what stands in it."""
    groups = ET.fromstring(text).iter(f"{SVG}g")
    return [(g.findtext(f"{SVG}title") or "", g.findtext(f"{SVG}text") or "") for g in groups]


def test_every_pair_of_the_matrix_is_told_in_full() -> None:
    found = dict(cells(drawn(svg, DEMO)))
    assert found["office/client \u2192 shop/web: TCP 80"] == "TCP 80"
    assert found["back/api \u2192 back/api: all"] == "all"
    assert len(found) == 4 * 4 - 1


def test_texts_too_long_for_a_cell_get_a_letter() -> None:
    ports = ", ".join(f"{{port: {port}}}" for port in (80, 443, 8080, 9090))
    spec = f"spec: {{podSelector: {{}}, ingress: [{{ports: [{ports}]}}]}}"
    text = drawn(svg, analysis(pod("web"), policy(spec)))
    assert ("external \u2192 shop/web: TCP 80,443,8080,9090", "A") in cells(text)
    assert "A  TCP 80,443,8080,9090" in text


def test_long_rows_of_names_are_cut() -> None:
    names = [f"{letter * 30}" for letter in "abcdef"]
    text = drawn(svg, analysis(*(pod(name) for name in names)))
    assert f">{'a' * 30}" in text
    assert "…" in text
    assert f"shop/{', '.join(names)}" in text


def test_a_reader_who_likes_it_dark_gets_it_dark() -> None:
    assert "@media (prefers-color-scheme: dark)" in drawn(svg, DEMO)
