"""Web pages for organizers: the console. ``functions/console.py`` is its Lambda function.

- ``visit``: who asks, and the table of routes; ``client``: the HTTP API, called in this process for whoever is signed
  in, which is how every page reads and changes things; ``notices``: what a page says after something was done;
  ``words``: states and times in plain words
- ``previewing``: what a change would mail, before it is made; ``refusals``: what a page says where the API refuses
- ``signing_in``: signing in and out; ``home``: the events; ``cancelling``: cancelling an event, and reopening it
- ``person``: one person's page, with its ``timeline``; ``person_form``: registering and changing somebody;
  ``person_steps``: the invitation again, withdrawing, erasing; ``person_mails``: a mail as it was sent

A page changes something only upon a POST, and shows first who would be mailed. All texts are English.
"""

from . import cancelling, home, person, person_form, person_mails, person_steps, signing_in

ROOMS = (signing_in, home, cancelling, person_form, person, person_mails, person_steps)
"""The modules with pages. Importing them makes their routes."""
