"""Web pages for organizers: the console. ``functions/console.py`` is its Lambda function.

- ``visit``: who asks, and the table of routes; ``client``: the HTTP API, called in this process for whoever is signed
  in, which is how every page reads and changes things; ``notices``: what a page says after something was done
- ``signing_in``: signing in and out; ``home``: the events; ``settings_page``: the settings of an account

A page changes something only upon a POST, and shows first who would be mailed. All texts are English.
"""

from . import home, settings_page, signing_in

ROOMS = (signing_in, home, settings_page)
"""The modules with pages. Importing them makes their routes."""
