"""The HTTP API. ``functions/api.py`` is its Lambda function.

- ``requests``: request models; their fields are checked by ``fields``, ``hosts`` (of links) and ``walltimes`` (start
  and end); ``patches``: what they make of an event. ``responses``: response models, filled by ``presenters``.
  ``problems``: errors (RFC 9457)
- ``context``: what every route needs: the caller's account, the clock, clients; ``idempotency``: ``Idempotency-Key``
- ``events``, ``occurrences``, ``previews``, ``registrations``, ``people`` (their lists), ``bulk``, ``participation``,
  ``attention``, ``proposals``, ``quarantine``, ``webhooks``, ``account``, ``sources``: the routes; ``csv_export``:
  registrations as CSV
- ``application``: admits a request, and lets these answer it; ``scopes``: which scope each route needs
- ``documentation``: ``/docs`` and the OpenAPI description, with ``openapi``: what that says beyond routes and models;
  ``files``: files that browsers keep

Routes are thin: the package ``convoke.registrations`` does each write in one transaction, and the response is read
back from the tables. No mail is sent from here.
"""
