"""A person's copy of their data has whatever the data map says is theirs, and an erasure finds it."""

from __future__ import annotations

from dataclasses import fields

from chalicelib.api.privacy_parts import ContactChangesIn
from chalicelib.domain.contacts import Contact
from chalicelib.domain.data_map import Subject
from chalicelib.domain.data_map_items import ITEMS
from chalicelib.domain.gateways import CheckoutAsked, RefundAsked
from chalicelib.domain.processors import PAYMENTS, check_fields
from chalicelib.store.subject_data import MODELS

# What of a subscriber is not in the account's collection, and where a copy has it, or why it has not.
ELSEWHERE = {
    "subscribers.SubscriberItem": "both halves in one read; never written",
    "subscriber_search.DirectoryItem": "the person file: the same name, code and area",
    "portal_codes.AskedItem": "gone within minutes",
    "portal_codes.NewestItem": "gone within minutes",
    "quarantine.QuarantineItem": "of a billing run; it holds a code of ours and no words about the person",
    "imports.ReportPageItem": "rows of a file, under no person's name; gone within seven days",
    "idempotency.IdempotencyItem": "the same as what it answered; an erasure empties it",
    "consumer_numbers.ConsumerNumberItem": "the other way round of what is in the account's collection",
    "field_receipts.FieldReceiptItem": "the receipt that it became, in the file of documents",
    "vouchers.VoucherItem": "the receipt of its redemption, in the file of documents",
    "chargebacks.ChargebackItem": "the journal and debit note that it became, in the file of documents",
    "outbox.OutboxItem": "identifiers on their way to the network; gone within days",
    "receipt_mails.ReceiptMailItem": "gone when the mail went",
    "settlements.LinesItem": "rows of a vendor's file, by numbers of payments and under no person's name",
    "gateway_refunds.GatewayRefundItem": "after the account's items, found by the refund's identifier",
    "gateway_collections.ListedItem": "a list of what is in the account's collection",
    "parked_notices.ParkedItem": "after the account's items, found by the account",
    "privacy.PrivacyRequestItem": "the file of privacy requests",
    "privacy.ErasedItem": "identifiers of who was erased, who has no copy any more",
    "audit.AuditItem": "the file of audit entries: by them and about them",
    "consents.ConsentItem": "the file of consents",
    "sessions.PersonItem": "the file of sessions",
    "sessions.SessionItem": "the same, by its token, which is shown to nobody",
    "tokens.OneTimeItem": "a digest that finds a code; gone within days",
}

# What of people who work there is in their copy, or why it is not.
OF_STAFF = {
    "staff.StaffItem": "the person file",
    "second_factors.SecondFactorItem": "passkeys among the stored items; secrets are shown to nobody",
    "api_keys.ApiKeyItem": "keys that they made, among the stored items",
    "audit.AuditItem": "the file of audit entries: by them and about them",
    "sessions.PersonItem": "the file of sessions",
    "sessions.SessionItem": "the same, by its token, which is shown to nobody",
    "consents.ConsentItem": "the file of consents, of staff and of subscribers",
    "policy_states.PolicyStateItem": "the file of policies",
    "invitations.InvitationItem": "of who does not work there yet; they ask from outside",
    "support.AccessItem": "what they did under it is in the audit entries",
    "dealers.DealerItem": "a company that sells, by name",
    "privacy.PrivacyRequestItem": "the file of privacy requests",
    "privacy.ErasedItem": "identifiers of who was erased, who has no copy any more",
    **dict.fromkeys(
        "funds.FundItem funds.MovementItem hand_overs.HandOverItem hand_overs.OpenHandOverItem "
        "till_closings.TillClosingItem expenses.ExpenseItem vouchers.BatchItem dealers.DealerSalesItem "
        "exports.ExportItem imports.ImportItem rehearsals.RehearsalItem settlements.SettlementItem "
        "settlements.ResolutionItem".split(),
        "the company's books and jobs; that they did it is in the audit entries",
    ),
    **dict.fromkeys(
        "api_keys.FoundKeyItem networks.NetworksItem support.OpenedItem tokens.OneTimeItem".split(),
        "digests that find something; gone with what they find, or within days",
    ),
}


def test_everything_of_who_works_there_is_in_their_copy_or_said_why_not() -> None:
    assert {one.model for one in ITEMS if Subject.STAFF in one.subjects} == set(OF_STAFF)


# What becomes of it when somebody who worked there is erased.
GOES_OF_STAFF = {
    "staff.StaffItem": "nobody's: identifier, role and day of joining stay",
    "second_factors.SecondFactorItem": "gone",
    "api_keys.ApiKeyItem": "gone",
    "api_keys.FoundKeyItem": "gone, with the key",
    "sessions.PersonItem": "gone: sessions and devices",
    "sessions.SessionItem": "gone",
    "consents.ConsentItem": "gone",
    "policy_states.PolicyStateItem": "gone; that terms were accepted is in the audit log",
    "invitations.InvitationItem": "gone, where it is to the address",
}
STAYS_OF_STAFF = {
    "audit.AuditItem": "by identifier; the addresses of entries by them go, and what told of them",
    "support.AccessItem": "of platform support: whom the ISP was told that it had let in",
    "dealers.DealerItem": OF_STAFF["dealers.DealerItem"],
    "privacy.PrivacyRequestItem": "that there were such, by identifier; what was written in them goes",
    "privacy.ErasedItem": "by identifier: a restore erases again by it",
    "networks.NetworksItem": "hashes of the company's networks, of no person",
    "support.OpenedItem": "an identifier, gone within hours",
    "tokens.OneTimeItem": "an identifier, gone within days; good for nobody who is erased",
    **{model: "by identifier" for model, why in OF_STAFF.items() if why.startswith("the company's books")},
}


def test_everything_of_who_worked_there_goes_or_is_said_to_stay() -> None:
    assert {*GOES_OF_STAFF, *STAYS_OF_STAFF} == set(OF_STAFF)
    assert not set(GOES_OF_STAFF) & set(STAYS_OF_STAFF)


def test_everything_of_a_subscriber_is_in_their_copy_or_said_why_not() -> None:
    shown = {f"{one.__module__.rpartition('.')[2]}.{one.__name__}" for one in MODELS.values()}

    of_subscribers = {one.model for one in ITEMS if Subject.SUBSCRIBER in one.subjects}

    assert of_subscribers == shown | set(ELSEWHERE)
    assert not shown & set(ELSEWHERE)


def test_each_field_of_a_contact_may_be_corrected_but_notes_which_are_the_isps_own_words() -> None:
    assert set(ContactChangesIn.model_fields) == {one.name for one in fields(Contact)} - {"note"}


def test_what_goes_to_gateways_is_in_the_register() -> None:
    for message in (CheckoutAsked, RefundAsked):
        check_fields(processor=PAYMENTS, names=message.__dataclass_fields__)
