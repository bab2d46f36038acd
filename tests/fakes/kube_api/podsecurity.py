"""The Pod Security Standards: what a level forbids of a pod, in the words of the admission plug-in.

Each check yields at most one reason with its details; the order is the plug-in's. Of user namespaces, Windows
and annotations nothing is known here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from tests.fakes.kube_api.kinds import Object

Reason = tuple[str, str]
"""Why, and the details in parentheses."""

_CAPABILITIES = frozenset(
    (
        *("AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE"),
        *("SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT"),
    )
)
_SYSCTLS = frozenset(
    (
        "kernel.shm_rmid_forced",
        *(
            f"net.ipv4.{name}"
            for name in (
                *("ip_local_port_range", "ip_local_reserved_ports", "ip_unprivileged_port_start"),
                *("ping_group_range", "tcp_fin_timeout", "tcp_keepalive_intvl", "tcp_keepalive_probes"),
                *("tcp_keepalive_time", "tcp_rmem", "tcp_syncookies", "tcp_wmem"),
            )
        ),
    )
)
_VOLUMES = frozenset(
    (
        *("configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "image", "persistentVolumeClaim"),
        *("projected", "secret"),
    )
)
_SELINUX = ("", "container_t", "container_init_t", "container_kvm_t", "container_engine_t")
_PROFILES = ("RuntimeDefault", "Localhost")


def violations(level: str, spec: Object) -> list[Reason]:
    """Return what a level forbids of a pod's spec."""
    if level == "privileged":
        return []
    mild = (
        *(_apparmor, _capabilities, _namespaces, _host_paths, _host_ports, _probes, _privileged),
        *(_selinux, _seccomp, _sysctls, _host_process),
    )
    strict = (_escalation, _all_capabilities, _volumes, _non_root, _user, _must_seccomp)
    # What is forbidden more strictly is not told twice.
    replaced = (_capabilities, _host_paths, _seccomp)
    checks: tuple[Callable[[Object], Iterator[Reason]], ...] = mild
    if level == "restricted":
        checks = (*(each for each in mild if each not in replaced), *strict)
    return [reason for check in checks for reason in check(spec)]


def containers(spec: Object) -> list[Object]:
    """Return all containers of a pod, in the order in which they are looked at."""
    kinds = ("initContainers", "containers", "ephemeralContainers")
    return [each for kind in kinds for each in spec.get(kind) or ()]


def context(found: Object) -> dict[str, Any]:
    """Return the security context of a pod or a container."""
    settings: dict[str, Any] = found.get("securityContext") or {}
    return settings


def _named(what: str, names: Iterable[str]) -> str:
    listed = list(names)
    return f"{what}{'' if len(listed) == 1 else 's'} {_quoted(listed)}"


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(map(json.dumps, names))


def _those(spec: Object, bad: Callable[[Object], Any]) -> list[str]:
    return [str(each.get("name")) for each in containers(spec) if bad(each)]


def _setters(spec: Object, bad: Callable[[Object], Any]) -> str:
    """Return who sets something to what is not allowed: the pod, containers, or both."""
    named = _those(spec, lambda each: bad(context(each)))
    return " and ".join(
        [*(["pod"] if bad(context(spec)) else []), *([_named("container", named)] if named else [])]
    )


def _everywhere(spec: Object) -> list[dict[str, Any]]:
    return [context(each) for each in (spec, *containers(spec))]


def _apparmor(spec: Object) -> Iterator[Reason]:
    def kind(settings: Object) -> str:
        profile = (settings.get("appArmorProfile") or {}).get("type")
        return str(profile) if profile and profile not in _PROFILES else ""

    if who := _setters(spec, kind):
        types = sorted({kind(each) for each in _everywhere(spec)} - {""})
        title = "forbidden AppArmor profile" + ("" if len(types) == 1 else "s")
        yield title, f"{who} must not set AppArmor profile type to {_quoted(types)}"


def _added(container: Object) -> list[str]:
    return (context(container).get("capabilities") or {}).get("add") or []


def _adding(spec: Object, allowed: Iterable[str]) -> str:
    """Say which containers add which capabilities that are not allowed; "" for none."""
    able = _those(spec, lambda each: set(_added(each)) - set(allowed))
    more = sorted({name for each in containers(spec) for name in _added(each)} - set(allowed))
    words = f"must not include {_quoted(more)} in securityContext.capabilities.add"
    return f"{_named('container', able)} {words}" if able else ""


def _capabilities(spec: Object) -> Iterator[Reason]:
    if words := _adding(spec, _CAPABILITIES):
        yield "non-default capabilities", words


def _namespaces(spec: Object) -> Iterator[Reason]:
    if shared := [name for name in ("hostNetwork", "hostPID", "hostIPC") if spec.get(name)]:
        yield "host namespaces", ", ".join(f"{name}=true" for name in shared)


def _host_paths(spec: Object) -> Iterator[Reason]:
    if mounted := [each["name"] for each in spec.get("volumes") or () if "hostPath" in each]:
        yield "hostPath volumes", _named("volume", mounted)


def _host_ports(spec: Object) -> Iterator[Reason]:
    def of(container: Object) -> set[str]:
        return {str(each["hostPort"]) for each in container.get("ports") or () if each.get("hostPort")}

    if open_ := _those(spec, of):
        numbers = sorted(set().union(*map(of, containers(spec))))
        use = "uses" if len(open_) == 1 else "use"
        ports = f"hostPort{'' if len(numbers) == 1 else 's'} {', '.join(numbers)}"
        yield "hostPort", f"{_named('container', open_)} {use} {ports}"


def _hosts(container: Object) -> set[str]:
    """Return the hosts that probes and lifecycle hooks ask."""
    hooks = [container.get(f"{name}Probe") for name in ("liveness", "readiness", "startup")]
    hooks += (container.get("lifecycle") or {}).values()
    asked = [(each or {}).get(way) or {} for each in hooks for way in ("httpGet", "tcpSocket")]
    return {each["host"] for each in asked if each.get("host")}


def _probes(spec: Object) -> Iterator[Reason]:
    if asking := sorted(_those(spec, _hosts)):
        hosts = sorted(set().union(*map(_hosts, containers(spec))))
        use = "uses" if len(asking) == 1 else "use"
        yield (
            "probe or lifecycle host",
            f"{_named('container', asking)} {use} {_named('probe or lifecycle host', hosts)}",
        )


def _privileged(spec: Object) -> Iterator[Reason]:
    if strong := _those(spec, lambda each: context(each).get("privileged")):
        yield "privileged", f"{_named('container', strong)} must not set securityContext.privileged=true"


def _selinux(spec: Object) -> Iterator[Reason]:
    def bad(settings: Object) -> bool:
        options = settings.get("seLinuxOptions") or {}
        return options.get("type", "") not in _SELINUX or bool(options.get("user") or options.get("role"))

    if who := _setters(spec, bad):
        given = [each.get("seLinuxOptions") or {} for each in _everywhere(spec)]
        types = sorted({each.get("type", "") for each in given} - set(_SELINUX))
        said = [_named("type", types)] if types else []
        said += [
            f"{name} may not be set" for name in ("user", "role") if any(each.get(name) for each in given)
        ]
        yield "seLinuxOptions", f"{who} set forbidden securityContext.seLinuxOptions: {'; '.join(said)}"


def _free(settings: Object) -> str:
    """Return the seccomp profile that is none of those that are allowed, "" for a good one or none."""
    kind = (settings.get("seccompProfile") or {}).get("type", "")
    return "" if kind in _PROFILES else str(kind)


def _seccomp(spec: Object) -> Iterator[Reason]:
    if who := _setters(spec, _free):
        types = sorted({_free(each) for each in _everywhere(spec)} - {""})
        yield "seccompProfile", f"{who} must not set securityContext.seccompProfile.type to {_quoted(types)}"


def _sysctls(spec: Object) -> Iterator[Reason]:
    names = [each["name"] for each in context(spec).get("sysctls") or ()]
    if unsafe := [name for name in names if name not in _SYSCTLS]:
        yield "forbidden sysctls", ", ".join(unsafe)


def _host_process(spec: Object) -> Iterator[Reason]:
    if who := _setters(spec, lambda settings: (settings.get("windowsOptions") or {}).get("hostProcess")):
        yield "hostProcess", f"{who} must not set securityContext.windowsOptions.hostProcess=true"


def _escalation(spec: Object) -> Iterator[Reason]:
    if rising := _those(spec, lambda each: context(each).get("allowPrivilegeEscalation") is not False):
        words = f"{_named('container', rising)} must set securityContext.allowPrivilegeEscalation=false"
        yield "allowPrivilegeEscalation != false", words


def _all_capabilities(spec: Object) -> Iterator[Reason]:
    def keeps(container: Object) -> bool:
        return "ALL" not in ((context(container).get("capabilities") or {}).get("drop") or ())

    said = []
    if able := _those(spec, keeps):
        said.append(f'{_named("container", able)} must set securityContext.capabilities.drop=["ALL"]')
    said += filter(None, [_adding(spec, ("NET_BIND_SERVICE",))])
    if said:
        yield "unrestricted capabilities", "; ".join(said)


def _volumes(spec: Object) -> Iterator[Reason]:
    volumes = [(each["name"], {*each} - {"name"}) for each in spec.get("volumes") or ()]
    if bad := [(name, kinds) for name, kinds in volumes if kinds and not kinds & _VOLUMES]:
        types = sorted(set().union(*(kinds for _, kinds in bad)))
        use = "uses" if len(bad) == 1 else "use"
        kinds = _named("restricted volume type", types)
        yield "restricted volume types", f"{_named('volume', (name for name, _ in bad))} {use} {kinds}"


def _non_root(spec: Object) -> Iterator[Reason]:
    if who := _setters(spec, lambda settings: settings.get("runAsNonRoot") is False):
        yield "runAsNonRoot != true", f"{who} must not set securityContext.runAsNonRoot=false"
    elif silent := _silent(spec, "runAsNonRoot"):
        words = f"pod or {_named('container', silent)} must set securityContext.runAsNonRoot=true"
        yield "runAsNonRoot != true", words


def _user(spec: Object) -> Iterator[Reason]:
    if who := _setters(spec, lambda settings: settings.get("runAsUser") == 0):
        yield "runAsUser=0", f"{who} must not set runAsUser=0"


def _must_seccomp(spec: Object) -> Iterator[Reason]:
    if found := list(_seccomp(spec)):
        yield from found
    elif silent := _silent(spec, "seccompProfile"):
        words = f"pod or {_named('container', silent)} must set securityContext.seccompProfile.type to"
        yield "seccompProfile", f'{words} "RuntimeDefault" or "Localhost"'


def _silent(spec: Object, setting: str) -> list[str]:
    """Return the containers of which neither they nor the pod say anything of a setting."""
    return [] if context(spec).get(setting) else _those(spec, lambda each: context(each).get(setting) is None)
