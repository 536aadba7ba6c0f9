"""An application with a mail server, whose mails are sent when a test says so."""

from authapi.db import outbox
from authapi.db.outbox import ListedMail
from tests.support.api import Api
from tests.support.application import MakeApi

SENDER = "authapi <login@auth.example>"


def application(make_api: MakeApi, url: str, **more: object) -> Api:
    return make_api(smtp_url=url, mail_from=SENDER, limit_links="", **more)


def send(api: Api) -> int:
    return int(api.app.state.runtime.mail_sender.send_due())


def waiting(api: Api) -> ListedMail:
    with api.app.state.runtime.db.connect() as connection:
        (mail,) = outbox.list_waiting(connection, 2)
    return mail


def posted(make_api: MakeApi, url: str) -> Api:
    """Return an application with one mail that was tried once."""
    api = application(make_api, url)
    api.register()
    send(api)
    return api
