"""Reminders to everybody of a tenant who may answer for people's data."""

from __future__ import annotations

from collections.abc import Callable

from chalicelib.domain.permissions import Permission
from chalicelib.domain.staff import StaffMember
from chalicelib.ports.services import Mail, Mailer, MailNotSent
from chalicelib.ports.store import TenantStore
from chalicelib.usecases.roles import permissions_of
from chalicelib.usecases.staff_lists import everybody


def remind_answerers(*, store: TenantStore, mailer: Mailer, mail: Callable[[StaffMember], Mail]) -> None:
    """Mail everybody who may answer privacy requests and breaches.

    Raises MailNotSent where none of the mails was taken: the reminder was not given to anybody.
    """
    sent = False
    refused: MailNotSent | None = None
    for member in everybody(store=store):
        may = Permission.PRIVACY_WRITE in permissions_of(store=store, role=member.role)
        if may and member.email_verified and not member.disabled:
            try:
                mailer.send(mail=mail(member))
                sent = True
            except MailNotSent as error:
                refused = error
    if refused is not None and not sent:
        raise refused
