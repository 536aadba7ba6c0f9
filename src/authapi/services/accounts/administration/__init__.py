"""What an operator does to accounts, from the command line or over HTTP: a use case a function.

A function that takes a user's id may raise NotFound. `creation` is imported by itself.
"""

from authapi.services.accounts.administration.changing import (
    Change,
    Changed,
    Rename,
    change_scopes,
    change_user,
    disable_user,
    enable_user,
    set_email,
)
from authapi.services.accounts.administration.ending import (
    delete_user,
    end_session_of,
    reset_factors,
    sign_out_user,
)
from authapi.services.accounts.administration.operator import Actor, Operator
from authapi.services.accounts.administration.passwords import mail_reset, set_password
from authapi.services.accounts.administration.reading import (
    WantedEvents,
    count_factors,
    get_by_email,
    get_user,
    list_factors_of,
    list_sessions_of,
    list_users,
    search_events,
    search_users,
)

__all__ = [
    "Actor",
    "Change",
    "Changed",
    "Operator",
    "Rename",
    "WantedEvents",
    "change_scopes",
    "change_user",
    "count_factors",
    "delete_user",
    "disable_user",
    "enable_user",
    "end_session_of",
    "get_by_email",
    "get_user",
    "list_factors_of",
    "list_sessions_of",
    "list_users",
    "mail_reset",
    "reset_factors",
    "search_events",
    "search_users",
    "set_email",
    "set_password",
    "sign_out_user",
]
