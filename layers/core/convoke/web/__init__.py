"""The HTTP API. ``functions/api.py`` is its Lambda function.

- ``requests``: request models, of ``fields`` and ``walltimes``; ``responses``: response models, filled by
  ``presenters``; ``problems``: errors (RFC 9457)
- ``context``: what every route needs: the caller's account, the clock, clients; ``idempotency``: ``Idempotency-Key``
- ``events``, ``occurrences``, ``registrations``, ``participation``, ``proposals``, ``quarantine``, ``webhooks``: the
  routes; ``csv_export``: rows of a spreadsheet

Routes are thin: ``registrations`` does each write in one transaction, and what is answered is read back. Nothing is
mailed from here.
"""
