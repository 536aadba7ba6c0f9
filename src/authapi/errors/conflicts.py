"""Refusals because of what is there already: 409."""

from authapi.errors.refusal import Refusal


class AlreadyRegistered(Refusal):
    status = 409
    code = "already_registered"
    description = "This e-mail address is registered already."


class UsernameTaken(Refusal):
    status = 409
    code = "username_taken"
    description = "This username is taken."


class LastAdministrator(Refusal):
    status = 409
    code = "last_administrator"
    description = "This is the last administrator. Make another one first."


class AccountDisabled(Refusal):
    status = 409
    code = "account_disabled"
    description = "This account is disabled: the link in the mail would open nothing."
