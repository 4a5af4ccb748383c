"""A message as an iCalendar object (RFC 5545), built with the library ``icalendar``: ``itip`` makes its components,
``vtimezone`` its time zones; ``corrections`` has what the library writes otherwise than it is sent, and
``content_lines`` folds content lines and parses them again.

``published`` writes a public event as a calendar for everybody, and ``delivered`` all that one attendee was sent as one
file to import.
"""
