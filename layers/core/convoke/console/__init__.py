"""Web pages for organizers: the console. ``functions/console.py`` is its Lambda function.

- ``visit``: who asks, and the table of routes; ``client``: the HTTP API, called in this process for whoever is signed
  in, which is how every page reads and changes things; ``notices``: what a page says after something was done
- ``signing_in``: signing in and out; ``home``: the events
- ``dates``: the dates of an event, as a list and by months (``month``); ``date_steps``: one of them is changed,
  cancelled or restored, or one is added; ``splitting``: one and all that follow; ``date_times``: the fields for times
- ``previewing``: what a form does

A page changes something only upon a POST, and shows first who would be mailed. All texts are English.
"""

from . import date_steps, dates, home, signing_in, splitting

ROOMS = (signing_in, home, dates, date_steps, splitting)
"""The modules with pages. Importing them makes their routes."""
