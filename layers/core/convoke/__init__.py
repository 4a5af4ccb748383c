"""Keeps people's calendars true. The map of the package, in the order to read it.

What there is and what to say, without any AWS:

- ``model``: the nouns: Event, Registration; ``calendar_state``: Message, and Told, the calendar that an attendee holds
- ``series``: which dates an event has; ``rules``, ``recurrence``: the text of a rule, and the days that it means;
  ``templates``: which rules Outlook can hold; ``programme``: what an organizer does to them
- ``decide``: ``next_message``, the heart: what is true against what was told; ``case``: one attendee's, and what may be
  said of it; ``fingerprints``: whether it is the same
- ``attendance``: which answer of an attendee stands, and what it does to their seat
- ``itip``, ``lines``, ``timezones``: a Message as iCalendar bytes
- ``mail``: the MIME mail around it; ``headers``, ``mime``: how its header fields and its parts are written, and read
  back; ``words``, ``date_text``, ``subjects``: what it says to a person; ``page``: that as HTML; ``freemail``: which
  organizers Reply-To does not name
- ``notes``, ``notepaper``: plain letters beside the invitations; ``attention``: who was not reached

How it is delivered, as steps that yield ``effects``:

- ``ledger``: what we remember of it: the sequence state of an Invitation, and what a claim writes
- ``plan``: what to send to one attendee now; ``reconcile``: read, plan, claim, send, record
- ``dispatch``: one note
- ``fanout``: a changed event, a slice of its people at a time
- ``sweep``: whatever is still owed; ``audit``: whatever should be
- ``preview``: what a change would tell whom
- ``survey``: whether everybody was reached
- ``feedback``: what SES reports
- ``perform``: the effects done for real, with ``post`` (SES) and ``store`` (DynamoDB)

What comes in by mail: ``inbound``, with its own map, takes it apart and judges whose answer counts.

What other systems are told: ``hooks`` says what and how it is signed, ``targets`` where to, ``courier`` carries it.

How it is asked for: ``web`` is the HTTP API, with its own map; it writes to the ``store`` and mails nothing. And what a
deployment decides: ``settings``.
"""
