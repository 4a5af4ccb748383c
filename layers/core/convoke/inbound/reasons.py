"""Why an incoming mail is quarantined, or an answer has no effect: one code for each condition."""

from __future__ import annotations

from enum import StrEnum

from ..model import ConvokeError


class Reason(StrEnum):
    """The condition that failed, in the order of the checks."""

    VIRUS = "virus"
    """SES found a virus; the mail cannot be released."""

    # The mail, as MIME.
    SIZE = "size"
    HEADER = "header"
    PARTS = "parts"
    DEPTH = "depth"
    FROM = "from"
    """From, or Sender, is not one unambiguous address."""
    UNREADABLE = "unreadable"
    TNEF = "tnef"
    """A winmail.dat of Outlook, and no calendar beside it."""
    CALENDAR = "calendar"
    """Several different calendars; or none, in a mail that does not answer a mail of ours."""
    AUTOMATIC = "automatic"
    """No calendar, and written by a machine: an absence notice, a mailing list, a report, a read receipt."""

    # The calendar in it.
    METHOD = "method"
    """Another method than REPLY, COUNTER and REFRESH."""
    MISMATCH = "mismatch"
    """The MIME part names another method than the calendar in it (RFC 6047, section 2.4)."""
    SEVERAL = "several"
    """Several events that are not one person's answers to one invitation, or that contradict each other on a date."""
    ATTENDEES = "attendees"
    """Several ATTENDEEs, and it is unclear what the sender answers; or one whose mail address cannot be read."""
    PARTSTAT = "partstat"
    PROPOSAL = "proposal"
    """The proposed time is not possible."""

    # Whether the sender is authenticated by the receiving server.
    SPAM = "spam"
    DMARC = "dmarc"
    SPF = "spf"
    """The domain has no DMARC policy, and SPF does not pass."""
    ENVELOPE = "envelope"
    """The domain has no DMARC policy, and SPF passes for another domain than From's."""
    GOOGLE = "google"
    """Google Calendar sent it for a domain that did not sign it. Only an acceptance is applied then."""

    # Whether it is this person's answer to a message of ours.
    UID = "uid"
    """Not the UID of an invitation of ours."""
    OUTDATED = "outdated"
    """The UID of an invitation that another one has replaced."""
    STRANGER = "stranger"
    """From is not the address of the registration, nor another spelling of it: the attendee answered from another
    address, or somebody else did.
    """
    SENDER = "sender"
    """Sender names another user of From's domain, and DMARC authenticates only the domain. If the calendar names that
    user as well (SENT-BY), an acceptance is applied, and nothing else.
    """
    ATTENDEE = "attendee"
    """ATTENDEE is not the address of the registration."""
    STATUS = "status"
    """The registration is withdrawn or erased."""
    FUTURE = "future"
    """Its DTSTAMP is more than a day after its receipt."""
    DATE = "date"
    """RECURRENCE-ID names no date of the event."""
    RANGE = "range"
    """RECURRENCE-ID has a RANGE: it answers a date and all that follow (RFC 5545, section 3.2.13)."""
    OVER = "over"
    """A request on an event that is over, or a proposal for one that is over or cancelled."""
    REPEATED = "repeated"
    """The same answer is stored already."""
    OLD = "old"
    """A newer answer is stored."""

    # Whether it can be carried out.
    OFTEN = "often"
    """The person's daily limit of requests or texts was reached. An answer is still applied; its text was not passed
    on.
    """
    STOPPED = "stopped"
    """The requested message cannot be sent: there was none yet, or the address is stopped."""


class Quarantined(ConvokeError):
    """The mail, or one answer in it, must be quarantined; ``reason`` says why."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason
