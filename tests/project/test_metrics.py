"""Each metric has its row in the docs; alerts and dashboard ask for metrics that exist."""

import json
import re
import shutil
import subprocess
from typing import Any

import pytest
import yaml

from authapi.web.metrics.requests import STATUS_NAMES
from tests.project.tree import ROOT
from tests.support.api import EMAIL, PASSWORD
from tests.support.service import Service

PAGE = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
FOLDER = ROOT / "docs/operations"
RULES: list[dict[str, Any]] = [
    rule
    for group in yaml.safe_load((FOLDER / "alerts.yml").read_text(encoding="utf-8"))["groups"]
    for rule in group["rules"]
]
DASHBOARD: dict[str, Any] = json.loads((FOLDER / "dashboard.json").read_text(encoding="utf-8"))
ASKED = [
    *((rule["alert"], rule["expr"]) for rule in RULES),
    *(
        (panel["title"], target["expr"])
        for panel in DASHBOARD["panels"]
        for target in panel["targets"]
    ),
]
SAMPLE = re.compile(r"^(authapi_\w+?)(?:\{(.*)\})? \S+$", re.MULTILINE)
LABEL = re.compile(r'(\w+)="([^"]*)"')
SELECTOR = re.compile(r"(authapi_\w+)(?:\{([^}]*)\})?")
MATCHER = re.compile(r'(\w+)(?:=~|!~|!=|=)"([^"]*)"')
GROUPED = re.compile(r"\bby \(([^)]*)\)")
OF_PROMETHEUS = {"instance"}
HISTOGRAM = re.compile(r"_(bucket|count|sum)$")

Labels = dict[str, dict[str, set[str]]]  # of each metric: each label and its values


@pytest.fixture(scope="module")
def page(service: Service) -> str:
    service.client.get("/revocations")  # so that a poll has been
    for path in ("/verify", "/me"):
        service.client.get(path)
    service.client.post("/refresh", json={"refresh_token": "x.y.z"})
    service.client.post("/login", json={"email": EMAIL, "password": PASSWORD})
    return str(service.client.get("/metrics").text)


@pytest.fixture(scope="module")
def labels(page: str, service: Service) -> Labels:
    found: Labels = {}
    for name, text in SAMPLE.findall(page):
        of_metric = found.setdefault(name, {})
        for label, value in LABEL.findall(text):
            of_metric.setdefault(label, set()).add(value)
    # Routes and statuses appear with their first request.
    routes = set(service.api.app.state.runtime.requests.names)
    found["authapi_requests_total"] |= {"route": routes, "status": set(STATUS_NAMES)}
    found["authapi_request_seconds_bucket"]["route"] = routes
    return found


def test_every_metric_has_its_row(page: str) -> None:
    section = PAGE.partition("## Metrics")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `(authapi_\w+)` \|(.*?)\|", section, re.MULTILINE)
    assert sorted(name for name, _ in rows) == sorted(re.findall(r"^# TYPE (\w+) ", page, re.M))


def test_every_row_names_the_labels(labels: Labels) -> None:
    section = PAGE.partition("## Metrics")[2].partition("\n## ")[0]
    for name, cell in re.findall(r"^\| `(authapi_\w+)` \|(.*?)\|", section, re.MULTILINE):
        has = labels.get(name, labels.get(f"{name}_bucket", {}))
        named = re.findall(r"`(\w+)`", cell.partition(":")[0])
        assert sorted(named) == sorted(has.keys() - {"le"}), name


@pytest.mark.parametrize(("title", "expression"), ASKED, ids=lambda text: text[:40])
def test_what_is_asked_for_exists(labels: Labels, title: str, expression: str) -> None:
    selected = SELECTOR.findall(expression)
    assert selected
    known = set(OF_PROMETHEUS)
    for name, matchers in selected:
        assert name in labels
        known |= labels[name].keys()
        for label, values in MATCHER.findall(matchers):
            if label not in OF_PROMETHEUS:
                missing = set(values.split("|")) - labels[name][label]
                assert not missing
    for group in GROUPED.findall(expression):
        assert set(re.split(r",\s*", group)) <= known


def test_every_metric_is_on_the_dashboard(page: str) -> None:
    asked = " ".join(expression for _, expression in ASKED)
    assert not [name for name in re.findall(r"^# TYPE (\w+) ", page, re.M) if name not in asked]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alert_says_what_is_wrong_and_the_page_what_to_do(rule: dict[str, Any]) -> None:
    assert rule["annotations"]["summary"]
    assert rule["labels"]["severity"] in ("page", "ticket")
    section = PAGE.partition("### Alerts")[2].partition("\n## ")[0]
    assert re.search(rf"^\| `{rule['alert']}` \| \S.* \|$", section, re.MULTILINE)


def test_the_page_names_no_other_alert() -> None:
    section = PAGE.partition("### Alerts")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `(Authapi\w+)` \|", section, re.MULTILINE)
    assert rows == [rule["alert"] for rule in RULES]


@pytest.mark.skipif(
    shutil.which("promtool") is None, reason="needs promtool: apt install prometheus"
)
@pytest.mark.parametrize("arguments", [("check", "alerts.yml"), ("test", "alerts.test.yml")])
def test_promtool_is_content(arguments: tuple[str, str]) -> None:
    what, file = arguments
    run = subprocess.run(
        ["promtool", what, "rules", file], cwd=FOLDER, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr
