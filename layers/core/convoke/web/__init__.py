"""The HTTP API's own room. ``functions/api.py`` is its door.

- ``shapes`` is what may come in, of ``texts``, ``hosts`` and ``walltimes``; ``shown`` is what goes out, made of nouns
  by ``answers``, ``problems`` why not
- ``desk`` is where every request stops: whose it is, for what, and what it is shown; ``once`` grants it once
- ``events``, ``occurrences``, ``registrations``, ``roll`` and ``webhooks`` are the routes, ``proposals`` and
  ``quarantine`` those of what came in by mail; ``sheet`` is a table for a spreadsheet

Routes are thin: the store does each write in one transaction, and what is answered is read back from it. Nothing is
mailed from here.
"""
