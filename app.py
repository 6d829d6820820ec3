"""Composition only: the REST API's routes, and every event handler, one line into a job.

Jobs are imported by the function that runs them, so that a cold start of the API does not
pay for them.
"""

from __future__ import annotations

import gc
from typing import Any

# Importing makes some hundred thousand lasting objects and no garbage: looking for it costs a
# seventh of a cold start. What is there at the end stays for good, so it is never looked at again.
gc.disable()

# ruff: noqa: E402
from chalice.app import Chalice, CloudWatchEvent, Cron, Rate, SQSEvent

from chalicelib.api.routes import register
from chalicelib.bootstrap import job_services, services

app = Chalice(app_name="isp-billing", configure_logs=False)
register(app, services)
gc.freeze()
gc.enable()


@app.schedule(Rate(15, unit=Rate.MINUTES), name="billing_planner")
def billing_planner(event: CloudWatchEvent) -> None:
    """Start the billing runs of tenants whose hour has come."""
    from chalicelib.jobs.billing import plan_billing

    plan_billing(job_services(), event.to_dict())


@app.on_sqs_message(queue="BillingQueue", batch_size=1, name="billing_worker", maximum_concurrency=10)
def billing_worker(event: SQSEvent) -> dict[str, Any]:
    """Bill one shard of a run."""
    from chalicelib.jobs.billing import work_billing

    return work_billing(job_services(), event.to_dict())


@app.on_sqs_message(queue="ImportQueue", batch_size=1, name="import_worker", maximum_concurrency=5)
def import_worker(event: SQSEvent) -> dict[str, Any]:
    """Work on one import."""
    from chalicelib.jobs.imports import work_imports

    return work_imports(job_services(), event.to_dict())


@app.on_sqs_message(queue="ExportQueue", batch_size=1, name="export_worker", maximum_concurrency=5)
def export_worker(event: SQSEvent) -> dict[str, Any]:
    """Work on one export."""
    from chalicelib.jobs.exports import work_exports

    return work_exports(job_services(), event.to_dict())


@app.on_sqs_message(queue="MailQueue", batch_size=1, name="mail_worker", maximum_concurrency=5)
def mail_worker(event: SQSEvent) -> dict[str, Any]:
    """Send mails that somebody asked for who may be nobody."""
    from chalicelib.jobs.mails import send_mails

    return send_mails(job_services(), event.to_dict())


@app.schedule(Rate(5, unit=Rate.MINUTES), name="prepaid_expirer")
def prepaid_expirer(event: CloudWatchEvent) -> None:
    """Renew prepaid lines that run out, or mark them as ended."""
    from chalicelib.jobs.prepaid import expire_prepaid_lines

    expire_prepaid_lines(job_services(), event.to_dict())


@app.schedule(Rate(10, unit=Rate.MINUTES), name="collection_keeper")
def collection_keeper(event: CloudWatchEvent) -> None:
    """Ask gateways for what they may have told in vain, end what nobody paid, have receipts mailed."""
    from chalicelib.jobs.gateway_collections import keep_collections

    keep_collections(job_services(), event.to_dict())


@app.schedule(Rate(1, unit=Rate.MINUTES), name="audit_sealer")
def audit_sealer(event: CloudWatchEvent) -> None:
    """Chain the audit entries that were written since the last pass."""
    from chalicelib.jobs.audit import seal_audit_logs

    seal_audit_logs(job_services(), event.to_dict())


@app.schedule(Cron(10, 0, "*", "*", "?", "*"), name="audit_anchorer")
def audit_anchorer(event: CloudWatchEvent) -> None:
    """Keep the heads of the audit chains where nobody can change them."""
    from chalicelib.jobs.audit import anchor_audit_chains

    anchor_audit_chains(job_services(), event.to_dict())


@app.schedule(Cron(40, 0, "*", "*", "?", "*"), name="audit_verifier")
def audit_verifier(event: CloudWatchEvent) -> None:
    """Compare the audit logs with their chains and anchors: what is new daily, everything weekly."""
    from chalicelib.jobs.audit import verify_audit_chains

    verify_audit_chains(job_services(), event.to_dict())


@app.schedule(Rate(1, unit=Rate.HOURS), name="plan_keeper")
def plan_keeper(event: CloudWatchEvent) -> None:
    """Put new tenants on the platform's plan, charge them for past months, note ends of support."""
    from chalicelib.jobs.plans import keep_plans

    keep_plans(job_services(), event.to_dict())


@app.schedule(Rate(1, unit=Rate.HOURS), name="policy_teller")
def policy_teller(event: CloudWatchEvent) -> None:
    """Mail staff about new versions of the platform's policies, each person once."""
    from chalicelib.jobs.policies import tell_of_policies

    tell_of_policies(job_services(), event.to_dict())


@app.schedule(Rate(1, unit=Rate.HOURS), name="tenant_keeper")
def tenant_keeper(event: CloudWatchEvent) -> dict[str, Any]:
    """See to tenants whose accounts end: notices, purge, certificate; holds, by an operator's event."""
    from chalicelib.jobs.endings import keep_tenants

    return keep_tenants(job_services(), event.to_dict())


@app.schedule(Rate(1, unit=Rate.DAYS), name="key_keeper")
def key_keeper(event: CloudWatchEvent) -> None:
    """Replace tenants' keys that are a year old, or that an operator's event names."""
    from chalicelib.jobs.keys import keep_keys

    keep_keys(job_services(), event.to_dict())


@app.schedule(Rate(1, unit=Rate.HOURS), name="privacy_keeper")
def privacy_keeper(event: CloudWatchEvent) -> None:
    """Remind of the deadlines of privacy requests, and begin again what got lost of them."""
    from chalicelib.jobs.privacy import keep_privacy_requests

    keep_privacy_requests(job_services(), event.to_dict())


@app.schedule(Rate(1, unit=Rate.DAYS), name="retention_keeper")
def retention_keeper(event: CloudWatchEvent) -> None:
    """Take away what is past its time."""
    from chalicelib.jobs.retention import keep_retention

    keep_retention(job_services(), event.to_dict())


@app.schedule(Cron(25, "*", "*", "*", "?", "*"), name="backup_keeper")
def backup_keeper(event: CloudWatchEvent) -> None:
    """Take the week's backup, or go on with it."""
    from chalicelib.jobs.backups import keep_backups

    keep_backups(job_services(), event.to_dict())


@app.schedule(Cron(50, "*", "*", "*", "?", "*"), name="restore_driller")
def restore_driller(event: CloudWatchEvent) -> dict[str, Any]:
    """Restore a new backup into tables of its own, check and delete them; restore, by an operator's event."""
    from chalicelib.jobs.restores import drill_restores

    return drill_restores(job_services(), event.to_dict())
