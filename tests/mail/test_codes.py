"""What links and codes of mails are made of, and what each of them is good for (ASVS V6)."""

from collections import Counter

import pytest
from sqlalchemy import select

from authapi.crypto.ids import new_id
from authapi.crypto.mail_secrets import CODE_LETTERS, MailSecrets
from authapi.db.models import Model, OutboxMail
from tests.mail.conftest import MailApi, MakeMailApi
from tests.support.api import EMAIL, PASSWORD
from tests.support.clock import TestClock
from tests.support.mails import ReadMail

NEW = "a new and longer phrase"
DAY = 86400
MANY = 3000


def asked_mails(mail_api: MailApi, email: str = EMAIL) -> tuple[ReadMail, ReadMail]:
    """Register; return the mail to verify the address, and the one to reset the password."""
    mail_api.api.register(email)
    mail_api.post("/password/forgot", email=email)
    return mail_api.mail(email, "Verify"), mail_api.mail(email, "password")


def test_codes_have_34_bits_and_tokens_192() -> None:
    """ASVS 6.5.3, 6.5.4: all letters are as frequent in each place, and nothing comes twice."""
    made = MailSecrets([b"s" * 32])
    ids = [new_id() for _ in range(MANY)]
    codes = [made.code(mail_id).replace("-", "") for mail_id in ids]
    assert len(set(codes)) == len({made.token(mail_id) for mail_id in ids}) == MANY
    assert {len(code) for code in codes} == {8}
    for place in range(8):
        letters = Counter(code[place] for code in codes)
        assert set(letters) == set(CODE_LETTERS)
        assert max(letters.values()) < 2 * MANY / len(CODE_LETTERS)
    assert {len(made.token(mail_id).partition(".")[2]) for mail_id in ids} == {192 // 6}


def test_a_code_is_good_for_its_purpose_alone(mail_api: MailApi) -> None:
    verification, reset = asked_mails(mail_api)
    by_code = {"email": EMAIL, "code": verification.code, "new_password": NEW}
    assert mail_api.post("/password/reset", **by_code) == 400
    assert mail_api.post("/password/reset", token=verification.token, new_password=NEW) == 400
    assert mail_api.post("/email/verify", email=EMAIL, code=reset.code) == 400
    assert mail_api.post("/email/verify", token=reset.token) == 400
    assert mail_api.post("/email/undo", token=reset.token) == 400


def test_a_code_is_good_for_its_address_alone(mail_api: MailApi) -> None:
    mail_api.api.register("eve@example.com")
    mail_api.post("/password/forgot", email="eve@example.com")
    eves = mail_api.mail("eve@example.com", "password")
    asked_mails(mail_api)
    stolen = {"email": EMAIL, "code": eves.code, "new_password": NEW}
    assert mail_api.post("/password/reset", **stolen) == 400
    assert mail_api.api.login()


@pytest.mark.parametrize("used", ["token", "code"])
def test_a_link_and_its_code_are_one_use(mail_api: MailApi, used: str) -> None:
    _, mail = asked_mails(mail_api)
    link, code = {"token": mail.token}, {"email": EMAIL, "code": mail.code}
    first, second = (link, code) if used == "token" else (code, link)
    assert mail_api.post("/password/reset", **first, new_password=NEW) == 204
    for proof in (first, second):
        assert mail_api.post("/password/reset", **proof, new_password=PASSWORD) == 400


def test_a_code_lives_as_long_as_its_link(mail_api: MailApi, clock: TestClock) -> None:
    verification, reset = asked_mails(mail_api)
    clock.advance(15 * 60 + 1)
    by_code = {"email": EMAIL, "code": reset.code, "new_password": NEW}
    assert mail_api.post("/password/reset", **by_code) == 400
    clock.advance(DAY - 15 * 60)
    assert mail_api.post("/email/verify", email=EMAIL, code=verification.code) == 400
    assert mail_api.post("/email/verify", token=verification.token) == 400


def test_the_database_has_neither_token_nor_code(mail_api: MailApi) -> None:
    verification, reset = asked_mails(mail_api)
    with mail_api.runtime.db.connect() as connection:
        tables = Model.metadata.tables.values()
        stored = repr([connection.execute(select(table)).all() for table in tables])
    for mail in (verification, reset):
        secret = mail.token.partition(".")[2]
        for text in (secret, mail.code, mail.code.replace("-", "")):
            assert text not in stored


def test_what_a_mail_says_is_sealed_and_goes_once_it_is_sent(mail_api: MailApi) -> None:
    def sealed() -> list[bytes | None]:
        with mail_api.runtime.db.connect() as connection:
            return list(connection.scalars(select(OutboxMail.sealed)))

    mail_api.api.register()
    [waiting] = sealed()
    assert waiting is not None
    assert EMAIL.encode() not in waiting
    mail_api.mails()
    assert sealed() == [None]


def test_who_knows_a_mails_id_can_make_no_token(mail_api: MailApi) -> None:
    mail_api.api.register()
    token = mail_api.mail(EMAIL).token
    mail_id, _, mac = token.partition(".")
    strangers = MailSecrets([b"another secret which is long enough"])
    for forged in (f"{mail_id}.{'A' * len(mac)}", strangers.token(mail_id)):
        assert mail_api.post("/email/verify", token=forged) == 400
    assert mail_api.post("/email/verify", token=token) == 204


def test_a_code_is_compared_with_five_links_at_most(mail_api: MailApi, clock: TestClock) -> None:
    """Else many accounts that ask for one address make a guess at its codes worth more."""
    for number in range(6):
        clock.advance(1)
        tokens = mail_api.api.register_and_login(f"{number}@example.com")
        asked = {"email": EMAIL, "password": PASSWORD}
        mail_api.api.expect(202, "POST", "/me/email", headers=tokens.bearer, json=asked)
    oldest, second, *_ = [mail.code for mail in mail_api.mails(EMAIL)]
    assert mail_api.post("/email/verify", email=EMAIL, code=oldest) == 400
    assert mail_api.post("/email/verify", email=EMAIL, code=second) == 204


def test_a_reset_hands_out_no_session(mail_api: MailApi) -> None:
    _, mail = asked_mails(mail_api)
    body = {"token": mail.token, "new_password": NEW}
    answer = mail_api.api.client.post("/password/reset", json=body)
    assert (answer.status_code, answer.content) == (204, b"")
    assert "set-cookie" not in answer.headers
    assert "authorization" not in answer.headers


@pytest.mark.parametrize("path", ["/email/verify", "/email/undo", "/password/reset"])
def test_wrong_links_of_one_address_are_counted(make_mail_api: MakeMailApi, path: str) -> None:
    mail_api = make_mail_api(limit_login_address="2/hour")
    body = {"token": "A" * 55} | ({"new_password": NEW} if "reset" in path else {})
    assert [mail_api.post(path, **body) for _ in range(3)] == [400, 400, 429]


def test_who_asks_for_another_address_is_counted_and_so_is_that_address(
    make_mail_api: MakeMailApi,
) -> None:
    mail_api = make_mail_api(limit_links="2/hour", trusted_proxies="192.0.2.1")
    bearer = mail_api.api.register_and_login().bearer
    asked, wanted = [], "new@example.com"
    for place in ("1", "1", "1", "2"):
        headers = {**bearer, "X-Forwarded-For": f"203.0.113.{place}"}
        body = {"email": wanted, "password": PASSWORD}
        asked.append(mail_api.api.client.post("/me/email", json=body, headers=headers).status_code)
    assert asked == [202, 202, 429, 202]
    assert len(mail_api.mails(wanted)) == 2
