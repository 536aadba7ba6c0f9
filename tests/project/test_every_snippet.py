"""Every fenced block of README and docs belongs to a test that runs it, or it says why not.

You have added a block, and this fails? Do one of these:

1. Write a test that runs the block as it stands, and name the test in RUN_BY. Most pages have one:
   `tests.support.snippets.shown(page, language)` returns the blocks, `tour.steps_of` reads a
   `console`. The test's file names the page.
2. It needs what nobody has here (another product, root)? Let a test check it by a parser or a
   schema, name both in NOT_RUN, and let the page say "Not run here" above the block.
3. It is a drawing, or what a program prints: its language is `text`.
"""

import ast
import re

import pytest

from tests.project.tree import ROOT
from tests.support.snippets import SNIPPETS, Snippet, place_of

PROJECT, FOREIGN = "tests/project/", "tests/foreign_clients/"
MAKE = PROJECT + "test_shell_snippets.py::test_every_target_of_make_exists"
ANSWERS = PROJECT + "test_shown_answers.py::"
PYTHON = PROJECT + "test_python_snippets.py::"
CHOOSING = PROJECT + "test_choosing_page.py::"
MIGRATE = "tests/cli/test_migrate_page.py::"
OPERATIONS = PROJECT + "test_operations_page.py::"
LIBRARIES = FOREIGN + "test_libraries.py::test_it_refuses_all_that_the_page_says"
PARSED_YAML = (
    PROJECT + "test_verify_elsewhere.py::test_the_configuration_of_the_proxies_can_be_parsed"
)
PARSED_CODE = PROJECT + "test_verify_elsewhere.py::test_what_is_not_run_names_what_authapi_says"
TESTED_FILES = PROJECT + "test_snippets.py::test_the_tests_of_the_pages_pass"

# "page language", or "page#heading language" for one block: the test that runs it as it stands.
RUN_BY = {
    "README.md sh": PROJECT + "test_make.py::test_make_run_migrates_and_serves_the_clone",
    "README.md console": PROJECT + "test_readme.py::test_the_tours_print_what_the_readme_says",
    "CONTRIBUTING.md sh": MAKE,
    "benchmarks/README.md sh": MAKE,
    "docs/performance.md sh": MAKE,
    "clients/js/README.md js": "tests/browser/test_js_snippets.py::test_the_clients_readme",
    "clients/js/README.md#Second factors and passkeys js": "tests/browser/test_js_snippets.py::"
    "test_the_clients_readme_on_factors",
    "clients/js/README.md#Step-up js": "tests/browser/test_js_snippets.py::"
    "test_the_clients_readme_on_factors",
    "docs/factors.md#In the browser js": "tests/browser/test_js_snippets.py::"
    "test_the_page_for_factors",
    "clients/js/README.md#Apps and Node js": "tests/client/test_js_snippets.py::test_an_app",
    "docs/browsers.md js": "tests/browser/test_js_snippets.py::test_the_page_for_browsers",
    "docs/browsers.md python": PROJECT
    + "test_snippets.py::test_the_pages_of_a_server_are_rendered",
    "docs/choosing.md python": CHOOSING + "test_a_function_refuses_what_has_ended",
    "docs/client.md python": PYTHON + "test_the_client_asks_another_service",
    "docs/configuration.md sh": PROJECT
    + "test_shell_snippets.py::test_the_shell_of_the_settings_prints_them",
    "docs/configuration.md python": PYTHON + "test_settings_in_python",
    "docs/administration.md console": ANSWERS + "test_an_administrator_disables_a_user",
    "docs/deploy.md ini": PROJECT + "test_systemd_unit.py::*",
    "docs/deploy.md sh": PROJECT + "test_deploy_page.py::test_every_block_of_the_page_is_run",
    "docs/errors.md json": ANSWERS + "test_a_refusal_has_the_body_of_the_page",
    "docs/factors.md console": ANSWERS + "test_a_second_factor_is_added_and_asked_for",
    "docs/factors.md#ID tokens sh": PROJECT
    + "test_shell_snippets.py::test_its_settings_are_accepted",
    "docs/factors.md#Pages for passkeys sh": PROJECT
    + "test_shell_snippets.py::test_its_settings_are_accepted",
    "docs/factors.md#ID tokens js": "tests/factors/test_page.py::test_googles_button_logs_in",
    "docs/factors.md#Passkeys js": "tests/browser/test_js_snippets.py::test_the_page_for_factors",
    "docs/factors.md#Without our client js": "tests/browser/test_passkeys.py::*",
    "docs/fastapi.md python": TESTED_FILES,
    "docs/fastapi.md console": PROJECT
    + "test_snippets.py::test_the_application_prints_what_the_page_says",
    "docs/http.md console": ANSWERS + "test_a_console_prints_what_its_page_says",
    "docs/keys.md sh": PROJECT + "test_shell_snippets.py::test_keys_are_listed_and_rotated",
    "docs/keys.md console": PROJECT
    + "test_key_drill.py::test_the_drill_for_a_leaked_key_prints_what_the_page_says",
    "docs/limits.md sh": PROJECT + "test_shell_snippets.py::test_its_settings_are_accepted",
    "docs/mails.md sh": ANSWERS + "test_a_mail_is_written_to_the_folder",
    "docs/mails.md console": ANSWERS + "test_a_mail_is_written_to_the_folder",
    "docs/mails.md js": "tests/browser/test_js_snippets.py::test_a_page_for_new_passwords",
    "docs/migrate.md sh": MIGRATE + "test_each_command_imports_the_export",
    "docs/migrate.md json": MIGRATE + "test_a_line_of_your_own_is_imported",
    "docs/operations.md sh": OPERATIONS + "test_it_starts_on_postgresql",
    "docs/operations.md#Behind nginx sh": PROJECT
    + "test_shell_snippets.py::test_its_settings_are_accepted",
    "docs/operations.md#Behind nginx nginx": "tests/browser/test_nginx_attacks.py::*",
    "docs/operations.md ini": OPERATIONS + "test_pgbouncer_is_run_with_the_line_of_the_page",
    "docs/operations.md#SQLite sh": PROJECT
    + "test_sqlite_backup.py::test_a_restored_file_logs_in_and_revives_no_session",
    "docs/react.md diff": "tests/browser/test_react.py::*",
    "docs/react.md jsx": "tests/browser/test_react.py::*",
    "docs/react.md js": "tests/browser/test_react.py::*",
    "docs/react.md#Next js": "tests/client/test_js_snippets.py::test_a_server_of_next",
    "docs/refresh.md sh": ANSWERS + "test_the_command_of_the_page_refreshes",
    "docs/revocation.md console": ANSWERS + "test_a_console_prints_what_its_page_says",
    "docs/testing.md python": TESTED_FILES,
    "docs/tokens.md python": PYTHON + "test_the_shortest_verification",
    "docs/tokens.md sh": PROJECT + "test_shell_snippets.py::test_its_settings_are_accepted",
    "docs/tokens.md json": ANSWERS + "test_a_token_is_for_the_service_that_was_named",
    "docs/transports.md json": ANSWERS + "test_a_log_in_chooses_its_transport",
    "docs/verifier.md#Use python": PYTHON + "test_the_verifiers_first_example",
    "docs/verifier.md python": "tests/verifier/test_docs.py::*",
    "docs/verify-elsewhere.md js": LIBRARIES,
    "docs/verify-elsewhere.md go": LIBRARIES,
    "docs/verify-elsewhere.md caddyfile": FOREIGN + "test_proxies.py::*",
    "docs/verify-elsewhere.md#Envoy yaml": FOREIGN + "test_proxies.py::*",
    "examples/api/README.md sh": "tests/browser/test_make_examples.py::test_make_example_api",
    "examples/nginx/README.md sh": "tests/browser/test_make_examples.py::test_make_example_nginx",
    "packages/verifier/README.md python": PYTHON + "test_the_shortest_verification",
}
# What can't be run here, with the test that reads it.
NOT_RUN = {
    "docs/deploy.md bash": PROJECT + "test_kubernetes.py::*",
    "docs/faults.md sh": PROJECT + "test_shell_snippets.py::test_its_settings_are_accepted",
    "docs/faults.md sql": OPERATIONS + "test_the_sql_for_a_standby_names_what_postgresql_has",
    "docs/operations.md yaml": PROJECT + "test_metrics.py::*",
    "docs/operations.md#Compose sh": OPERATIONS + "test_the_commands_for_compose_name_its_services",
    "docs/verifier.md sh": PROJECT + "test_verifier_wheel.py::*",
    "docs/verify-elsewhere.md java": PARSED_CODE,
    "docs/verify-elsewhere.md csharp": PARSED_CODE,
    "docs/verify-elsewhere.md php": PARSED_CODE,
    "docs/verify-elsewhere.md yaml": PARSED_YAML,
}
A_COMMAND = re.compile(r"^\s*(\$|authapi|curl|make|pip|python|export|docker|[A-Z_]+=)(\s|\w)", re.M)


