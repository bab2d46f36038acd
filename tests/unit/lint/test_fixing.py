from __future__ import annotations

from difflib import unified_diff
from pathlib import Path

import pytest

from analyzer import Analysis, AnalyzerError, analyze
from analyzer.commands.editing import contents, diff, write_all
from analyzer.lint import lint
from analyzer.lint.equality import difference
from analyzer.lint.finding import Finding, Fix
from analyzer.lint.fixing import Change, Fixed, fix
from tests.unit.lint.linting import ingress, match
from tests.unit.manifests import analysis, pod

EFFECTS = ("KR101", "KR102")
POLICY = """\
# the pods
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop, labels: {app: web}}
spec: {containers: [{name: c, image: i}]}
---
# who may come in
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: all, namespace: shop}
spec:
  podSelector: {}
  ingress:
  # everybody of the namespace
  - from:
    - podSelector: {}
  - from:   # only some
    - podSelector:
        matchLabels:
          app: web

    # on one port
    ports:
    - port: 80
  # the partner
  - from:
    - ipBlock: {cidr: 192.0.2.0/24}
---
# covered
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: some, namespace: shop}
spec:
  podSelector: {matchLabels: {app: web}}
  ingress: [{from: [{podSelector: {}}], ports: [{port: 80}]}]
"""
MENDED = """\
# the pods
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop, labels: {app: web}}
spec: {containers: [{name: c, image: i}]}
---
# who may come in
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: all, namespace: shop}
spec:
  podSelector: {}
  ingress:
  # everybody of the namespace
  - from:
    - podSelector: {}
  # the partner
  - from:
    - ipBlock: {cidr: 192.0.2.0/24}
"""


def mended(file: Path, text: str | bytes) -> Fixed:
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    found = analyze([str(file)])
    return fix(found, lint(found, EFFECTS).findings, contents([str(file)]))


def reasons(fixed: Fixed) -> list[str]:
    assert not fixed.changes
    return [reason for _, reason in fixed.refused]


def test_a_rule_and_a_policy_go_and_comments_and_layout_stay(tmp_path: Path) -> None:
    fixed = mended(tmp_path / "a.yaml", POLICY)
    (change,) = fixed.changes
    assert change.after.decode() == MENDED
    assert [each.code for each in fixed.mended] == ["KR102", "KR101"]
    assert not lint(fixed.analysis, EFFECTS).findings


def test_line_ends_of_windows_stay(tmp_path: Path) -> None:
    (change,) = mended(tmp_path / "a.yaml", POLICY.replace("\n", "\r\n")).changes
    assert change.after == MENDED.replace("\n", "\r\n").encode()


def test_a_byte_order_mark_stays(tmp_path: Path) -> None:
    (change,) = mended(tmp_path / "a.yaml", POLICY.encode("utf-8-sig")).changes
    assert change.after == MENDED.encode("utf-8-sig")


def test_a_missing_last_line_end_is_no_obstacle(tmp_path: Path) -> None:
    (change,) = mended(tmp_path / "a.yaml", POLICY.removesuffix("\n")).changes
    assert change.after.decode() == MENDED


def test_the_first_object_of_a_file_may_go(tmp_path: Path) -> None:
    first = POLICY.split("---\n")[2]
    (change,) = mended(tmp_path / "a.yaml", first + "---\n" + "---\n".join(POLICY.split("---\n")[:2])).changes
    assert change.after.decode() == "---\n" + MENDED


def test_the_last_lines_of_a_file_may_go(tmp_path: Path) -> None:
    parts = POLICY.split("---\n")
    narrow = "".join(parts[1].partition("  # the partner\n")[0])
    (change,) = mended(tmp_path / "a.yaml", parts[0] + "---\n" + narrow).changes
    assert change.after.decode() == MENDED.partition("  # the partner\n")[0]


def test_files_without_a_fix_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "pods.yaml").write_text(pod("web", labels="{app: web}") + "---\n" + pod("x", "other"))
    (tmp_path / "policies.yaml").write_text("---\n".join(POLICY.split("---\n")[1:]))
    found = analyze([str(tmp_path)])
    fixed = fix(found, lint(found).findings, contents(found.files))
    assert len(fixed.mended) < len(lint(found).findings)
    assert [Path(each.file).name for each in fixed.changes] == ["policies.yaml"]


@pytest.mark.parametrize(
    ("rules", "reason"),
    [
        (
            "[{from: [{podSelector: {}}]}, {from: [{podSelector: {}}]}]",
            "it does not start with a dash of its own",
        ),
        (
            "\n  -\n    from: [{podSelector: {}}]\n  -\n    from: [{podSelector: {}}]",
            "it does not start with a dash",
        ),
    ],
)
def test_an_item_that_is_no_lines_of_its_own_is_left(tmp_path: Path, rules: str, reason: str) -> None:
    head = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p, namespace: shop}\n"
    text = pod("web") + "---\n" + head + f"spec:\n  podSelector: {{}}\n  ingress: {rules}\n"
    (told,) = reasons(mended(tmp_path / "a.yaml", text))
    assert told.startswith(reason)


def test_the_last_rule_of_a_list_is_left(tmp_path: Path) -> None:
    text = POLICY.replace(
        "matchLabels: {app: web}}\n  ingress: [{from: [{podSelector: {}}], ports: [{port: 80}]}]",
        (
            "matchLabels: {app: web}}\n  ingress:\n  - from: [{podSelector: {}}]\n    ports: [{port: 80}]\n"
            "  policyTypes: [Ingress, Egress]\n  egress: [{to: [{podSelector: {}}]}]"
        ),
    )
    fixed = mended(tmp_path / "a.yaml", text)
    assert [reason for _, reason in fixed.refused] == [
        "nothing would be left of its list, which means something else"
    ]


def test_an_entry_of_a_list_is_left(tmp_path: Path) -> None:
    items = "\n".join(
        "- " + "\n  ".join(each.strip().splitlines())
        for each in POLICY.replace("# covered\n", "").split("---\n")
    )
    assert "it is an entry of a list of objects" in [
        reason
        for _, reason in mended(tmp_path / "a.yaml", f"apiVersion: v1\nkind: List\nitems:\n{items}\n").refused
    ]


def test_the_only_object_of_a_file_is_left(tmp_path: Path) -> None:
    parts = POLICY.split("---\n")
    (tmp_path / "a.yaml").write_text(parts[0] + "---\n" + parts[1])
    (tmp_path / "b.yaml").write_text(parts[2])
    found = analyze([str(tmp_path)])
    fixed = fix(found, lint(found, ["KR101"]).findings, contents(found.files))
    assert reasons(fixed) == ["it is all that its file holds: delete the file"]


def test_what_is_no_file_is_left() -> None:
    found = analysis(*POLICY.split("---\n"))
    fixed = fix(found, lint(found, EFFECTS).findings, contents(["<stdin>"]))
    assert set(reasons(fixed)) == {"it does not stand in a file that can be changed"}


def test_json_is_left(tmp_path: Path) -> None:
    import json

    import yaml

    documents = list(yaml.safe_load_all(POLICY))
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": documents})
    assert set(reasons(mended(tmp_path / "a.json", text))) == {"it does not stand in a YAML file"}


@pytest.mark.parametrize(
    "data",
    [POLICY.encode("utf-16"), POLICY.replace("some\n", "some\u2028\n", 1).encode()],
)
def test_a_file_whose_lines_cannot_be_counted_alike_is_left(tmp_path: Path, data: bytes) -> None:
    assert set(reasons(mended(tmp_path / "a.yaml", data))) == {
        "its file is not plain UTF-8, or was changed meanwhile"
    }


