"""The lab's commands on a cluster: attached, deployed into, probed from inside its pods, left as it was."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lab import records
from lab.providers.context.probing import sources
from tests.lab.context.cluster import Cluster
from tests.lab.labs import Ended, command

pytestmark = [pytest.mark.lab]


def invoke(task: str, *words: str, behind: tuple[str, ...] = ()) -> Ended:
    return command("invoke", task, "--name", "shop", *words, *(("--", *behind) if behind else ()))


@pytest.fixture(scope="module")
def walkthrough(cluster: Cluster) -> Iterator[Ended]:
    """Deploy the demo into a cluster."""
    yield invoke("up", "--provider", "context", "--yes", behind=("manifests",))
    invoke("down")


@pytest.fixture(scope="module")
def recording(walkthrough: Ended, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Probe it, and return the recording."""
    path = tmp_path_factory.mktemp("seen") / "seen.json"
    done = invoke("probe", "--format", "json", "--output", str(path))
    path.with_name("report.json").write_text(done.out)
    path.with_name("told").write_text(done.err)
    assert done.code == 0, done.err + done.out[-2000:]
    return path


def observations(recording: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(recording.with_name("report.json").read_text())["observations"]
    return found


def seen(recording: Path, protocol: str) -> dict[tuple[str, str, int], str]:
    return {
        (each["source"], each["destination"], each["port"]): each["observed"]
        for each in observations(recording)
        if each["protocol"] == protocol
    }


def test_up_attaches_and_deploys(walkthrough: Ended) -> None:
    assert walkthrough.code == 0, walkthrough.err
    assert walkthrough.err.startswith("lab `shop` is the cluster of context `prod`, cni calico: 3 pods")


def test_all_that_is_made_is_labelled(walkthrough: Ended, cluster: Cluster) -> None:
    for plural, group in (("namespaces", ""), ("pods", ""), ("networkpolicies", "networking.k8s.io")):
        assert cluster.objects(plural, group)
        for each in cluster.objects(plural, group).values():
            labels = each["metadata"]["labels"]
            assert labels["app.kubernetes.io/managed-by"] == "kubereach"
            assert labels["kubereach.dev/lab"] == "shop"


def test_the_three_connections_of_the_walkthrough(recording: Path) -> None:
    found = seen(recording, "TCP")
    assert found["test-a/test-pod-a", "test-b/test-pod-b", 80] == "dropped"
    assert found["test-c/test-pod-c", "test-b/test-pod-b", 80] == "open"
    assert found["test-c/test-pod-c", "test-b/test-pod-b", 9] == "dropped"
    assert found["test-a/test-pod-a", "test-c/test-pod-c", 80] == "open"
    assert found["test-a/test-pod-a", "test-c/test-pod-c", 9] == "refused"


def test_udp_is_decided_where_our_own_pods_answer(recording: Path) -> None:
    found = seen(recording, "UDP")
    assert found["test-a/test-pod-a", "test-c/test-pod-c", 9] == "open"
    assert found["test-a/test-pod-a", "test-b/test-pod-b", 9] == "dropped"


def test_sctp_is_decided_where_our_own_pods_answer(recording: Path) -> None:
    found = seen(recording, "SCTP")
    assert found["test-a/test-pod-a", "test-c/test-pod-c", 9] == "open"
    assert found["test-a/test-pod-a", "test-b/test-pod-b", 9] == "dropped"


def test_what_is_not_probed_is_counted_with_the_reason(recording: Path) -> None:
    report = json.loads(recording.with_name("report.json").read_text())
    assert {report["counts"][each] for each in ("undecidable", "differs", "failed")} == {0}
    assert report["notProbed"] == {"addresses outside the cluster, where nothing of the lab runs": 6}


def test_silence_counts_only_twice_in_a_row_and_every_attempt_is_kept(recording: Path) -> None:
    for each in observations(recording):
        if each["observed"] == "dropped":
            assert [one["outcome"] for one in each["attempts"]][-2:] == ["dropped", "dropped"]
        if each["observed"] == "open":
            assert each["attempts"][-1]["outcome"] == "open"


def test_it_is_told_how_pods_asked(recording: Path) -> None:
    told = [line for line in recording.with_name("told").read_text().splitlines() if line[:3] != "..."]
    assert told == ["3 pods asked by agnhost in an ephemeral container"]


def test_ephemeral_containers_have_what_the_restricted_profile_allows(
    recording: Path, cluster: Cluster
) -> None:
    for pod in cluster.objects("pods").values():
        (container,) = pod["spec"]["ephemeralContainers"]
        assert container["image"] == sources.IMAGE
        assert "@sha256:" in container["image"]
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
            "runAsNonRoot": True,
            "runAsUser": 65534,
            "seccompProfile": {"type": "RuntimeDefault"},
        }


