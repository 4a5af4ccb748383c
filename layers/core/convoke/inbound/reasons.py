"""Why a mail that came in is put aside: one code for each condition that it failed."""

from __future__ import annotations

from enum import StrEnum

from ..model import ConvokeError


class Reason(StrEnum):
    """What was wrong, in the order in which it is looked for."""

    VIRUS = "virus"
    """SES found one; nothing of the mail can be released."""

    # The mail, as MIME.
    SIZE = "size"
    HEADER = "header"
    LINE = "line"
    PARTS = "parts"
    DEPTH = "depth"
    FROM = "from"
    """From, or Sender, is not one address that can be read in one way."""
    UNREADABLE = "unreadable"
    TNEF = "tnef"
    """Outlook's own winmail.dat, and no calendar beside it."""
    CALENDAR = "calendar"
    """Calendars that differ; or none, in a mail that answers no mail of ours."""
    AUTOMATIC = "automatic"
    """No calendar, and no human wrote it: an absence, a mailing list, a report."""

    # The calendar in it.
    METHOD = "method"
    """It does not answer: only REPLY, COUNTER and REFRESH come in."""
    MISMATCH = "mismatch"
    """The MIME part names another method than the calendar in it (RFC 6047, section 2.4)."""
    SEVERAL = "several"
    """Several events that are not the answers of one person to one invitation, or say two things of one date."""
    ATTENDEES = "attendees"
    """More than one ATTENDEE, or one without a mail address."""
    PARTSTAT = "partstat"
    PROPOSAL = "proposal"
    """A proposal of no time that there is."""

    # Whether the receiving server vouches for who sent it.
    SPAM = "spam"
    DMARC = "dmarc"
    SPF = "spf"
    """The domain has no DMARC policy, and SPF does not pass."""
    ENVELOPE = "envelope"
    """The domain has no DMARC policy, and SPF passes for another domain than From's."""
    GOOGLE = "google"
    """Google Calendar sent it for a domain that did not sign it: so somebody can accept, and nothing else."""

    # Whether it is this person's answer to what was asked.
    UID = "uid"
    """Not the UID of an invitation of ours."""
    OUTDATED = "outdated"
    """The UID of an invitation in whose place there is another."""
    STRANGER = "stranger"
    """From is not the address of the registration, nor another spelling of it: somebody's answer came from another
    address, or it is not theirs.
    """
    SENDER = "sender"
    """Sender names somebody else of From's domain, and for the domain alone does DMARC vouch. Where the calendar names
    them as well (SENT-BY), they can accept, and nothing else.
    """
    ATTENDEE = "attendee"
    """ATTENDEE is not the address of the registration."""
    STATUS = "status"
    """The registration is withdrawn or erased."""
    SEQUENCE = "sequence"
    """It answers a revision that was never sent. Nothing is put aside for this any more; such answers count as ones to
    the present.
    """
    FUTURE = "future"
    """It is dated more than a day after it came."""
    DATE = "date"
    """RECURRENCE-ID names no date of the event."""
    OVER = "over"
    """It asks for something, of an event that is over or cancelled."""
    REPEATED = "repeated"
    """The very answer that stands."""
    OLD = "old"
    """A newer answer stands."""

    # Whether it can be done.
    OFTEN = "often"
    """The person asked for, or wrote, too much in a day. An answer counts all the same; what was written with it was
    not passed on.
    """
    STOPPED = "stopped"
    """What was asked for cannot be mailed: nothing was ever sent, or the address may not be written to."""


class Quarantined(ConvokeError):
    """A mail that is put aside, and why."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason
