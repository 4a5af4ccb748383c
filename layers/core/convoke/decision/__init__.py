"""Which message to send to one attendee. Pure: no clock, no storage.

- ``calendar_state``: a message, and what the attendee's calendar holds after it
- ``invitation``: what is remembered of one registration in order to send each message once, in order and to the end
- ``decide``: the message to send now, with its SEQUENCE and DTSTAMP, or an earlier one repeated. ``next_message``
  compares event and registration with the calendar state, ``planner`` finds what is missing, ``messages`` builds it
- ``fan_out``: a changed event on its way to its registrations, and how long it waits for the next change
- ``fingerprints``: whether two contents are the same to an attendee
- ``answers``: which answer counts for a message
- ``attendance``: which answer of an attendee counts, and what it does to their seat
- ``attention``: who was not reached
- ``waiting``: which wait mail is missing to somebody who waits
- ``shown``: what an attendee's calendar shows now, date by date
- ``limits``: how many mails may be sent; ``brakes``: how much of what anybody may ask for on the pages is done
"""
