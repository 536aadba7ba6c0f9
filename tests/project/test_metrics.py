"""Each metric has its row in the docs, and the alerts ask for metrics that exist."""

import re
from typing import Any

import pytest
import yaml

from tests.project.tree import ROOT
from tests.support.service import Service

PAGE = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
ALERTS = yaml.safe_load((ROOT / "examples/prometheus/alerts.yaml").read_text(encoding="utf-8"))
RULES = [rule for group in ALERTS["groups"] for rule in group["rules"]]
NAME = re.compile(r"^(authapi_\w+)(?:\{|\s)", re.MULTILINE)
LABEL = re.compile(r'(\w+)=~?"([^"]+)"')


@pytest.fixture
def page(service: Service) -> str:
    service.client.get("/revocations")  # so that a poll has been
    return service.client.get("/metrics").text


def test_every_metric_has_its_row(page: str) -> None:
    section = PAGE.partition("## Metrics")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `(authapi_\w+)` \|", section, re.MULTILINE)
    assert sorted(rows) == sorted(set(NAME.findall(page)))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alert_asks_for_metrics_and_labels_that_exist(page: str, rule: dict[str, Any]) -> None:
    [name] = re.findall(r"authapi_\w+", rule["expr"])
    assert name in NAME.findall(page)
    for label, values in LABEL.findall(rule["expr"]):
        for value in values.split("|"):
            assert f'{name}{{{label}="{value}"}}' in page
    assert rule["annotations"]["summary"]
