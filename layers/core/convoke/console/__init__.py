"""Web pages for organizers: the console. ``functions/console.py`` is its Lambda function.

- ``visit``: who asks, and the table of routes
- ``client``: the HTTP API, called in this process for whoever is signed in: how every page reads and changes things
- ``words``: states and times in plain words; ``refusals``: what a page says where the API refuses something
- ``previewing``: what a change would mail, before it is made; ``progress``: how far a change has been announced
- ``signing_in``: signing in and out
- ``home``: the list of events; ``event_page``: one of them; ``event_form``: creating and editing
- ``event_fields``, ``repeating``: an event as fields of a form, and back; ``event_refusals``: what is
  wrong with them, in sentences; ``settings_page``: the settings of an account
- ``event_steps``: cancelling an event, reopening it, announcing what waits, and undoing it
- ``people``: the people of an event, looked for and in order
- ``person``: one person's page, with its ``timeline``; ``person_form``: registering and changing somebody;
  ``person_steps``: deciding about who asked to come, the invitation again, withdrawing, erasing; ``person_mails``: a
  mail as it was sent
- ``attention_page``: who was not reached, and what waits; ``decisions``: proposals and quarantined mails
- ``importing``: people from a file, with ``uploads``, ``csv_reading``, ``csv_columns`` and ``import_check``;
  ``import_result``: what became of them; ``exporting``: all people of an event as a file
- ``dates``: the dates of a series, as a list or as a ``month``; ``date_steps``: what can be done with one;
  ``splitting``: with it and all that follow; ``date_times``: their times as forms have them

A page changes something only upon a POST, and shows first who would be mailed. All texts are English.
Importing the package makes the routes of all its pages.
"""

from . import (  # noqa: F401 (importing them makes their routes)
    attention_page,
    date_steps,
    dates,
    decisions,
    event_form,
    event_page,
    event_steps,
    exporting,
    home,
    import_result,
    importing,
    people,
    person,
    person_form,
    person_mails,
    person_steps,
    settings_page,
    signing_in,
    splitting,
)
