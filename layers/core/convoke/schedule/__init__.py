"""When an event takes place.

``rrule`` reads recurrence rules (RFC 5545, 3.3.10), ``recurrence`` says which days they mean, ``series`` which
occurrences an event has, and ``edits`` what an organizer may change of them.
"""
