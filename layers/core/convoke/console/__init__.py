"""Web pages for organizers: the console. ``functions/console.py`` is its Lambda function.

- ``visit``: who asks, and the table of routes; ``client``: the HTTP API, called in this process for whoever is signed
  in, which is how every page reads and changes things; ``notices``: what a page says after something was done
- ``signing_in``: signing in and out
- ``home``: the list of events; ``event_page``: one of them; ``event_form``: creating and editing, with
  ``event_fields`` and ``repeating``, which turn an event into fields of a form and back
- ``previewing``: making a change

A page changes something only upon a POST, and shows first who would be mailed. All texts are English.
"""

from . import event_form, event_page, home, signing_in

ROOMS = (signing_in, home, event_form, event_page)
"""The modules with pages. Importing them makes their routes."""
