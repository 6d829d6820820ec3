"""The pages on which an invoice is paid by whoever has its link; and where vendors lead back to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Final

from chalicelib.api import pages
from chalicelib.api.raw import form_of
from chalicelib.api.routing import Answer, Request, endpoint
from chalicelib.domain.errors import Busy, DomainError, InvalidValue, NotFound
from chalicelib.domain.gateways import Checkout, GatewayKind, Step
from chalicelib.domain.staff import Permission
from chalicelib.usecases import gateway_collections as collections
from chalicelib.usecases import pay_links
from chalicelib.usecases.gateways import kind_of

_GONE: Final = "This link leads to nothing, or not any more. Ask your internet provider for a new one."
_LATER: Final = "Something is in the way just now. Nothing was taken: try again in a minute."
_LOCAL: Final = "http://127.0.0.1"


@endpoint(
    "GET",
    "/pay/{token}",
    permission=Permission.PUBLIC,
    raw={200: pages.HTML, 404: pages.HTML},
    counted="pages",
)
def show_pay_page(request: Request) -> Answer:
    """Show what is open of an invoice and how it may be paid, or what became of a payment."""
    more = _more(request) if request.raw.query else None
    return _shown(request) if more is None else _led_on(request, more[1], more[0])


@endpoint(
    "POST",
    "/pay/{token}",
    permission=Permission.PUBLIC,
    raw={200: pages.HTML, 303: "", 404: pages.HTML, 409: pages.HTML},
    counted="pages",
)
def pay_by_page(request: Request) -> Answer:
    """Begin to pay, and lead on: to the vendor's page, by a form to it, or to what is to be entered."""
    form = _form(request)
    if "gateway" not in form:
        return _shown(request) if "give_up" not in form else _given_up(request)
    try:
        made = _begun(request, form["gateway"])
    except DomainError as error:
        return _shown(request, refused=error)
    return _led_on(request, made.checkout, made.collection.gateway)


def _begun(request: Request, gateway: str) -> collections.Begun:
    return pay_links.begin_by_link(
        ports=request.services.gateways,
        token=request.path["token"],
        gateway=kind_of(text=gateway),
        at=request.now,
        request_id=request.request_id,
        address=request.address,
    )


def _more(request: Request) -> tuple[GatewayKind, Checkout] | None:
    """Return the second step of a vendor who has one, where the payer came back from the first."""
    with suppress(DomainError):
        return pay_links.next_step(
            ports=request.services.gateways,
            token=request.path["token"],
            query=request.raw.query,
            at=request.now,
        )
    return None


def _form(request: Request) -> Mapping[str, str]:
    """Return the fields of the form; none of what a vendor posts in another shape when it leads back."""
    with suppress(InvalidValue):
        return form_of(request.raw)
    return {}


def _given_up(request: Request) -> Answer:
    """Cancel the payment that was begun, and show the page; what is no more open stays as it is."""
    with suppress(DomainError):
        pay_links.give_up(
            ports=request.services.gateways,
            token=request.path["token"],
            at=request.now,
            request_id=request.request_id,
            address=request.address,
        )
    return _shown(request)


def _shown(request: Request, refused: DomainError | None = None) -> Answer:
    """Return the page of the token, with a refusal where there was one."""
    try:
        shown = pay_links.show_page(
            ports=request.services.gateways,
            token=request.path["token"],
            at=request.now,
            request_id=request.request_id,
        )
    except NotFound:
        return pages.html_answer(pages.message_page(title="Not found", message=_GONE), status=404)
    except Busy:
        return pages.html_answer(pages.message_page(title="Not now", message=_LATER), status=503)
    if refused is None:
        return pages.html_answer(pages.pay_page(shown))
    text = pages.pay_page(shown, refusal=pages.refusals(refused.code))
    return pages.html_answer(text, status=409)


def _led_on(request: Request, checkout: Checkout, kind: GatewayKind) -> Answer:
    if checkout.step is Step.SHOW:
        back = f"{collections.PAY_PATH}/{request.path['token']}"
        text = pages.show_page(checkout=checkout, vendor=kind, back=back, code_of=_code_of(request))
        return pages.html_answer(text)
    _check_way(request, checkout.url)
    if checkout.step is Step.POST_FORM:
        return pages.html_answer(pages.post_form_page(checkout=checkout, vendor=kind))
    return Answer(None, {"Location": checkout.url}, status=303)


def _code_of(request: Request) -> Callable[[str], str]:
    """Return what draws a QR code, whose library is loaded where there is one to draw."""
    return lambda text: request.services.printer.qr_code(text=text, label="QR code for your bank's app")


def _check_way(request: Request, url: str) -> None:
    """Raise InvalidValue for what no browser should be sent to."""
    ours = request.services.gateways.base_url
    plain = url.isascii() and url.isprintable() and " " not in url
    if not plain or not url.startswith(("https://", f"{ours}/", _LOCAL)):
        raise InvalidValue("the vendor's page has no address that a browser should open")
