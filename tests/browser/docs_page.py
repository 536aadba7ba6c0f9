"""The page /docs in Chromium: it calls routes as a newcomer does, by its buttons."""

import json
from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Page, expect


@dataclass(frozen=True)
class DocsPage:
    page: Page

    def open(self, url: str) -> None:
        self.page.goto(f"{url}/docs")

    def call(self, operation: str, **body: object) -> tuple[int, Any]:
        """Press Execute; return the status, which the page shows, and the JSON if there is some.

        `operation` is the end of its id, such as `register_account`.
        """
        box = self.page.locator(f"[id^=operations-][id$=-{operation}]")
        if not box.locator(".opblock-body").count():
            box.locator(".opblock-summary-control").click()
        if body:
            box.locator("textarea.body-param__text").fill(json.dumps(body))
        with self.page.expect_response(lambda response: _is_of_a_route(response.url)) as answer:
            box.locator("button.execute").click()
        status, text = answer.value.status, answer.value.text()
        expect(box.locator(".live-responses-table .response")).to_contain_text(str(status))
        return status, json.loads(text) if text else None

    def authorize(self, access_token: str) -> None:
        """Type the token behind the button Authorize, instead of the one before."""
        self.page.locator(".auth-wrapper > button.authorize").click()
        dialog = self.page.locator(".dialog-ux")
        bearer = dialog.locator(".auth-container").first
        if bearer.get_by_role("button", name="Remove authorization").count():
            bearer.get_by_role("button", name="Remove authorization").click()
        bearer.locator("input").fill(access_token)
        bearer.get_by_role("button", name="Apply credentials").click()
        expect(bearer.get_by_role("button", name="Remove authorization")).to_be_visible()
        dialog.locator("button.close-modal").click()
        expect(dialog).to_be_hidden()


def _is_of_a_route(url: str) -> bool:
    return not url.endswith("/openapi.json") and "/docs" not in url