def test_a_pod_is_told_all_of_its_targets_in_one_go(recording: Path, cluster: Cluster) -> None:
    asked = [each for each in cluster.requests if each.path.endswith("/test-pod-a/exec")]
    targets = [each for each in observations(recording) if each["source"] == "test-a/test-pod-a"]
    assert len(targets) > 10
    # One for its listeners; then one a round, of which there are at most five.
    assert len(asked) <= 6


def test_a_recording_is_resumed_without_asking_again(
    recording: Path, cluster: Cluster, tmp_path: Path
) -> None:
    data = json.loads(recording.read_text())
    kept = [row for row in data["observations"] if row[0][0] != "test-c/test-pod-c"]
    path = tmp_path / "part.json"
    path.write_text(json.dumps({**data, "observations": kept}))
    before = len(cluster.requests)
    done = invoke("probe", "--resume", str(path))
    assert done.code == 0, done.err
    asked = [each.path for each in cluster.requests[before:] if each.path.endswith("/exec")]
    assert len([path for path in asked if "test-pod-a" in path]) == 1, "its listeners are looked after"
    assert len([path for path in asked if "test-pod-c" in path]) > 1
    again = json.loads(path.read_text())["observations"]
    assert sorted(row[0] for row in again) == sorted(row[0] for row in data["observations"])


def test_a_recording_of_pods_that_were_elsewhere_is_not_resumed(recording: Path, tmp_path: Path) -> None:
    data = json.loads(recording.read_text())
    path = tmp_path / "other.json"
    for each in data["placement"]["pods"].values():
        each[1] = [f"10.9.9.{len(each[1][0])}"]
    path.write_text(json.dumps(data))
    refused(invoke("probe", "--resume", str(path)), "`test-a/test-pod-a` was elsewhere when it was recorded")


def test_verify_compares_with_the_running_cluster(walkthrough: Ended) -> None:
    done = command("lab.verify", "--lab", "shop", "--port", "80/TCP")
    assert done.code == 0, done.err
    assert done.err.startswith("verifying the running lab `shop`\n")
    assert done.out.endswith("verified\n")


