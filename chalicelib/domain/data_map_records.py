"""The data map of logs, jobs and kept answers."""

from __future__ import annotations

from typing import Final

from chalicelib.domain.data_map import Controller, Stored, Subject
from chalicelib.domain.data_map_handlings import (
    ANSWER,
    ANSWER_HASH,
    ANSWERED,
    ASKED,
    CHAIN,
    CHOICE,
    ENTERED,
    ENTRY,
    ENTRY_ACCESS,
    ENTRY_PERSON,
    ENTRY_SEALED,
    JOB,
    ROWS,
    ROWS_END,
    RUNNING,
    SETTING,
    TOLD,
    TOTAL,
)

RECORDS: Final[tuple[Stored, ...]] = (
    Stored(
        "audit.AuditItem",
        "an entry of the audit log",
        Subject.STAFF,
        {
            ENTRY: "access_hash action actor_id at object_id personal_hash request_id",
            ENTRY_SEALED: "details",
            ENTRY_PERSON: "personal",
            ENTRY_ACCESS: "access",
        },
        {
            "details": "what was changed, from and to",
            "personal": "what a person's data was, from and to, and what was said about it",
            "access": "the network address that it came from",
        },
        also=(Subject.SUBSCRIBER,),
    ),
    Stored(
        "audit_log.RecordItem",
        "a link of the audit chain",
        Subject.NOBODY,
        {CHAIN: "head late links previous"},
    ),
    Stored("audit_log.HeadItem", "the end of the audit chain", Subject.NOBODY, {CHAIN: "link n until"}),
    Stored("audit_log.LateItem", "an entry that came late", Subject.NOBODY, {CHAIN: "n"}),
    Stored(
        "audit_rounds.RoundItem",
        "how far the chain was verified",
        Subject.NOBODY,
        {CHAIN: "at_end begun_on clean done_on link n through told version"},
    ),
    Stored(
        "support.AccessItem",
        "an access of platform support",
        Subject.STAFF,
        {
            ENTRY: "ended_at ended_by ended_by_id opened_at operator_id session_hash staff_id subdomain "
            "tenant_id token_hash until write",
            ENTERED: "told",
        },
        {"told": "who entered, and why"},
    ),
    Stored(
        "consents.ConsentItem",
        "a choice of staff or of a subscriber: what was agreed to, when, to which text, how",
        Subject.STAFF,
        {CHOICE: "choice consent_id"},
        also=(Subject.SUBSCRIBER,),
    ),
    Stored(
        "policy_states.PolicyStateItem",
        "when a person was told of a version of a policy, saw and accepted it",
        Subject.STAFF,
        {CHOICE: "accepted_at dismissed_at mailed_at"},
        controller=Controller.PLATFORM,
    ),
    Stored(
        "policy_states.PolicyToldItem",
        "that all staff were told of a version of a policy",
        Subject.NOBODY,
        {RUNNING: "told_at"},
    ),
    Stored(
        "activity.ActivityItem",
        "how often a page or feature was used on a day",
        Subject.NOBODY,
        {TOTAL: "times ttl"},
    ),
    Stored(
        "privacy.PrivacyRequestItem",
        "a request about somebody's data",
        Subject.SUBSCRIBER,
        {
            ANSWERED: "attempt channel closed_at despite_debt due_on extended kind proof received_at "
            "received_on reminded state subject_id to_tell version",
            ASKED: "asked",
        },
        {
            "asked": "an address, what was asked and answered, what proved the identity, the steps, the "
            "mails that were sent; of an erasure that was done, which documents stay and nothing of anybody, "
            "which is kept like the other attributes"
        },
        also=(Subject.STAFF, Subject.VISITOR),
    ),
    Stored(
        "breaches.BreachItem",
        "a breach of personal data, and who was told",
        Subject.ISP,
        {ANSWERED: "closed noticed_at version", TOLD: "told"},
        {"told": "what happened, when, whose access was misused, who was told when, and what was learnt"},
    ),
    Stored(
        "privacy.ErasedItem",
        "the erasure ledger: who was erased, by identifiers alone",
        Subject.SUBSCRIBER,
        {ANSWERED: "begun_at done_at request_id"},
        also=(Subject.STAFF,),
    ),
    Stored(
        "holds.HoldItem",
        "a legal hold",
        Subject.ISP,
        {ENTRY: "category set_at", ENTRY_SEALED: "reason"},
        {"reason": "why the operator holds the data"},
    ),
    Stored(
        "exports.ExportItem",
        "an export that was asked for",
        Subject.STAFF,
        {
            JOB: "attempt counts created_at created_by failure finished_at permissions sha256 size_bytes "
            "started_at state updated_at version"
        },
    ),
    Stored(
        "imports.ImportItem",
        "an import that was asked for",
        Subject.STAFF,
        {
            JOB: "created_at created_by failure file_name finished_at mapping progress size_bytes source "
            "started_at state updated_at version"
        },
    ),
    Stored(
        "imports.ReportPageItem",
        "rows of a file that were not taken",
        Subject.SUBSCRIBER,
        {ROWS: "rows", ROWS_END: "ttl"},
        {"rows": "the rows as they stand in the file"},
    ),
    Stored(
        "rehearsals.RehearsalItem",
        "a rehearsal that was asked for",
        Subject.STAFF,
        {JOB: "created_at created_by failure finished_at started_at state through version"},
    ),
    Stored(
        "retention.RulesItem", "for how long the ISP keeps what", Subject.NOBODY, {SETTING: "days version"}
    ),
    Stored(
        "retention.ProgressItem",
        "how far what is past its time was taken away",
        Subject.NOBODY,
        {RUNNING: "access_through traffic_after traffic_month version"},
    ),
    Stored(
        "retention.ReportItem",
        "how much was taken away on a day",
        Subject.NOBODY,
        {CHAIN: "access_log jobs requests sign_ups traffic"},
    ),
    Stored("rehearsals.RehearsalResultItem", "what a rehearsal found", Subject.NOBODY, {JOB: "data"}),
    Stored(
        "idempotency.IdempotencyItem",
        "the answer to a request, for its repetition",
        Subject.SUBSCRIBER,
        {ANSWER: "answer", ANSWER_HASH: "request_hash ttl"},
        {"answer": "the answer as it was given"},
    ),
)
