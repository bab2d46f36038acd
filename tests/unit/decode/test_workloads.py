"""Workloads: templates, replicas, selectors, and who represents whom."""

from __future__ import annotations

import pytest

from analyzer.model import ContainerPort, Pod, Workload
from analyzer.sets import Protocol
from tests.unit.decode.reading import errors, pods, read, refused, remarks

APIS = {"Job": "batch/v1", "CronJob": "batch/v1", "ReplicationController": "v1"}


def workload(
    kind: str,
    spec: str = "",
    name: str = "web",
    *,
    labels: str = "{app: web}",
    more: str = "",
    status: str = "",
) -> str:
    """A workload of any kind; `more` stands in its metadata."""
    containers = "containers: [{ports: [{containerPort: 80}]}]"
    template = f"template: {{metadata: {{labels: {labels}}}, spec: {{{containers}}}}}"
    selector = "" if kind in APIS else ", selector: {matchLabels: {app: web}}"
    body = f"{template}{selector}{spec}"
    if kind == "CronJob":
        body = f"jobTemplate: {{spec: {{{body}}}}}"
    metadata = f"{{name: {name}, namespace: shop{more}}}"
    text = f"apiVersion: {APIS.get(kind, 'apps/v1')}\nkind: {kind}\nmetadata: {metadata}\nspec: {{{body}}}\n"
    return text + (f"status: {status}\n" if status else "")


def owned(kind: str, name: str, api: str = "") -> str:
    """An owner reference, for the metadata of the owned object."""
    version = api or APIS.get(kind, "apps/v1")
    reference = f"apiVersion: {version}, kind: {kind}, name: {name}, uid: u, controller: true"
    return f", ownerReferences: [{{{reference}}}]"


def pod(
    name: str, more: str = "", labels: str = "{app: web}", status: str = "{phase: Running, podIP: 10.0.0.1}"
) -> str:
    metadata = f"{{name: {name}, namespace: shop, labels: {labels}{more}}}"
    return f"apiVersion: v1\nkind: Pod\nmetadata: {metadata}\nstatus: {status}\n"


def together(*texts: str) -> str:
    return "---\n".join(texts)


def whose(*texts: str) -> list[tuple[str, str]]:
    """Each pod with its workload."""
    return [(each.name, f"{each.workload.kind}/{each.workload.name}") for each in pods(together(*texts))]


@pytest.mark.parametrize(
    ("kind", "spec", "replicas"),
    [
        ("Deployment", "", 1),
        ("Deployment", ", replicas: 3", 3),
        ("Deployment", ", replicas: null", 1),
        ("StatefulSet", ", replicas: 2", 2),
        ("ReplicaSet", ", replicas: 2", 2),
        ("ReplicationController", ", replicas: 2", 2),
        ("DaemonSet", "", 1),
        ("Job", ", parallelism: 4", 4),
        ("Job", "", 1),
        ("CronJob", "", 1),
        ("CronJob", ", parallelism: 4", 1),
    ],
)
def test_a_workload_without_pods_is_represented_by_its_template(kind: str, spec: str, replicas: int) -> None:
    (found,) = pods(workload(kind, spec))
    assert found == Pod(
        name="web",
        workload=Workload(kind=kind, namespace="shop", name="web"),
        labels={"app": "web"},
        ports=(ContainerPort(name="", protocol=Protocol.TCP, number=80),),
        addresses=(),
        host_network=False,
        node="",
        replicas=replicas,
        span=found.span,
    )


@pytest.mark.parametrize(
    "text", [workload("Deployment", ", replicas: 0"), workload("Job", ", parallelism: 0")]
)
def test_a_workload_of_no_replicas_is_no_endpoint(text: str) -> None:
    assert pods(text) == []
    assert remarks(text) == ["1 workload without replicas, or done, is no endpoint"]


def test_a_workload_whose_pods_are_in_the_input_is_represented_by_them() -> None:
    hashed = "{app: web, pod-template-hash: abc}"
    found = pods(
        together(
            workload("Deployment", ", replicas: 3"),
            workload(
                "ReplicaSet", ", replicas: 3", "web-abc", labels=hashed, more=owned("Deployment", "web")
            ),
            workload("ReplicaSet", ", replicas: 0", "web-old", more=owned("Deployment", "web")),
            pod("web-abc-1", owned("ReplicaSet", "web-abc"), hashed),
            pod("web-abc-2", owned("ReplicaSet", "web-abc"), hashed, "{phase: Running, podIP: 10.0.0.2}"),
        )
    )
    assert [(each.name, str(each.workload), each.addresses, each.replicas) for each in found] == [
        ("web-abc-1", "shop/Deployment/web", ("10.0.0.1",), 1),
        ("web-abc-2", "shop/Deployment/web", ("10.0.0.2",), 1),
    ]
    assert found[0].labels == {"app": "web", "pod-template-hash": "abc"}


def test_without_pods_only_the_outermost_controller_is_an_endpoint() -> None:
    rs = workload("ReplicaSet", ", replicas: 3", "web-abc", more=owned("Deployment", "web"))
    assert whose(workload("Deployment"), rs) == [("web", "Deployment/web")]


