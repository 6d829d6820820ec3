"""The text of the mail about a new version of a policy."""

from __future__ import annotations

from typing import Final

from chalicelib.domain.policies import ACCEPTANCE_GRACE, PolicyVersion
from chalicelib.ports.services import Mail

_NEW_VERSION: Final = """\
Hello {name},

there is a new version of "{title}" of ISP Billing, in force from {on} (UTC):

    {summary}

Read it, and what changed, at
{address}/policies/{document}/{version}
{more}
"""
_ACCEPT: Final = """
When you sign in next, you are asked to accept it. An owner who has not accepted it {days} days after it
is in force can read and export everything, and change nothing, until they do.
"""
_WHY: Final = """
You get this because you agreed to mail about the product. You can take that back at any time in your
account.
"""


def policy_mail(*, to: str, name: str, version: PolicyVersion, address: str) -> Mail:
    """Return the mail; ``address`` is where the public pages are."""
    text = _NEW_VERSION.format(
        name=name,
        title=version.title,
        on=version.version,
        summary=version.summary,
        address=address,
        document=version.document.value,
        version=version.version,
        more=(_ACCEPT.format(days=ACCEPTANCE_GRACE.days) if version.accept else "")
        + ("" if version.significant else _WHY),
    )
    return Mail(to=to, subject=f"A new version: {version.title}", text=text)
