"""Web pages for the people who register: an event's page, and each person's own. ``functions/pages.py`` is its Lambda
function.

- ``site``: requests, answers, the table of routes, and refusals; ``handling``: answers one request by that table;
  ``forms``: reading a form, and knowing it for ours
- ``templating``: the templates; ``assets``: stylesheet, script, and an account's colour where it can be read
- ``event_page``: the page of a public event, and its calendar; ``structured_data``: what it says to programs;
  ``calendar_links``: links with which it is put into calendars on the web
- ``registering``: registering there, and the lost personal link; ``registration_fields``: what its form asks;
  ``confirming``: the links that confirm an address
- ``hints``: has a mail sent at once
- ``opening``: what a personal link opens; ``personal``: the personal page; ``one_click``: unsubscribing (RFC 8058)
- ``coming``, ``changing``, ``own_data``: what can be done on the personal page; ``personal_steps``: what these share
- ``feeds``: a registration as a file for a calendar, and as a private feed

Importing the package makes the routes of all its pages. A page reads from ``store``, and changes something only upon a
POST, through ``registrations``.
"""

from . import confirming, event_page, feeds, one_click, personal, registering  # noqa: F401 (makes their routes)
