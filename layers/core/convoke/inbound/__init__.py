"""Parses an incoming mail and decides what to do with it. Pure functions; nothing is stored or sent here.

In the order to read them:

- ``reasons``: why a mail is quarantined, a code for each condition
- ``uids``: the form of our UIDs, and finding them in a mail
- ``mime``: the mail parsed (RFC 5322), with ``parts`` for its MIME parts, and ``plain_text`` for its text
- ``itip_reply``: the iTIP answer in its calendar, with ``components`` for content lines and ``zones`` for time zones
- ``proposals``: another time that an attendee proposes (COUNTER)
- ``trace``: DKIM results in the header fields that SES itself added
- ``authenticity``: whether the sender is the attendee, and whether the answer fits the registration
- ``judgement``: the verdict on a mail
- ``quarantine``: what is stored of a quarantined mail
"""

from .judgement import Judgement, Verdict, judge

__all__ = ["Judgement", "Verdict", "judge"]
