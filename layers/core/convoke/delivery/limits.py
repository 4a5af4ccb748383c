"""Finds the accounts that have reached their limit of mails, or spent their share of SES's quota. Run by the sweep."""

from __future__ import annotations

from ..decision import limits
from ..decision.invitation import Quota
from ..effects import Clock, CountAccounts, HoldAccounts, Log, ReadMailed, ReadQuota, ReadSending, Steps
from .sweep import INVITATION_QUOTA_SHARE


def hold_accounts() -> Steps[limits.Held]:
    """Hold back all but the cancellations of accounts that are over their limit; returns who is, and who is near it.

    What they are held back is due again when their limit begins anew. It is looked at once a minute, so an account may
    exceed its limit by what is sent in that time.
    """
    now = yield Clock()
    sending = yield ReadSending()
    mails: tuple[limits.AccountMails, ...] = yield ReadMailed(now=now)
    quota: Quota | None = (yield ReadQuota()) if mails else None
    accounts: int = (yield CountAccounts()) if mails else 0
    found = limits.held(mails, quota, share=INVITATION_QUOTA_SHARE, accounts=accounts, now=now)
    if found.until != {account: until for account, until in sending.held.items() if until > now}:
        yield HoldAccounts(until=found.until)
    for one in mails:
        if one.account in found.near:
            fields = {"account": one.account, "in_day": str(one.mailed.in_day), "in_hour": str(one.mailed.in_hour)}
            yield Log(what="account near its limit", fields=fields)
    return found
