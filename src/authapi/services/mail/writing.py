"""Writes mails by templates. Imported when there is one to write: Jinja takes long to import.

Templates are `LOCALE/KIND.txt`, which begins with `Subject: `, and `LOCALE/KIND.html`. The files of
MAIL_TEMPLATES replace ours, one by one; a folder of another name there is another language.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from jinja2 import (
    Environment,
    FileSystemLoader,
    StrictUndefined,
    TemplateError,
    TemplateNotFound,
    TemplateSyntaxError,
    select_autoescape,
)

from authapi.config import Settings
from authapi.errors import OperatorError
from authapi.services.mail.messages import DEFAULT_LOCALE, LINKS, Languages, Mail, MailKind

SUBJECT = "Subject: "

DEVICE = {"ip": "192.0.2.1", "user_agent": "Firefox"}
AT = "2026-01-02 03:04 UTC"
# What a mail's templates may use besides `service`, `to`, `link` and `code`.
SAMPLES: Mapping[MailKind, Mapping[str, Any]] = {
    MailKind.EMAIL_CHANGED: {"at": AT, "new_email": "new@example.com"},
    MailKind.NEW_DEVICE: {"at": AT, "device": DEVICE},
    MailKind.FACTOR_ADDED: {"at": AT, "device": DEVICE, "factor": "totp"},
    MailKind.FIRST_FACTOR_ADDED: {"at": AT, "device": DEVICE, "factor": "passkey"},
    MailKind.FACTOR_REMOVED: {"at": AT, "device": DEVICE, "factor": "passkey"},
    MailKind.PASSWORD_CHANGED: {"at": AT, "device": DEVICE},
    MailKind.SESSION_REPLAYED: {"at": AT, "devices": [DEVICE, DEVICE]},
    MailKind.SIGNED_OUT: {"at": AT, "reason": "account_disabled"},
    MailKind.ACCOUNT_CHANGED: {"at": AT, "changes": ["enabled", "scopes"]},
}


@dataclass(frozen=True, slots=True)
class Text:
    """A mail as it is read."""

    subject: str
    plain: str = field(repr=False)
    html: str = field(repr=False)


class Writer:
    """Writes mails in the languages of `languages`."""

    def __init__(self, settings: Settings, languages: Languages) -> None:
        self._settings, self._languages = settings, languages
        self._templates = Environment(
            loader=FileSystemLoader(languages.folders),
            autoescape=select_autoescape(["html"]),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )

    def write(self, mail: Mail, *, token: str = "", code: str = "") -> Text:
        """Return the mail's text, with a link for `token`."""
        values = {
            "service": urlsplit(self._settings.public_url).netloc,
            "to": mail.to,
            "code": code,
            "link": self._link(mail.kind, token) if token else "",
            **mail.details,
        }
        head, _, plain = self._render(mail, ".txt", values).partition("\n")
        if not head.startswith(SUBJECT) or not head.removeprefix(SUBJECT).strip():
            raise OperatorError(f"{mail.locale}/{mail.kind}.txt has to begin with `{SUBJECT}`.")
        subject = head.removeprefix(SUBJECT).strip()
        return Text(subject, plain.lstrip("\n"), self._render(mail, ".html", values))

    def require_working_templates(self) -> None:
        """Write each mail once in each language. Raises OperatorError with the place of a fault."""
        for mail in self._samples():
            token, code = ("token", "BCDF-GHJK") if mail.kind in LINKS else ("", "")
            try:
                self.write(mail, token=token, code=code)
            except TemplateSyntaxError as error:
                place = f"{error.filename or error.name}, line {error.lineno}"
                raise OperatorError(f"A mail template is broken: {place}: {error}") from error
            except TemplateNotFound as error:
                raise OperatorError(f"A mail template is missing: {error}.") from error
            except (ArithmeticError, LookupError, TemplateError, TypeError, ValueError) as error:
                place = f"{mail.locale}/{mail.kind}{_line_of(error)}"
                raise OperatorError(f"A mail template is broken: {place}: {error}") from error

    def _samples(self) -> Iterator[Mail]:
        for locale in sorted(self._languages.names.values()):
            for kind in MailKind:
                details = SAMPLES.get(kind, {})
                yield Mail(kind, "ada@example.com", locale=locale, details=details)

    def _render(self, mail: Mail, suffix: str, values: Mapping[str, Any]) -> str:
        names = [f"{locale}/{mail.kind}{suffix}" for locale in (mail.locale, DEFAULT_LOCALE)]
        return self._templates.select_template(names).render(values)

    def _link(self, kind: MailKind, token: str) -> str:
        rule = LINKS[kind]
        page: str = getattr(self._settings, rule.setting) or self._settings.public_url + rule.path
        return f"{page}{'&' if '?' in page else '?'}token={token}"


def require_working_templates(settings: Settings) -> None:
    """Raise OperatorError unless every template of MAIL_TEMPLATES works. Ours are tested."""
    folder = settings.mail_templates
    if folder is None:
        return
    if not folder.is_dir():
        raise OperatorError("AUTHAPI_MAIL_TEMPLATES names no folder.")
    Writer(settings, Languages(settings)).require_working_templates()


def _line_of(error: BaseException) -> str:
    """Return `, line N` of the template in which the error was raised."""
    trace, line = error.__traceback__, ""
    while trace is not None:
        if trace.tb_frame.f_code.co_filename.endswith((".txt", ".html")):
            line = f", line {trace.tb_lineno}"
        trace = trace.tb_next
    return line