def test_a_file_that_was_changed_meanwhile_is_left(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(POLICY)
    found = analyze([str(file)])
    fixed = fix(found, lint(found, EFFECTS).findings, {str(file): b"# other\n" + POLICY.encode()})
    assert set(reasons(fixed)) == {"its file is not plain UTF-8, or was changed meanwhile"}


def finding(found: Analysis, policy: str, *path: str | int) -> Finding:
    (chosen,) = [each for each in found.cluster.policies if each.name == policy]
    span = chosen.span.child(*path)
    (model,) = lint(found, ["KR101"]).findings[:1] or [None]
    assert model is not None
    return Finding(
        code="KR101",
        name=model.name,
        severity=model.severity,
        span=span,
        message="",
        fix=Fix(title="", span=span),
    )


IGNORED = """\
  policyTypes: [Ingress]
  egress: [{to: [{podSelector: {}}]}]
"""


def test_a_fix_that_would_change_a_verdict_with_another_cni_is_left(tmp_path: Path) -> None:
    fixed = mended(tmp_path / "a.yaml", POLICY + IGNORED)
    assert [reason for _, reason in fixed.refused] == ["it would change a verdict with Cilium and Antrea"]
    assert [each.code for each in fixed.mended] == ["KR102"]


def test_a_policy_that_covers_another_one_is_left_once_that_is_gone(tmp_path: Path) -> None:
    """Where egress rules are not ignored, two of three policies alike can go, and not the third."""
    some = POLICY.split("---\n")[2] + IGNORED
    copies = [some.replace("name: some", f"name: {name}") for name in ("one", "two", "three")]
    fixed = mended(tmp_path / "a.yaml", "---\n".join([*POLICY.split("---\n")[:2], *copies]))
    assert [reason for _, reason in fixed.refused] == ["it would change a verdict with Cilium and Antrea"]
    assert [each.code for each in fixed.mended] == ["KR102", "KR101", "KR101"]


def test_a_fix_that_changes_a_verdict_is_left_with_the_cnis(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(POLICY)
    found = analyze([str(file)])
    fixed = fix(found, [finding(found, "all")], contents([str(file)]))
    (reason,) = reasons(fixed)
    assert reason.startswith("it would change a verdict with Cilium, ")


@pytest.mark.parametrize("path", [(), ("spec", "ingress", 2)])
def test_what_comes_out_is_evaluated_again_and_refused_with_the_verdict_that_differs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: tuple[str | int, ...]
) -> None:
    monkeypatch.setattr("analyzer.lint.elsewhere.Elsewhere.changed", lambda *_: ())
    file = tmp_path / "a.yaml"
    file.write_text(POLICY)
    found = analyze([str(file)])
    with pytest.raises(AnalyzerError, match="the fixes would change a verdict: ingress of `shop/web` with `"):
        fix(found, [finding(found, "all", *path)], contents([str(file)]))


def test_an_edit_that_would_change_more_than_it_should_is_refused(tmp_path: Path) -> None:
    """A quoted text may go on further left than the dash: its rest would stay."""
    file = tmp_path / "a.yaml"
    file.write_text(POLICY.replace("          app: web\n", '          app: "we\\\n  b"\n'))
    found = analyze([str(file)])
    with pytest.raises(AnalyzerError, match="would change more than it should"):
        fix(found, lint(found, ["KR102"]).findings, contents([str(file)]))


def test_other_pods_are_a_difference() -> None:
    one, other = analysis(pod("a")), analysis(pod("b"))
    assert difference(one.cluster, other.cluster) == "more than policies is different"


def test_what_no_verdict_depends_on_is_no_difference() -> None:
    pods = [pod("a", labels="{app: a}"), pod("b", labels="{app: b}")]
    picks = [
        ingress(f"[{{from: [{{podSelector: {match(labels)}}}]}}]", match("{app: z}"), name=name)
        for name, labels in (("first", "{app: a}"), ("second", "{app: b}"))
    ]
    opening, http = ingress("[{}]", name="open"), ingress("[{ports: [{port: 80}]}]", name="http")
    before, after = analysis(*pods, *picks, opening, http), analysis(*pods, opening)
    assert difference(before.cluster, after.cluster) == ""
    assert difference(before.cluster, before.cluster) == ""
    assert difference(after.cluster, analysis(*pods).cluster) == ""


def test_a_difference_names_a_pod_and_a_peer() -> None:
    pods = [pod("a"), pod("b")]
    closed = analysis(*pods, ingress("[{from: [{podSelector: {}}]}]"))
    assert (
        difference(analysis(*pods).cluster, closed.cluster) == "ingress of `shop/a` with `addresses outside`"
    )
    assert (
        difference(closed.cluster, analysis(*pods, ingress("[]")).cluster)
        == "ingress of `shop/a` with `shop/a`"
    )


def test_a_diff_names_both_files_and_missing_line_ends() -> None:
    text = "".join(diff([Change(file="/a/b.yaml", before=b"x\ny", after=b"x\n")]))
    assert text == "--- a/a/b.yaml\n+++ b/a/b.yaml\n@@ -1,2 +1 @@\n x\n-y\n\\ No newline at end of file\n"


@pytest.mark.parametrize("gone", [{0}, {19}, {5, 12}, {5, 13}, {0, 1, 7, 19}, set(range(20)), {3, 4, 5, 17}])
def test_a_diff_is_that_of_the_standard_library(gone: set[int]) -> None:
    lines = [f"line {number}\n" for number in range(20)]
    left = [line for number, line in enumerate(lines) if number not in gone]
    change = Change(file="a", before="".join(lines).encode(), after="".join(left).encode())
    assert "".join(diff([change])) == "".join(unified_diff(lines, left, "a/a", "b/a"))


def test_files_are_written_with_the_permissions_that_they_had(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_bytes(b"old")
    file.chmod(0o640)
    write_all([Change(file=str(file), before=b"old", after=b"new")])
    assert (file.read_bytes(), file.stat().st_mode & 0o777) == (b"new", 0o640)


def test_a_link_keeps_leading_to_its_file(tmp_path: Path) -> None:
    file, link = tmp_path / "a", tmp_path / "link"
    file.write_bytes(b"old")
    link.symlink_to(file)
    write_all([Change(file=str(link), before=b"old", after=b"new")])
    assert link.is_symlink()
    assert file.read_bytes() == b"new"


def test_when_one_file_cannot_be_written_all_are_as_they_were(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_bytes(b"old")
    gone = str(tmp_path / "gone" / "b")
    changes = [Change(file=str(file), before=b"old", after=b"new"), Change(file=gone, before=b"", after=b"x")]
    with pytest.raises(AnalyzerError, match="cannot write"):
        write_all(changes)
    assert file.read_bytes() == b"old"
    assert [each.name for each in tmp_path.iterdir()] == ["a"]


def test_a_file_that_is_half_written_is_taken_away_again(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_bytes(b"old")
    with pytest.raises(TypeError):
        write_all([Change(file=str(file), before=b"old", after="no bytes")])  # type: ignore[arg-type]
    assert [each.name for each in tmp_path.iterdir()] == ["a"]


def test_only_regular_files_that_can_be_read_are_changed(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x")
    assert contents([str(tmp_path), str(tmp_path / "a"), str(tmp_path / "b")]) == {str(tmp_path / "a"): b"x"}