def test_a_replica_set_without_its_deployment_is_named_after_it() -> None:
    current = workload("ReplicaSet", ", replicas: 2", "web-abc", more=owned("Deployment", "web"))
    old = workload("ReplicaSet", ", replicas: 0", "web-old", more=owned("Deployment", "web"))
    assert whose(current, old) == [("web-abc", "Deployment/web")]


@pytest.mark.parametrize(
    ("labels", "owner", "workload_"),
    [
        ("{pod-template-hash: abc}", "web-abc", "Deployment/web"),
        ("{pod-template-hash: abc}", "web-xyz", "ReplicaSet/web-xyz"),
        ("{}", "web-abc", "ReplicaSet/web-abc"),
    ],
)
def test_a_pod_of_an_absent_replica_set_belongs_to_the_deployment_where_the_hash_tells(
    labels: str, owner: str, workload_: str
) -> None:
    assert whose(pod("p", owned("ReplicaSet", owner), labels)) == [("p", workload_)]


def test_an_absent_owner_is_named_as_the_reference_names_it() -> None:
    assert whose(pod("p", owned("StatefulSet", "db"))) == [("p", "StatefulSet/db")]


def test_an_owner_of_another_group_is_not_the_workload_of_the_same_name() -> None:
    text = (pod("p", owned("StatefulSet", "web", "apps.kruise.io/v1")), workload("StatefulSet"))
    assert whose(*text) == [("p", "StatefulSet/web"), ("web", "StatefulSet/web")]


def test_a_static_pod_does_not_belong_to_its_node() -> None:
    assert whose(pod("etcd-n1", owned("Node", "n1", "v1"))) == [("etcd-n1", "Pod/etcd-n1")]


def test_an_owner_that_does_not_control_is_no_workload() -> None:
    reference = ", ownerReferences: [{apiVersion: v1, kind: ConfigMap, name: c, uid: u}]"
    assert whose(pod("p", reference)) == [("p", "Pod/p")]


def test_owners_that_own_each_other_do_not_hang() -> None:
    found = whose(
        workload("ReplicaSet", "", "a", more=owned("ReplicaSet", "b")),
        workload("ReplicaSet", "", "b", more=owned("ReplicaSet", "a")),
        pod("p", owned("ReplicaSet", "a")),
    )
    assert found == [("p", "ReplicaSet/a")]


def test_a_job_whose_pods_have_all_finished_is_no_endpoint() -> None:
    done = pod("job-1", owned("Job", "web"), status="{phase: Succeeded}")
    assert whose(workload("Job"), done) == []


@pytest.mark.parametrize("condition", ["Complete", "Failed"])
def test_a_job_that_says_that_it_is_done_is_no_endpoint(condition: str) -> None:
    assert whose(workload("Job", status=f"{{conditions: [{{type: {condition}, status: 'True'}}]}}")) == []


@pytest.mark.parametrize(
    "conditions", ["[{type: Complete, status: 'False'}]", "[{type: Suspended, status: 'True'}]", "[]"]
)
def test_a_job_that_is_not_done_is_an_endpoint(conditions: str) -> None:
    assert whose(workload("Job", status=f"{{conditions: {conditions}}}")) == [("web", "Job/web")]


def test_a_cron_job_whose_past_pods_have_finished_is_represented_by_its_template() -> None:
    found = whose(
        workload("CronJob", name="nightly"),
        workload("Job", name="nightly-1", more=owned("CronJob", "nightly")),
        pod("nightly-1-x", owned("Job", "nightly-1"), status="{phase: Succeeded}"),
    )
    assert found == [("nightly", "CronJob/nightly")]


def test_a_cron_job_that_runs_is_represented_by_its_pods() -> None:
    found = whose(
        workload("CronJob", name="nightly"),
        workload("Job", name="nightly-1", more=owned("CronJob", "nightly")),
        pod("nightly-1-x", owned("Job", "nightly-1")),
    )
    assert found == [("nightly-1-x", "CronJob/nightly")]


def test_a_host_network_template_takes_the_addresses_of_a_node_that_it_names() -> None:
    text = workload("DaemonSet").replace(
        "spec: {containers", "spec: {hostNetwork: true, nodeName: n1, containers"
    )
    addresses = "addresses: [{type: InternalIP, address: 1.2.3.4}]"
    node = f"{{apiVersion: v1, kind: Node, metadata: {{name: n1}}, status: {{{addresses}}}}}"
    (found,) = pods(together(text, node))
    assert (found.host_network, found.addresses) == (True, ("1.2.3.4",))


def spec(body: str, kind: str = "Deployment", api: str = "apps/v1") -> str:
    """A workload whose spec starts at line 4."""
    return f"apiVersion: {api}\nkind: {kind}\nmetadata: {{name: web}}\nspec: {body}\n"


MISMATCH = "`selector` does not match template `labels`"
TEMPLATE = "template: {metadata: {labels: {app: web}}}"
SELECTOR = "selector: {matchLabels: {app: web}}"


@pytest.mark.parametrize(
    ("text", "complaints"),
    [
        (spec(f"{{{TEMPLATE}}}"), ["4:1 spec.selector: Required value"]),
        (
            spec(f"{{{SELECTOR}}}"),
            [
                "4:1 spec.template: Required value",
                "4:1 spec.template.metadata.labels: Invalid value: {}: " + MISMATCH,
            ],
        ),
        (
            spec(f"{{{TEMPLATE}, selector: {{}}}}"),
            ["4:52 spec.selector: Invalid value: {}: empty selector is invalid for deployment"],
        ),
        (
            spec(f"{{{TEMPLATE}, selector: {{}}}}", "StatefulSet"),
            ["4:52 spec.selector: Invalid value: {}: empty selector is invalid for statefulset"],
        ),
        (
            spec(f"{{{SELECTOR}, template: {{metadata: {{labels: {{app: other}}}}}}}}"),
            ['4:67 spec.template.metadata.labels: Invalid value: {"app":"other"}: ' + MISMATCH],
        ),
        (
            spec(f"{{selector: {{app: other}}, {TEMPLATE}}}", "ReplicationController", "v1"),
            ['4:54 spec.template.metadata.labels: Invalid value: {"app":"web"}: ' + MISMATCH],
        ),
        (
            spec(f"{{{TEMPLATE}, {SELECTOR}, replicas: -1}}"),
            ["4:89 spec.replicas: Invalid value: -1: must be greater than or equal to 0"],
        ),
        (
            spec(f"{{{TEMPLATE}, {SELECTOR}, replicas: '1'}}"),
            ["4:89 spec.replicas: Invalid type: expected integer, got string"],
        ),
        (
            spec(f"{{{TEMPLATE}, selector: app}}"),
            ["4:52 spec.selector: Invalid type: expected object, got string"],
        ),
        (
            spec("{jobTemplate: {}}", "CronJob", "batch/v1"),
            ["4:8 spec.jobTemplate.spec.template: Required value"],
        ),
        (
            spec("{}", "CronJob", "batch/v1"),
            [
                "4:1 spec.jobTemplate: Required value",
                "4:1 spec.jobTemplate.spec.template: Required value",
            ],
        ),
        (
            spec("{jobTemplate: 1}", "CronJob", "batch/v1"),
            [
                "4:8 spec.jobTemplate: Invalid type: expected object, got integer",
                "4:8 spec.jobTemplate.spec.template: Required value",
            ],
        ),
        (
            spec("{template: []}", "Job", "batch/v1"),
            ["4:8 spec.template: Invalid type: expected object, got array"],
        ),
        (
            spec("{template: {labels: {a: b}}}", "Job", "batch/v1"),
            ["4:19 spec.template.labels: unknown field `labels`"],
        ),
        (
            spec("{template: {metadata: {label: {a: b}}}}", "Job", "batch/v1"),
            ["4:30 spec.template.metadata.label: unknown field `label`"],
        ),
    ],
)
def test_what_of_a_workload_is_wrong(text: str, complaints: list[str]) -> None:
    assert errors(text) == complaints


def test_a_job_needs_no_selector_and_one_is_not_compared() -> None:
    text = spec("{selector: {matchLabels: {controller-uid: u}}, template: {}}", "Job", "batch/v1")
    assert len(pods(text)) == 1


def test_a_replication_controller_selects_its_template_by_default() -> None:
    assert len(pods(spec(f"{{{TEMPLATE}}}", "ReplicationController", "v1"))) == 1
    assert len(pods(spec(f"{{{TEMPLATE}, selector: {{}}}}", "ReplicationController", "v1"))) == 1


def test_an_unknown_field_of_a_workload_is_a_warning() -> None:
    assert remarks(spec(f"{{{TEMPLATE}, {SELECTOR}, replica: 3}}")) == [
        "4:89 spec.replica: unknown field `replica` is ignored"
    ]


def test_template_labels_are_validated() -> None:
    text = spec(f"{{{SELECTOR}, template: {{metadata: {{labels: {{app: web, v: 1.10}}}}}}}}")
    (found,) = errors(text)
    assert found.endswith("spec.template.metadata.labels.v: Invalid type: expected string, got number")


def test_a_selector_with_control_characters_is_shown_without_them() -> None:
    selector = f'selector: {{"\\x1b[31m": null, "{"k" * 900}": null}}'
    text = spec(f"{{{TEMPLATE}, {selector}}}", "ReplicationController", "v1")
    found = [each.render() for each in refused(text)]
    assert any("the selector asks for" in each for each in found)
    assert all(line.isprintable() and len(line) < 2000 for each in found for line in each.split("\n"))


def test_a_replication_controller_may_select_an_empty_value() -> None:
    template = "template: {metadata: {labels: {app: ''}}, spec: {containers: [{name: c}]}}"
    (found,) = pods(spec(f"{{{template}, selector: {{app: ''}}}}", "ReplicationController", "v1"))
    assert found.labels == {"app": ""}


def test_a_namespace_is_shared_by_all_that_name_none() -> None:
    assert list(read(spec(f"{{{TEMPLATE}, {SELECTOR}}}"), namespace="mine").cluster.namespaces) == ["mine"]
