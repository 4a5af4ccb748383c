"""Web pages for organizers: the console. ``functions/console.py`` is its Lambda function.

- ``visit``: who asks, and the table of routes
- ``client``: the HTTP API, called in this process for whoever is signed in: how every page reads and changes things
- ``notices``: what a page says after something was done; ``words``: states and times in plain words; ``refusals``: what
  a page says where the API refuses something
- ``previewing``: what a change would mail, before it is made; ``telling``: how far a change has been told
- ``signing_in``: signing in and out
- ``home``: the events; ``settings_page``: the settings of an account
- ``cancelling``: cancelling an event, and reopening it
- ``importing``: people from a file, with ``uploads``, ``csv_reading``, ``csv_columns`` and ``import_check``;
  ``import_result``: what became of them; ``exporting``: all people of an event as a file

A page changes something only upon a POST, and shows first who would be mailed. All texts are English.
"""

from . import (
    cancelling,
    exporting,
    home,
    import_result,
    importing,
    settings_page,
    signing_in,
    telling,
)

ROOMS = (
    signing_in,
    home,
    cancelling,
    telling,
    settings_page,
    importing,
    import_result,
    exporting,
)
"""The modules with pages. Importing them makes their routes."""
