"""Pods that others made: what may be done in them, with what they have, and what goes wrong there."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lab import steps
from lab.commands import Reading, carried_out, up as up_command
from lab.providers import Manner
from lab.providers.context import waiting
from tests.fakes.kube_api import Dropped, Request, status
from tests.fakes.kube_api.admission import NAMESPACES
from tests.lab.context.cluster import Cluster, Object
from tests.lab.context.shop import pod, policy, shop
from tests.lab.labs import ROOT, Ended, command

pytestmark = [pytest.mark.lab]

Attach = Callable[..., Ended]


def invoke(task: str, *words: str, behind: tuple[str, ...] = ()) -> Ended:
    return command("invoke", task, "--name", "theirs", *words, *(("--", *behind) if behind else ()))


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    """A shop: a web server with curl, a database with bash, a cache with nothing; a lab is attached."""
    with shop(tmp_path, pod("web", "nginx"), pod("db", "bash"), pod("cache", "distroless")) as made:
        yield made


@pytest.fixture
def attached(cluster: Cluster) -> Ended:
    done = invoke("up", "--provider", "context", "--context", "prod")
    assert done.code == 0, done.err
    return done


def probe(*words: str) -> tuple[Ended, list[dict[str, Any]]]:
    done = invoke("probe", "--format", "json", "--port", "80/TCP", *words)
    return done, json.loads(done.out)["observations"] if done.out else []


def outcomes(found: list[dict[str, Any]]) -> dict[tuple[str, str], str]:
    return {
        (each["source"].removeprefix("shop/"), each["destination"].removeprefix("shop/")): each["observed"]
        for each in found
    }


def changes(cluster: Cluster) -> list[str]:
    return [f"{each.method} {each.path}" for each in cluster.requests if each.method != "GET"]


def test_attaching_and_probing_change_nothing_of_theirs(cluster: Cluster, attached: Ended) -> None:
    done, found = probe()
    assert changes(cluster) == []
    assert done.code == 0, done.err
    seen = outcomes(found)
    assert seen["web", "db"] == "open"
    assert seen["web", "cache"] == "open"
    assert seen["db", "web"] == "open"
    assert seen["cache", "db"] == "undecidable"
    assert sorted(done.err.splitlines()) == [
        "1 pod asked by bash in its own container",
        "1 pod asked by curl in its own container",
        "1 pod could not ask",
    ]


def test_a_cluster_of_which_no_cni_is_known_is_told_what_it_is_taken_for(cluster: Cluster) -> None:
    cluster.objects("daemonsets", "apps")["kube-system", "calico-node"]["metadata"]["name"] = "weave-net"
    up = invoke("up", "--provider", "context", "--context", "prod")
    assert up.code == 0
    assert "notice: no DaemonSet of a CNI that is known here was found: it is taken for calico" in up.err
    assert invoke("down").code == 0
    up = invoke("up", "--provider", "context", "--context", "prod", "--cni", "kindnet")
    assert "no DaemonSet" not in up.err


def test_pods_that_are_being_deleted_are_left_out(cluster: Cluster) -> None:
    cluster.objects("pods")["shop", "cache"]["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    up = invoke("up", "--provider", "context", "--context", "prod")
    assert up.code == 0, up.err
    assert "notice: 1 pod that is being deleted is left out" in up.err
    done, found = probe()
    assert done.code == 0, done.err
    assert {name for pair in outcomes(found) for name in pair} == {"web", "db"}


def test_why_a_pod_cannot_ask_is_told_with_what_would_help(cluster: Cluster, attached: Ended) -> None:
    done = invoke("probe", "--port", "80/TCP")
    assert "no program in the pod's containers can connect" in done.out
    assert "`--yes` agrees to an ephemeral container" in done.out


def test_with_consent_every_pod_asks_from_an_ephemeral_container(cluster: Cluster, attached: Ended) -> None:
    done, found = probe("--yes", "--probe-image", "registry.example/agnhost:1")
    assert done.code == 0, done.err
    assert done.err == "3 pods asked by agnhost in an ephemeral container\n"
    assert outcomes(found)["cache", "db"] == "dropped"
    images = [each["spec"]["ephemeralContainers"][0]["image"] for each in cluster.objects("pods").values()]
    assert set(images) == {"registry.example/agnhost:1"}
    again, _ = probe("--yes")
    assert again.code == 0
    assert all(len(each["spec"]["ephemeralContainers"]) == 1 for each in cluster.objects("pods").values())


def test_down_ends_ephemeral_containers_and_says_what_it_had_to_leave(
    cluster: Cluster, attached: Ended
) -> None:
    probe("--yes")
    done = invoke("down")
    assert done.code == 0
    assert done.err.splitlines() == [
        "lab `theirs` is down",
        *(
            f"left: Pod shop/{name}: an ended ephemeral container, which cannot be removed from a pod"
            for name in ("cache", "db", "web")
        ),
    ]
    for each in cluster.objects("pods").values():
        assert "terminated" in each["status"]["ephemeralContainerStatuses"][0]["state"]
    assert len(cluster.objects("pods")) == 3


def test_down_leaves_the_containers_of_another_lab_alone(cluster: Cluster, attached: Ended) -> None:
    probe("--yes", "--source", "web")
    other = ("up", "--provider", "context", "--context", "prod", "--name", "others")
    assert command("invoke", *other).code == 0
    done = command("invoke", "probe", "--name", "others", "--source", "web", "--yes", "--port", "80/TCP")
    assert done.err == "1 pod asked by agnhost in an ephemeral container\n", "what runs is used"
    assert command("invoke", "down", "--name", "others").err == "lab `others` is down\n"
    (status,) = cluster.objects("pods")["shop", "web"]["status"]["ephemeralContainerStatuses"]
    assert "running" in status["state"]
    assert "left: Pod shop/web: an ended" in invoke("down").err


def test_a_container_that_cannot_be_ended_is_not_called_ended(cluster: Cluster, attached: Ended) -> None:
    probe("--yes", "--source", "web")
    cluster.denied.add("create pods/exec")
    told = invoke("down").err
    assert "left: Pod shop/web: an ephemeral container that could not be ended, and ends by itself" in told


def test_without_the_right_to_add_containers_pods_ask_with_what_they_have(
    cluster: Cluster, attached: Ended
) -> None:
    cluster.denied.add("pods/ephemeralcontainers")
    done, found = probe("--yes")
    assert done.code == 0, done.err
    assert outcomes(found)["web", "db"] == "open"
    assert "1 pod asked by curl in its own container" in done.err
    (lost,) = {each["attempts"][-1]["reason"] for each in found if each["source"] == "shop/cache"}
    assert "pods/ephemeralcontainers" in lost
    (told,) = (each for each in done.err.splitlines() if "asked by curl" in each)
    assert told.startswith("1 pod asked by curl in its own container; shop/web: the cluster answers `PATCH ")
    assert 'cannot patch resource "pods/ephemeralcontainers"' in told


def test_an_image_that_cannot_be_pulled_is_told(cluster: Cluster, attached: Ended) -> None:
    cluster.unpullable.add("agnhost")
    done, found = probe("--yes")
    assert done.code == 0, done.err
    why = "its ephemeral container cannot run: ImagePullBackOff"
    assert f"1 pod asked by bash in its own container; shop/db: {why}" in done.err
    (lost,) = {each["attempts"][-1]["reason"] for each in found if each["source"] == "shop/cache"}
    assert "ImagePullBackOff" in lost


def test_a_pod_whose_container_waits_for_its_image_gets_no_second_one(
    cluster: Cluster, attached: Ended
) -> None:
    cluster.unpullable.add("agnhost")
    for _ in range(2):
        probe("--yes")
    assert [len(each["spec"]["ephemeralContainers"]) for each in cluster.objects("pods").values()] == [
        1,
        1,
        1,
    ]
    probe("--yes", "--probe-image", "registry.example/agnhost:2")
    assert [len(each["spec"]["ephemeralContainers"]) for each in cluster.objects("pods").values()] == [
        2,
        2,
        2,
    ]


@pytest.mark.parametrize(
    ("trouble", "words"),
    [
        ("lost", ("its exit status was lost", "the connection broke")),
        ("dropped", ("the connection broke",)),
        ("container is being restarted", ("container is being restarted",)),
    ],
)
def test_a_probe_that_does_not_answer_is_an_error_and_never_a_denial(
    cluster: Cluster, attached: Ended, trouble: str, words: tuple[str, ...]
) -> None:
    cluster.trouble["shop/web"] = trouble
    done, found = probe("--source", "web")
    assert done.code == 1
    assert set(outcomes(found).values()) == {"error"}
    for each in found:
        assert any(each["attempts"][-1]["reason"].startswith(one) for one in words)


def test_a_connection_that_breaks_once_is_made_again(cluster: Cluster, attached: Ended) -> None:
    cluster.next("/api/v1/namespaces/shop/pods/web/exec", Dropped())
    done, found = probe("--source", "web")
    assert done.code == 0, done.err
    assert all(len(each["attempts"]) == 1 for each in found), "the transport was tried again, not a verdict"


def test_an_upgrade_that_is_refused_is_told_in_the_servers_words(cluster: Cluster, attached: Ended) -> None:
    path = "/api/v1/namespaces/shop/pods/web/exec"
    forbidden = status(
        403, "Forbidden", 'pods "web" is forbidden: User "jane" cannot create resource "pods/exec"'
    )
    cluster.next(path, *[forbidden] * 9)
    done, found = probe("--source", "web")
    assert done.code == 1
    assert 'cannot create resource "pods/exec"' in found[0]["attempts"][-1]["reason"]


def test_a_permission_without_which_no_pod_can_ask_is_told_once_with_its_rule(
    cluster: Cluster, attached: Ended
) -> None:
    cluster.denied.add("create pods/exec")
    done, _ = probe()
    assert done.code == 1
    (told,) = done.err.splitlines()
    assert told.startswith("3 pods could not ask; shop/")
    assert "resources: [pods/exec], verbs: [get, create]}" in told


def test_an_ephemeral_container_that_cannot_be_started_is_told(cluster: Cluster, attached: Ended) -> None:
    done, found = probe("--yes", "--source", "web", "--probe-image", "registry.example/distroless:1")
    assert set(outcomes(found).values()) == {"open"}
    why = "its ephemeral container cannot run: RunContainerError: kubereach-probe-0: "
    assert f"1 pod asked by curl in its own container; shop/web: {why}" in done.err
    assert 'exec: "sh": executable file not found in $PATH' in done.err


def test_a_deploy_needs_consent(cluster: Cluster, attached: Ended) -> None:
    refused(invoke("deploy", behind=("manifests",)), "would change the cluster of the context `prod`")
    assert changes(cluster) == []


def test_expectations_next_to_manifests_are_not_deployed(
    cluster: Cluster, attached: Ended, tmp_path: Path
) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text(
        json.dumps(pod("new", "nginx"))
        + "\n---\napiVersion: kubereach.dev/v1alpha1\nkind: Expectations\nexpectations: []\n"
        + "---\napiVersion: kind.x-k8s.io/v1alpha4\nkind: Cluster\n"
    )
    done = invoke("deploy", "--yes", behind=(str(mine),))
    assert done.code == 0, done.err
    assert ("shop", "new") in cluster.objects("pods")


def test_what_others_made_is_not_taken_over(cluster: Cluster, attached: Ended, tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text(json.dumps(pod("new", "nginx")) + "\n---\n" + json.dumps(pod("web", "nginx")))
    refused(invoke("deploy", "--yes", behind=(str(mine),)), "Pod shop/web is there already, and not this")
    assert changes(cluster) == []


def test_ours_and_theirs_live_side_by_side_until_down(
    cluster: Cluster, attached: Ended, tmp_path: Path
) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text(json.dumps(pod("new", "agnhost")))
    assert invoke("deploy", "--yes", behind=(str(mine),)).code == 0
    assert ("shop", "new") in cluster.objects("pods")
    assert invoke("down").code == 0
    assert sorted(cluster.objects("pods")) == [("shop", "cache"), ("shop", "db"), ("shop", "web")]


def test_a_namespace_of_ours_in_which_others_live_by_now_is_left(
    cluster: Cluster, attached: Ended, tmp_path: Path
) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text(json.dumps(pod("ours", "nginx", "fresh")))
    assert invoke("deploy", "--yes", behind=(str(mine),)).code == 0
    cluster.have(pod("theirs", "nginx", "fresh"))
    done = invoke("down")
    assert "left: Namespace fresh: it is not this lab's alone any more" in done.err
    assert [key for key in cluster.objects("pods") if key[0] == "fresh"] == [("fresh", "theirs")]


def test_a_lab_whose_context_is_gone_can_be_forgotten(
    cluster: Cluster, attached: Ended, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", "/dev/null/absent")
    refused(invoke("status"), "there is no kubeconfig")
    done = invoke("down")
    assert (done.code, done.err.splitlines()[0]) == (0, "lab `theirs` is down")
    assert "nothing was looked for there" in done.err


def test_an_up_that_fails_leaves_nothing_and_no_lab(cluster: Cluster, tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text(json.dumps(pod("new", "nginx")) + "\n---\n" + json.dumps(pod("web", "nginx")))
    up = ("up", "--provider", "context", "--yes")
    refused(invoke(*up, behind=(str(mine),)), "is there already, and not this lab's")
    assert ("shop", "new") not in cluster.objects("pods")
    refused(invoke("status"), "no lab `theirs` is running")


def test_a_namespace_that_is_terminating_takes_nothing_and_nothing_is_left(
    cluster: Cluster, attached: Ended, tmp_path: Path
) -> None:
    cluster.objects("namespaces")["", "shop"]["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    mine = tmp_path / "mine.yaml"
    mine.write_text(json.dumps(pod("a", "nginx", "fresh")) + "\n---\n" + json.dumps(pod("new", "nginx")))
    refused(invoke("deploy", "--yes", behind=(str(mine),)), "Namespace shop is being deleted")
    assert not [key for key in cluster.objects("pods") if key[1] in ("a", "new")]
    assert ("", "fresh") not in cluster.objects("namespaces")
    mine.write_text(json.dumps(pod("web", "nginx")))
    before = len(changes(cluster))
    refused(invoke("deploy", "--yes", behind=(str(mine),)), "Namespace shop is being deleted")
    assert len(changes(cluster)) == before, "what is there still is not touched either"


def test_pods_of_cron_jobs_bear_the_labels_of_the_lab(
    cluster: Cluster, attached: Ended, tmp_path: Path
) -> None:
    container = {"name": "main", "image": "nginx"}
    template = {"spec": {"restartPolicy": "Never", "containers": [container]}}
    cron: Object = {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": "c", "namespace": "shop"},
    }
    cron["spec"] = {"schedule": "0 4 * * *", "jobTemplate": {"spec": {"template": template}}}
    mine = tmp_path / "mine.yaml"
    mine.write_text(json.dumps(cron))
    assert invoke("deploy", "--yes", behind=(str(mine),)).code == 0
    made = cluster.objects("cronjobs", "batch")["shop", "c"]["spec"]["jobTemplate"]["spec"]["template"]
    assert made["metadata"]["labels"]["kubereach.dev/lab"] == "theirs"


def test_what_is_ours_and_still_being_deleted_is_waited_for(
    cluster: Cluster, attached: Ended, tmp_path: Path
) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text(json.dumps(pod("new", "nginx", "fresh")))
    assert invoke("deploy", "--yes", behind=(str(mine),)).code == 0
    namespace = cluster.objects("namespaces")["", "fresh"]
    namespace["metadata"]["finalizers"] = ["example.com/hold"]
    before = namespace["metadata"]["uid"]
    assert invoke("down").code == 0
    assert cluster.objects("namespaces")["", "fresh"]["metadata"]["deletionTimestamp"]
    let_go = threading.Timer(2, lambda: cluster.store.remove(NAMESPACES, "", "fresh"))
    let_go.start()
    try:
        done = invoke("up", "--provider", "context", "--yes", behind=(str(mine),))
    finally:
        let_go.join()
    assert done.code == 0, done.err
    assert cluster.objects("namespaces")["", "fresh"]["metadata"]["uid"] != before
    assert ("fresh", "new") in cluster.objects("pods")


def test_a_new_namespace_has_no_account_for_pods_at_first(
    cluster: Cluster, attached: Ended, tmp_path: Path
) -> None:
    cluster.controllers.accounts["fresh"] = 2
    mine = tmp_path / "mine.yaml"
    mine.write_text(json.dumps(pod("new", "nginx", "fresh")))
    done = invoke("deploy", "--yes", behind=(str(mine),))
    assert done.code == 0, done.err
    assert ("fresh", "new") in cluster.objects("pods")


def test_a_permission_that_is_missing_is_named_and_nothing_is_left(
    cluster: Cluster, attached: Ended, tmp_path: Path
) -> None:
    cluster.denied.add("networkpolicies.networking.k8s.io")
    mine = tmp_path / "mine.yaml"
    mine.write_text(json.dumps(pod("new", "nginx")) + "\n---\n" + json.dumps(policy()))
    refused(invoke("deploy", "--yes", behind=(str(mine),)), "networkpolicies")
    assert ("shop", "new") not in cluster.objects("pods")


def test_what_somebody_else_changed_is_not_overwritten_and_told_with_who_did(
    cluster: Cluster, attached: Ended, tmp_path: Path
) -> None:
    mine = tmp_path / "mine.yaml"
    settings: dict[str, Any] = {"apiVersion": "v1", "kind": "ConfigMap", "data": {"speed": "1"}}
    settings["metadata"] = {"name": "settings", "namespace": "shop"}
    mine.write_text(json.dumps(pod("new", "nginx")) + "\n---\n" + json.dumps(settings))
    assert invoke("deploy", "--yes", behind=(str(mine),)).code == 0
    edit = Request(
        method="PATCH",
        path="/api/v1/namespaces/shop/configmaps/settings",
        query={"fieldManager": "kubectl-edit"},
        headers={"content-type": "application/merge-patch+json", "authorization": "Bearer secret"},
        body=json.dumps({"data": {"speed": "2"}}).encode(),
    )
    assert cluster.answer(edit).status == 200
    mine.write_text(mine.read_text().replace('"speed": "1"', '"speed": "3"'))
    done = invoke("deploy", "--yes", behind=(str(mine),))
    refused(done, '"kubectl-edit" manages `.data.speed`')
    assert "take these fields out of the manifests" in done.err
    assert cluster.objects("configmaps")["shop", "settings"]["data"] == {"speed": "2"}
    assert ("shop", "new") in cluster.objects("pods"), "what was there before stays"


def test_pods_that_stay_pending_are_told_with_the_schedulers_words(
    cluster: Cluster,
    attached: Ended,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    cluster.pending.add("shop/new")
    monkeypatch.setattr(waiting, "PATIENCE", 1.0)
    monkeypatch.setattr(steps, "_HEARTBEAT", 0.0)  # the first look is told, however long it took
    mine = tmp_path / "mine.yaml"
    mine.write_text(json.dumps(pod("new", "nginx")))
    reading = Reading(paths=(str(mine),))
    manner = Manner(agreed=True)
    code = carried_out(lambda console: up_command.deploy(console, reading, name="theirs", manner=manner))
    told = capsys.readouterr().err
    assert code == 2
    assert "pods are not ready after 1 second: waiting for shop/new" in told
    assert "0/2 nodes are available" in told
    assert re.match(
        r"\.\.\. \d+\.\d s: waiting for shop/new: Unschedulable: .*; at most 1 s\)$", told, re.MULTILINE
    )
    assert invoke("down").code == 0
    assert ("shop", "new") not in cluster.objects("pods")


def test_where_a_cni_refuses_what_it_denies_a_refusal_decides_nothing(cluster: Cluster) -> None:
    invoke("up", "--provider", "context", "--cni", "kube-router")
    done = invoke("probe", "--format", "json", "--port", "81/TCP", "--source", "web")
    found = json.loads(done.out)["observations"]
    assert {each["observed"] for each in found} == {"undecidable"}
    assert done.code == 1, "nothing at all was decided"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--context", "staging"), "the context `staging` is not in the kubeconfig"),
        (("--kubeconfig", "absent"), "there is no kubeconfig"),
        (("--kubeconfig", "README.md"), "kubeconfig"),
    ],
)
def test_a_context_that_cannot_be_used_is_one_clear_line(
    cluster: Cluster, words: tuple[str, ...], message: str
) -> None:
    refused(invoke("up", "--provider", "context", *words), message)
    refused(invoke("status"), "no lab `theirs` is running")


def test_a_cluster_that_is_gone_is_one_clear_line(cluster: Cluster, tmp_path: Path) -> None:
    path = tmp_path / "gone"
    path.write_text((tmp_path / "kubeconfig").read_text().replace(cluster.url, "http://127.0.0.1:1"))
    refused(
        invoke("up", "--provider", "context", "--kubeconfig", str(path)),
        "cannot reach the cluster of context",
    )


def test_ctrl_c_ends_a_probe_at_once(cluster: Cluster, attached: Ended) -> None:
    cluster.have(pod("denied", "bash"))  # which waits for half a minute
    before = len(cluster.requests)
    words = [
        sys.executable,
        "-m",
        "invoke",
        "probe",
        "--name",
        "theirs",
        "--source",
        "denied",
        "--timeout",
        "30",
    ]
    with subprocess.Popen(words, cwd=ROOT, stderr=subprocess.PIPE, stdout=subprocess.PIPE) as running:
        ends = time.monotonic() + 30
        while not any(each.path.endswith("/denied/exec") for each in cluster.requests[before:]):
            assert time.monotonic() < ends, "the probe starts"
            time.sleep(0.05)
        time.sleep(0.5)
        running.send_signal(signal.SIGINT)
        began = time.monotonic()
        _, err = running.communicate(timeout=30)
    assert running.returncode == 130
    assert b"Traceback" not in err
    assert time.monotonic() - began < 5


def refused(ended: Ended, message: str) -> None:
    """Assert that a command ended with one clear error and exit code 2."""
    assert ended.code == 2, ended.err
    assert message in ended.err
    assert "Traceback" not in ended.err
    assert ended.err.count("error: ") == 1
