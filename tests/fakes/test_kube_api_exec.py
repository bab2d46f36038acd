"""Exec in containers of the stand-in API server's pods: by the real client's WebSocket and by the lab's."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from kubernetes.client import ApiException
from kubernetes.stream import stream

from lab.errors import LabError
from lab.providers.context import execution
from lab.providers.context.client import Client
from lab.providers.context.failures import ApiError
from tests.fakes.kube_api import KubeApi, Object, Reply
from tests.fakes.kube_api.kubelet import Kubelet

Send = Callable[..., tuple[int, Any]]
EXEC = "/api/v1/namespaces/shop/pods/web/exec"
V4, V5 = ("v4.channel.k8s.io",), ("v5.channel.k8s.io", "v4.channel.k8s.io")


def pod(name: str, *images: str) -> Object:
    containers = [{"name": f"c{number}", "image": image} for number, image in enumerate(images)]
    metadata = {"name": name, "namespace": "shop"}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": containers}}


@pytest.fixture
def shop(api: KubeApi, tmp_path: Path) -> KubeApi:
    api.kubelet = Kubelet(tmp_path)
    api.add(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}},
        pod("web", "busybox"),
        pod("two", "busybox", "distroless"),
    )
    api.happened()
    return api


@pytest.fixture
def client(shop: KubeApi, tmp_path: Path) -> Iterator[Client]:
    path = tmp_path / "kubeconfig"
    path.write_text(shop.kubeconfig())
    made = Client(str(path), "")
    yield made
    made.access.client.rest_client.pool_manager.clear()


def refused(call: Callable[[], object]) -> ApiError:
    with pytest.raises(ApiError) as caught:
        call()
    return caught.value


def test_the_real_client_runs_commands(shop: KubeApi, core: Any) -> None:
    run: Any = stream
    connect, where = core.connect_get_namespaced_pod_exec, ("web", "shop")
    options = {"stderr": True, "stdin": True, "stdout": True, "tty": False, "_preload_content": False}
    talk = run(connect, *where, command=["sh", "-c", "read a; echo got $a; exit 3"], **options)
    talk.write_stdin("hello\n")
    talk.run_forever(timeout=20)
    assert talk.read_stdout() == "got hello\n"
    assert talk.returncode == 3
    talk.sock.shutdown()


@pytest.mark.parametrize("protocols", [V4, V5])
def test_output_status_and_input_go_through_both_protocols(
    shop: KubeApi, client: Client, protocols: tuple[str, ...]
) -> None:
    shop.protocols = protocols
    command = ["sh", "-c", "read a; echo $a; echo oh >&2; exit 7"]
    ended = client.exec("shop", "web", "c0", command, stdin=b"hello\n", timeout=20)
    assert (ended.lines, ended.stderr, ended.status, ended.trouble) == (("hello",), "oh\n", 7, "")
    assert client.exec("shop", "web", "c0", ["sh", "-c", ":"], timeout=20).status == 0


def test_version_5_ends_the_input_and_version_4_cannot(shop: KubeApi, client: Client) -> None:
    ended = client.exec("shop", "web", "c0", ["cat"], stdin=b"a\nb\n", timeout=20)
    assert (ended.lines, ended.status) == (("a", "b"), 0)
    shop.protocols = V4
    ended = client.exec("shop", "web", "c0", ["cat"], stdin=b"a\nb\n", timeout=0.7)
    assert (ended.lines, ended.status, ended.trouble) == (("a", "b"), None, "no end in time")


@pytest.mark.parametrize("protocols", [V4, V5])
def test_a_program_that_is_not_there_is_told_whatever_stands_before_it(
    shop: KubeApi, client: Client, protocols: tuple[str, ...]
) -> None:
    shop.protocols = protocols
    ended = client.exec("shop", "two", "c1", ["sh", "-c", "true"], timeout=20)
    assert ended.status is None
    assert ended.trouble.endswith('exec: "sh": executable file not found in $PATH: unknown')


def test_what_the_server_wraps_around_an_error_is_taken_off() -> None:
    message = (
        "Internal error occurred: Internal error occurred: error executing command in container: failed to "
        f'exec in container: failed to start exec "{"f" * 64}": OCI runtime exec failed: exec failed: no'
    )
    data = b'{"status": "Failure", "reason": "InternalError", "message": %s}'
    from json import dumps

    assert execution.exit_status(data % dumps(message).encode()) == (
        None,
        "OCI runtime exec failed: exec failed: no",
    )


@pytest.mark.parametrize(
    ("trouble", "told"),
    [
        ("lost", "its exit status was lost"),
        ("dropped", "the connection broke"),
        ("container is not created or running", "container is not created or running"),
    ],
)
def test_a_command_whose_end_is_not_known_has_no_exit_status(
    shop: KubeApi, client: Client, trouble: str, told: str
) -> None:
    assert shop.kubelet
    shop.kubelet.trouble["shop/web"] = trouble
    ended = client.exec("shop", "web", "c0", ["sh", "-c", "true"], timeout=20)
    assert ended.status is None
    assert ended.trouble.startswith(told)


def test_the_container_is_checked_before_the_upgrade(shop: KubeApi, core: Any, client: Client) -> None:
    error = refused(lambda: client.exec("shop", "web", "nobody", ["sh"]))
    assert (error.status, error.words) == (400, "container nobody is not valid for pod web")
    run: Any = stream
    with pytest.raises(ApiException) as caught:
        run(core.connect_get_namespaced_pod_exec, "two", "shop", command=["sh"])
    assert "a container name must be specified for pod two, choose one of: [c0 c1]" in str(caught.value)
    error = refused(lambda: client.exec("shop", "gone", "c0", ["sh"]))
    assert (error.status, error.words) == (404, 'pods "gone" not found')


def test_a_pod_without_a_node_and_a_container_that_does_not_run_are_refused(
    shop: KubeApi, client: Client
) -> None:
    assert shop.kubelet
    shop.kubelet.pending.add("shop/late")
    shop.kubelet.unpullable.add("nowhere")
    shop.add(pod("late", "busybox"), pod("held", "nowhere"))
    shop.happened()
    assert refused(lambda: client.exec("shop", "late", "c0", ["sh"])).words == (
        "pod late does not have a host assigned"
    )
    error = refused(lambda: client.exec("shop", "held", "c0", ["sh"]))
    assert (error.status, error.words) == (500, 'container not found ("c0")')
    assert error.help == "it does not run, not yet or not any more: `kubectl describe pod` says why"


def test_a_command_that_a_signal_ended_has_the_status_that_shells_give_it(
    shop: KubeApi, client: Client
) -> None:
    ended = client.exec("shop", "web", "c0", ["sh", "-c", "kill -9 $$"], timeout=20)
    assert (ended.status, ended.trouble) == (137, "")


def test_protocols_that_the_server_does_not_know_are_refused_without_a_word(
    shop: KubeApi, client: Client
) -> None:
    shop.protocols = ("v6.channel.k8s.io",)
    error = refused(lambda: client.exec("shop", "web", "c0", ["sh"]))
    assert (error.status, error.words) == (403, "the connection is not upgraded")


def test_a_request_that_does_not_upgrade_is_refused(shop: KubeApi, raw: Send) -> None:
    code, told = raw("GET", f"{EXEC}?command=sh")
    assert (code, told["message"]) == (400, "Upgrade request required")


@pytest.mark.parametrize("verb", ["get", "create"])
def test_exec_takes_both_permissions(shop: KubeApi, client: Client, verb: str) -> None:
    shop.users = {"secret": "jane"}
    shop.denied.add(f"{verb} pods/exec")
    error = refused(lambda: client.exec("shop", "web", "c0", ["sh"]))
    assert (
        f'User "jane" cannot {verb} resource "pods/exec" in API group "" in the namespace "shop"'
        in error.words
    )
    assert f"`kubectl auth can-i {verb} pods --subresource=exec -n shop`" in str(error.help)
    assert '{apiGroups: [""], resources: [pods/exec], verbs: [get, create]}' in str(error.help)


def test_an_upgrade_that_a_busy_server_refuses_is_asked_for_again(
    shop: KubeApi, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(execution, "PAUSES", (0.0, 0.0))
    busy = Reply(
        status=429, body=b"Too many requests, please try again later.\n", headers={"Retry-After": "0"}
    )
    shop.next(EXEC, busy, busy)
    assert client.exec("shop", "web", "c0", ["sh", "-c", "exit 4"], timeout=20).status == 4
    shop.next(EXEC, *[busy] * 5)
    error = refused(lambda: client.exec("shop", "web", "c0", ["sh"], timeout=20))
    assert (error.status, error.words) == (429, "Too many requests, please try again later.")
    assert len([each for each in shop.requests if each.path == EXEC]) == 3 + 3


def test_a_busy_server_is_not_waited_for_longer_than_the_command_may_take(
    shop: KubeApi, client: Client
) -> None:
    shop.next(EXEC, Reply(status=429, body=b"later\n", headers={"Retry-After": "3600"}))
    assert refused(lambda: client.exec("shop", "web", "c0", ["sh"], timeout=1)).status == 429


def test_who_hangs_up_does_not_wait_for_a_busy_server(shop: KubeApi, client: Client) -> None:
    busy = Reply(status=429, body=b"later\n", headers={"Retry-After": "4"})
    shop.next(EXEC, *[busy] * 9)
    threading.Timer(0.2, client.hang_up).start()
    assert refused(lambda: client.exec("shop", "web", "c0", ["sh"], timeout=60)).status == 429
    assert len([each for each in shop.requests if each.path == EXEC]) == 1, "it is not asked again"


def test_what_does_not_upgrade_is_told_as_such(shop: KubeApi, client: Client) -> None:
    shop.next(EXEC, Reply(body={"kind": "Status"}))
    with pytest.raises(LabError) as caught:
        client.exec("shop", "web", "c0", ["sh"], timeout=5)
    assert "shop/web" in caught.value.message


def test_the_log_of_a_container_is_read(shop: KubeApi, client: Client) -> None:
    shop.logs["shop", "web", "c0"] = "one\ntwo\nthree\n"
    assert client.text("/api/v1/namespaces/shop/pods/web/log", tailLines=2) == "two\nthree\n"
    error = refused(lambda: client.text("/api/v1/namespaces/shop/pods/web/log", container="x"))
    assert error.status == 400