def claimed(snippet: Snippet) -> str | None:
    """Return the key of the table's row for a block, the one for its heading alone first."""
    whole_page = f"{snippet.page} {snippet.language}"
    one = f"{snippet.page}#{snippet.heading} {snippet.language}"
    return next((key for key in (one, whole_page) if key in RUN_BY | NOT_RUN), None)


CODE = [snippet for snippet in SNIPPETS if snippet.language != "text"]


@pytest.mark.parametrize("snippet", CODE, ids=lambda s: f"{s.page}:{s.line}")
def test_a_test_runs_the_block(snippet: Snippet) -> None:
    assert snippet.language, f"{snippet}: name its language behind the ```; a drawing's is `text`"
    assert claimed(snippet), f"{snippet} is run by no test. The head of {__name__} says what to do"


@pytest.mark.parametrize("key", sorted(RUN_BY | NOT_RUN))
def test_the_test_exists_and_names_the_page(key: str) -> None:
    assert key in {claimed(snippet) for snippet in CODE}, f"no block belongs to the row {key!r}"
    file, function = place_of((RUN_BY | NOT_RUN)[key])
    source = file.read_text(encoding="utf-8")
    page = key.partition(" ")[0].partition("#")[0]
    assert page.rpartition("/")[2] in source, f"{file} does not say that it runs blocks of {page}"
    defined = [node.name for node in ast.walk(ast.parse(source)) if hasattr(node, "name")]
    assert any(name.startswith("test_") for name in defined)
    assert function == "*" or function in defined, f"{file} has no {function}"


@pytest.mark.parametrize("snippet", [s for s in CODE if claimed(s) in NOT_RUN], ids=str)
def test_what_is_not_run_says_so_above_it(snippet: Snippet) -> None:
    lines = (ROOT / snippet.page).read_text(encoding="utf-8").splitlines()[: snippet.line]
    section = "\n".join(lines[max(n for n, line in enumerate(lines) if line.startswith("#")) :])
    assert re.search(r"[Nn]ot run here", section), f"{snippet}: say above it that it is not run"


@pytest.mark.parametrize(
    "snippet", [s for s in SNIPPETS if s.language == "text"], ids=lambda s: f"{s.page}:{s.line}"
)
def test_a_block_of_text_is_no_command(snippet: Snippet) -> None:
    assert not A_COMMAND.search(snippet.text), f"{snippet} can be run: `sh`, `console`, `python`…"
