"""The fields of the API's objects, for telling a misspelt or misplaced field from a real one.

Comes in: nothing. Goes out: the names of the fields at each level. Source: the OpenAPI documents of
Kubernetes, up to 1.37, with fields that older versions had.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def _fields(names: str) -> frozenset[str]:
    return frozenset(names.split())


OBJECT = _fields("apiVersion kind metadata spec status")
METADATA = _fields(
    "name generateName namespace labels annotations ownerReferences finalizers managedFields uid"
    " resourceVersion generation creationTimestamp deletionTimestamp deletionGracePeriodSeconds selfLink"
    " clusterName"
)
OWNER_REFERENCE = _fields("apiVersion kind name uid controller blockOwnerDeletion")
LABEL_SELECTOR = _fields("matchLabels matchExpressions")
REQUIREMENT = _fields("key operator values")

NETWORK_POLICY_SPEC = _fields("podSelector policyTypes ingress egress")
INGRESS_RULE = _fields("from ports")
EGRESS_RULE = _fields("to ports")
PEER = _fields("podSelector namespaceSelector ipBlock")
IP_BLOCK = _fields("cidr except")
POLICY_PORT = _fields("protocol port endPort")

POD_SPEC = _fields(
    "activeDeadlineSeconds affinity automountServiceAccountToken containers dnsConfig dnsPolicy"
    " enableServiceLinks ephemeralContainers hostAliases hostIPC hostNetwork hostPID hostUsers hostname"
    " hostnameOverride imagePullSecrets initContainers nodeName nodeSelector os overhead preemptionPolicy"
    " priority priorityClassName readinessGates resourceClaims resources restartPolicy runtimeClassName"
    " schedulerName schedulingGates schedulingGroup securityContext serviceAccount serviceAccountName"
    " setHostnameAsFQDN shareProcessNamespace subdomain terminationGracePeriodSeconds tolerations"
    " topologySpreadConstraints volumes workloadRef"
)
CONTAINER = _fields(
    "args command env envFrom image imagePullPolicy lifecycle livenessProbe name ports readinessProbe"
    " resizePolicy resources restartPolicy restartPolicyRules securityContext startupProbe stdin stdinOnce"
    " terminationMessagePath terminationMessagePolicy tty volumeDevices volumeMounts workingDir"
)
CONTAINER_PORT = _fields("name containerPort hostPort hostIP protocol")
POD_TEMPLATE = _fields("metadata spec")

SERVICE_SPEC = _fields(
    "allocateLoadBalancerNodePorts clusterIP clusterIPs externalIPs externalName externalTrafficPolicy"
    " healthCheckNodePort internalTrafficPolicy ipFamilies ipFamilyPolicy ipFamily loadBalancerClass"
    " loadBalancerIP loadBalancerSourceRanges ports publishNotReadyAddresses selector sessionAffinity"
    " sessionAffinityConfig topologyKeys trafficDistribution type"
)
SERVICE_PORT = _fields("name port targetPort nodePort protocol appProtocol")

INGRESS_SPEC = _fields("defaultBackend ingressClassName rules tls")
INGRESS_HOST_RULE = _fields("host http")
INGRESS_PATH = _fields("backend path pathType")
INGRESS_BACKEND = _fields("resource service")
INGRESS_SERVICE = _fields("name port")
INGRESS_SERVICE_PORT = _fields("name number")

GATEWAY_SPEC = _fields(
    "addresses allowedListeners backendTLS defaultScope gatewayClassName infrastructure listeners tls"
)
LISTENER = _fields("allowedRoutes hostname name port protocol tls")
ROUTE_SPEC = _fields("hostnames parentRefs rules useDefaultGateways")
BACKEND_REFERENCE = _fields("filters group kind name namespace port weight")

_REPLICATED = "selector template minReadySeconds revisionHistoryLimit"
WORKLOAD_SPECS: Mapping[str, frozenset[str]] = {
    "Deployment": _fields(f"{_REPLICATED} replicas strategy paused progressDeadlineSeconds rollbackTo"),
    "StatefulSet": _fields(
        f"{_REPLICATED} replicas serviceName podManagementPolicy updateStrategy volumeClaimTemplates"
        " persistentVolumeClaimRetentionPolicy ordinals"
    ),
    "ReplicaSet": _fields(f"{_REPLICATED} replicas"),
    "DaemonSet": _fields(f"{_REPLICATED} updateStrategy templateGeneration"),
    "ReplicationController": _fields(f"{_REPLICATED} replicas"),
    "Job": _fields(
        "activeDeadlineSeconds backoffLimit backoffLimitPerIndex completionMode completions managedBy"
        " manualSelector maxFailedIndexes parallelism podFailurePolicy podReplacementPolicy scheduling"
        " selector successPolicy suspend template ttlSecondsAfterFinished"
    ),
    "CronJob": _fields(
        "concurrencyPolicy failedJobsHistoryLimit jobTemplate schedule startingDeadlineSeconds"
        " successfulJobsHistoryLimit suspend timeZone"
    ),
}