def test_what_a_node_without_sctp_cannot_decide_is_counted_with_the_reason(
    walkthrough: Ended, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the node of test-pod-a the kernel refuses the sockets."""
    pods = cluster.objects("pods")
    node = pods["test-a", "test-pod-a"]["spec"]["nodeName"]
    monkeypatch.setattr(cluster.kubelet, "old", {node})
    done = invoke("probe", "--port", "10/SCTP", "--format", "json")
    assert done.code == 0, done.err + done.out[-2000:]
    here = {f"{space}/{name}" for (space, name), pod in pods.items() if pod["spec"]["nodeName"] == node}
    found = json.loads(done.out)["observations"]
    for each in found:
        if each["source"] in here:
            assert each["attempts"][-1]["reason"] == "no SCTP on this node"
            assert each["observed"] == "undecidable"
        else:
            assert each["observed"] in ("open", "refused", "dropped"), each
    count = sum(each["source"] in here for each in found)
    told = invoke("probe", "--port", "10/SCTP").out
    assert f"undecidable here: {count} (no SCTP on this node)" in told
    monkeypatch.undo()
    assert command("lab.verify", "--lab", "shop", "--port", "10/SCTP").out.endswith("verified\n")


def test_a_recording_is_verified_against_manifests_without_the_cluster(recording: Path) -> None:
    done = command("lab.verify", "--recording", str(recording))
    assert (done.code, done.out.splitlines()[-1]) == (0, "verified"), done.err
    other = command("lab.verify", "--recording", str(recording), "examples/deny-all")
    assert other.code != 0


def test_status_shows_real_addresses_and_nodes(walkthrough: Ended, cluster: Cluster) -> None:
    shown = invoke("status")
    assert shown.code == 0, shown.err
    rows = {words[1]: words for words in map(str.split, shown.out.splitlines()[1:])}
    pod = cluster.objects("pods")["test-b", "test-pod-b"]
    assert rows["test-pod-b"][2] == pod["status"]["podIP"]
    assert rows["test-pod-b"][3] == pod["spec"]["nodeName"]
    assert rows["test-pod-b"][-2:] == ["test-b/network-policy", "(ingress)"]


def test_a_trace_shows_what_was_seen_and_predicted(walkthrough: Ended) -> None:
    traced = invoke("trace", "test-pod-a", "test-pod-b", "80/TCP")
    assert traced.code == 0, traced.err
    assert traced.out.startswith("test-a/test-pod-a -> test-b/test-pod-b 80/TCP: dropped\n")
    assert "no policy decided" not in traced.out
    assert "predicted:\n  denied" in traced.out


def test_a_command_runs_in_a_pod(walkthrough: Ended) -> None:
    done = invoke("shell", "test-pod-a", "--command", "agnhost connect 127.0.0.1:1")
    # kubectl may say before that it discards the empty frame with which a kubelet's answer begins.
    assert done.code == 1
    assert "REFUSED" in done.err.splitlines()


def test_a_second_up_of_the_name_is_refused(walkthrough: Ended) -> None:
    refused(invoke("up", "--provider", "context"), "the lab `shop` is up already")
    refused(invoke("up"), "the lab `shop` is up already")


def test_a_deploy_removes_what_is_not_in_the_manifests_any_more(
    walkthrough: Ended, cluster: Cluster, tmp_path: Path
) -> None:
    pods = tmp_path / "pods.yaml"
    pods.write_text("\n---\n".join(path.read_text() for path in sorted(Path("manifests").glob("*.yaml"))))
    text = pods.read_text()
    policy = text.index("apiVersion: networking.k8s.io/v1")
    assert policy
    documents = [each for each in text.split("\n---\n") if "kind: NetworkPolicy" not in each]
    pods.write_text("\n---\n".join(documents))
    assert invoke("deploy", "--yes", behind=(str(pods),)).code == 0
    assert not cluster.objects("networkpolicies", "networking.k8s.io")
    done = invoke("trace", "test-pod-a", "test-pod-b", "80/TCP")
    assert done.out.startswith("test-a/test-pod-a -> test-b/test-pod-b 80/TCP: open\n")
    assert invoke("deploy", "--yes", behind=("manifests",)).code == 0
    assert cluster.objects("networkpolicies", "networking.k8s.io")


def test_a_deploy_takes_objects_over_as_they_are_written(
    cluster: Cluster, walkthrough: Ended, tmp_path: Path
) -> None:
    settings = tmp_path / "settings.yaml"
    settings.write_text(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings, namespace: test-a}\ndata: {key: value}\n"
    )
    assert invoke("deploy", "--yes", behind=("manifests", str(settings))).code == 0
    assert cluster.objects("configmaps")["test-a", "settings"]["data"] == {"key": "value"}
    assert invoke("deploy", "--yes", behind=("manifests",)).code == 0


def test_down_removes_all_that_was_made_and_may_be_called_twice(cluster: Cluster, walkthrough: Ended) -> None:
    first, second = invoke("down"), invoke("down")
    assert (first.code, first.err) == (0, "lab `shop` is down\n")
    assert (second.code, second.err) == (0, "no lab `shop` is running\n")
    assert not cluster.objects("pods")
    assert not cluster.objects("namespaces")
    assert not cluster.objects("networkpolicies", "networking.k8s.io")
    assert records.names() == []


def refused(ended: Ended, message: str) -> None:
    """Assert that a command ended with one clear error and exit code 2."""
    assert ended.code == 2, ended.err
    assert message in ended.err
    assert "Traceback" not in ended.err
    assert ended.err.count("error: ") == 1
