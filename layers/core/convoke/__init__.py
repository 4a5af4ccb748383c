"""Keeps people's calendars true. The map of the package, in the order to read it.

What there is and what to say, without any AWS:

- ``model``: the nouns: Event, Registration, Told, Message
- ``series``, ``rules``: the dates that an event has, and the text of the rule that says them; ``programme``: what an
  organizer does to them
- ``decide``: ``next_message``, the heart: what is true against what was told; ``case``: one attendee's, and what may be
  said of it; ``fingerprints``: whether it is the same
- ``itip``, ``lines``, ``timezones``: a Message as iCalendar bytes, an answer read from them
- ``mail``, ``words``: the MIME mail around it and what it says to a person; an incoming mail, taken apart with care

How it is delivered, as steps that yield ``effects``:

- ``ledger``: what we remember of it: the sequence state of an Invitation, and what a claim writes
- ``reconcile``: one attendee: read, decide, claim, send, record
- ``fanout``: a changed event, a slice of its people at a time
- ``sweep``: whatever is still owed; ``audit``: whatever should be
- ``preview``: what a change would tell whom
- ``feedback``: what SES reports; ``replies``: whose answer counts
- ``perform``: the effects done for real, with ``post`` (SES) and ``store`` (DynamoDB)

How it is asked for: ``web`` is the HTTP API, with its own map; it writes to the ``store`` and mails nothing. And what a
deployment decides: ``settings``.
"""
