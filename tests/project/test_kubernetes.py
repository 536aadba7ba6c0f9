"""examples/kubernetes: by Kubernetes' own types, and by what authapi and its image are."""

import copy
import re
from collections.abc import Iterator
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import pytest
import yaml
from kube_models import get_model
from kube_models.api_v1.io.k8s.api.core import v1 as _core
from kube_models.apis_apps_v1.io.k8s.api.apps import v1 as _apps
from kube_models.apis_policy_v1.io.k8s.api.policy import v1 as _policy

from authapi.config import load_settings
from tests.project.test_dockerfile import PORT, only
from tests.project.tree import ROOT
from tests.support.operations import DOCUMENT

KNOWN = (_core, _apps, _policy)  # an import makes get_model know the kinds of a group
TEXT = (ROOT / "examples/kubernetes/authapi.yaml").read_text(encoding="utf-8")
MANIFESTS: dict[str, Any] = {each["kind"]: each for each in yaml.safe_load_all(TEXT)}
POD = MANIFESTS["Deployment"]["spec"]["template"]["spec"]
CONTAINERS = {each["name"]: each for each in (*POD["initContainers"], *POD["containers"])}
SECRETS = {"AUTHAPI_SECRET_FILE": "0123456789abcdef" * 4, "AUTHAPI_DATABASE_URL_FILE": ""}
LABELS = {"app.kubernetes.io/name": "authapi"}


def problems_of(manifest: dict[str, Any]) -> list[str]:
    model = get_model(manifest["apiVersion"], manifest["kind"])
    rest = {name: value for name, value in manifest.items() if name not in ("apiVersion", "kind")}
    return list(problems(model, rest, manifest["kind"]))


def problems(kind: Any, value: Any, place: str) -> Iterator[str]:
    """Yield why Kubernetes takes no such value for this type."""
    container, parts = get_origin(kind), [part for part in get_args(kind) if part is not NoneType]
    if container in (Union, UnionType):
        found = [list(problems(part, value, place)) for part in parts]
        yield from min(found, key=len)
    elif is_dataclass(kind) and isinstance(value, dict):
        yield from problems_of_members(kind, value, place)
    elif container in (list, set) and isinstance(value, list):
        for number, member in enumerate(value):
            yield from problems(parts[0], member, f"{place}[{number}]")
    elif container is dict and isinstance(value, dict):
        for name, member in value.items():
            yield from problems(parts[1], member, f"{place}.{name}")
    elif type(value) is not kind:
        yield f"{place} is {value!r}"


def problems_of_members(kind: Any, value: dict[str, Any], place: str) -> Iterator[str]:
    types, members = hints(kind), {member.name: member for member in fields(kind)}
    yield from (f"{place}.{name} is unknown" for name in value.keys() - members.keys())
    for name, member in members.items():
        if name in value:
            yield from problems(types[name], value[name], f"{place}.{name}")
        elif member.default is member.default_factory is MISSING:
            yield f"{place}.{name} is missing"


@cache
def hints(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)


@pytest.mark.parametrize("kind", MANIFESTS)
def test_kubernetes_takes_it(kind: str) -> None:
    assert problems_of(MANIFESTS[kind]) == []


def test_there_is_all_that_the_page_says() -> None:
    assert list(MANIFESTS) == ["ConfigMap", "Deployment", "Service", "PodDisruptionBudget"]


def test_a_wrong_manifest_is_noticed() -> None:
    wrong = copy.deepcopy(MANIFESTS["Deployment"])
    pod = wrong["spec"]["template"]["spec"]
    wrong["spec"]["replicas"] = "2"
    pod["containers"][0]["livenesProbe"] = {}
    del pod["initContainers"][0]["name"]
    place = "Deployment.spec.template.spec"
    assert set(problems_of(wrong)) == {
        "Deployment.spec.replicas is '2'",
        f"{place}.containers[0].livenesProbe is unknown",
        f"{place}.initContainers[0].name is missing",
    }


@pytest.mark.parametrize("name", CONTAINERS)
def test_authapi_takes_the_settings(name: str, tmp_path: Any, monkeypatch: Any) -> None:
    container = CONTAINERS[name]
    assert container["envFrom"] == [{"configMapRef": {"name": "authapi"}}]
    for variable, value in MANIFESTS["ConfigMap"]["data"].items():
        monkeypatch.setenv(variable, value)
    [url] = re.findall(r"'(postgresql://\S+)'", page())
    for variable, value in (SECRETS | {"AUTHAPI_DATABASE_URL_FILE": url}).items():
        (tmp_path / variable).write_text(value)
        monkeypatch.setenv(variable, str(tmp_path / variable))
    assert {each["name"] for each in container["env"]} == SECRETS.keys()
    assert load_settings().database_url.startswith("postgresql")


@pytest.mark.parametrize("name", CONTAINERS)
def test_every_secret_is_a_file_of_the_secret_that_the_page_makes(name: str) -> None:
    [mount] = CONTAINERS[name]["volumeMounts"]
    [volume] = POD["volumes"]
    assert mount["readOnly"] is True
    assert mount["name"] == volume["name"]
    [(secret, made)] = re.findall(r"^kubectl create secret generic (\S+) (--.+)$", page(), re.M)
    assert volume["secret"]["secretName"] == secret
    files = re.findall(r"--from-file=(\S+)", made)
    paths = [each["value"] for each in CONTAINERS[name]["env"]]
    assert sorted(paths) == sorted(f"{mount['mountPath']}/{file}" for file in files)


@pytest.mark.parametrize("name", CONTAINERS)
def test_a_container_has_no_rights_and_writes_nothing(name: str) -> None:
    assert CONTAINERS[name]["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert CONTAINERS[name]["resources"]["limits"]["memory"] == "512Mi"


def test_the_pod_is_the_user_of_the_image() -> None:
    context = POD["securityContext"]
    assert context["runAsNonRoot"] is True
    assert f"{context['runAsUser']}:{context['runAsGroup']}" == only("USER")
    # The files of the Secret belong to root and this group.
    assert context["fsGroup"] == context["runAsGroup"]
    assert POD["volumes"][0]["secret"]["defaultMode"] == 0o440
    assert POD["automountServiceAccountToken"] is POD["enableServiceLinks"] is False


def test_it_migrates_first_and_then_does_what_the_image_does() -> None:
    migrate, serve = CONTAINERS["migrate"], CONTAINERS["authapi"]
    assert migrate["args"] == ["migrate"]
    assert not {"command", "args"} & serve.keys()
    assert migrate["image"] == serve["image"]


def test_the_probes_ask_routes_that_are_there() -> None:
    container = CONTAINERS["authapi"]
    assert container["ports"] == [{"name": "http", "containerPort": int(PORT)}]
    asked = {
        name: container[name]["httpGet"]
        for name in ("startupProbe", "livenessProbe", "readinessProbe")
    }
    assert all(get["port"] == "http" and get["path"] in DOCUMENT["paths"] for get in asked.values())
    assert asked["livenessProbe"]["path"] == "/healthz"  # which asks no database
    assert asked["readinessProbe"]["path"] == "/readyz"


def test_what_is_under_way_is_finished() -> None:
    """authapi waits 10 s for requests that run."""
    pause = CONTAINERS["authapi"]["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert POD["terminationGracePeriodSeconds"] > pause + 10


def test_an_upgrade_and_a_drained_machine_leave_a_pod() -> None:
    spec = MANIFESTS["Deployment"]["spec"]
    assert spec["replicas"] > MANIFESTS["PodDisruptionBudget"]["spec"]["maxUnavailable"]
    assert spec["strategy"]["rollingUpdate"]["maxUnavailable"] == 0


def test_all_mean_the_same_pods() -> None:
    deployment, budget = MANIFESTS["Deployment"]["spec"], MANIFESTS["PodDisruptionBudget"]["spec"]
    assert deployment["template"]["metadata"]["labels"] == LABELS
    assert deployment["selector"]["matchLabels"] == budget["selector"]["matchLabels"] == LABELS
    [spread] = POD["topologySpreadConstraints"]
    assert spread["labelSelector"]["matchLabels"] == LABELS
    service = MANIFESTS["Service"]["spec"]
    assert service["selector"] == LABELS
    assert [port["targetPort"] for port in service["ports"]] == ["http"]


def page() -> str:
    return (ROOT / "docs/deploy.md").read_text(encoding="utf-8").partition("## On Kubernetes")[2]
