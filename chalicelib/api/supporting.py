"""What is other where platform support asks: it is audited, what it sees is masked, and no file.

Nor does it get into the portal, which knows of no access and its end.

It is done around every operation, not within one, so that those added later have it too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from chalice.app import Response as ChaliceResponse
from pydantic import BaseModel

from chalicelib.api.answering import JSON
from chalicelib.api.errors import PermissionDenied
from chalicelib.api.files import FileOut
from chalicelib.api.request import Request
from chalicelib.domain.permissions import SUPPORT_WRITES, Permission

READ: Final = "support.read"
CHANGE_ASKED: Final = "support.change_asked"
# A code sent there lets in as the subscriber, for as long as a session of the portal lasts, and
# with the password that is chosen by it for good.
SUBSCRIBERS_ARE_REACHED_AT: Final = frozenset({"email", "phone"})
LETS_INTO_THE_PORTAL: Final = frozenset({"send_portal_activation"})
_NO_FILE: Final = "platform support is given nothing as a file"
_ONE_OF_OURS: Final = re.compile(r"[a-z]{3}_[0-9A-Z]{26}(-[0-9-]+)?", re.ASCII)


def check_asked(request: Request, *, answer: type[BaseModel] | None) -> None:
    """Raise PermissionDenied for what would let platform support in as a subscriber, when it is out again.

    Or where the ``answer`` leads to a file: in that nothing is masked.
    """
    if answer is FileOut:
        raise PermissionDenied(_NO_FILE)
    if request.operation_id in LETS_INTO_THE_PORTAL:
        raise PermissionDenied("platform support lets nobody into the portal")
    given = request.body.model_fields_set if request.body is not None else set()
    where = sorted(SUBSCRIBERS_ARE_REACHED_AT & given)
    if where and "subscriber_id" in request.path:
        raise PermissionDenied("platform support does not change where codes are sent", param=where[0])


def note_asked(request: Request, *, permission: Permission) -> None:
    """Write down what platform support asks for, before it is answered; a change has its own entry besides.

    The company's own people may look at what is theirs. Of a stranger's looking, the entry is all
    that the company will ever know: so there is one for each request, and without it no answer.
    A query is left out: who searches may have typed a name.
    """
    named = [value for value in request.path.values() if _ONE_OF_OURS.fullmatch(value)]
    about = named[0] if named else request.principal.tenant_id
    action = CHANGE_ASKED if permission in SUPPORT_WRITES else READ
    note = request.note(action, about, operation=request.operation_id)
    request.store.commit(request.store.note(note=note))


def shown(response: ChaliceResponse) -> ChaliceResponse:
    """Return an answer as platform support sees it, or raise PermissionDenied for a file."""
    if not response.body:
        return response
    if response.headers["Content-Type"] != JSON:
        raise PermissionDenied(_NO_FILE)
    body = json.dumps(_masked(json.loads(response.body)), ensure_ascii=False, separators=(",", ":"))
    return ChaliceResponse(body=body, headers=response.headers, status_code=response.status_code)


def _masked(value: Any) -> Any:
    from chalicelib.usecases.subscribers import IDENTIFYING

    match value:
        case Mapping():
            return {
                name: _hidden(one) if name in IDENTIFYING else _masked(one) for name, one in value.items()
            }
        case list():
            return [_masked(one) for one in value]
        case _:
            return value


def _hidden(value: Any) -> Any:
    from chalicelib.usecases.told_changes import masked

    match value:
        case str():
            return masked(text=value)
        case list():
            return [_hidden(one) for one in value]
        case _:
            return value
