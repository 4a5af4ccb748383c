"""Web pages for organizers: the console. ``functions/console.py`` is its Lambda function.

- ``visit``: who asks, and the table of routes
- ``client``: the HTTP API, called in this process for whoever is signed in: how every page reads and changes things
- ``notices``: what a page says after something was done; ``words``: states and times in plain words; ``refusals``: what
  a page says where the API refuses something
- ``previewing``: what a change would mail, before it is made; ``telling``: how far a change has been told
- ``signing_in``: signing in and out
- ``home``: the events; ``settings_page``: the settings of an account
- ``cancelling``: cancelling an event, and reopening it; ``approving``: deciding about who asked to come
- ``dates``: the dates of a series, as a list or as a ``month``; ``date_steps``: what can be done with one;
  ``splitting``: with it and all that follow; ``date_times``: their times as forms have them

A page changes something only upon a POST, and shows first who would be mailed. All texts are English.
"""

from . import approving, cancelling, date_steps, dates, home, settings_page, signing_in, splitting, telling

ROOMS = (
    signing_in,
    home,
    cancelling,
    approving,
    telling,
    settings_page,
    dates,
    date_steps,
    splitting,
)
"""The modules with pages. Importing them makes their routes."""
