"""When an event takes place.

- ``rrule``: parses and writes recurrence rules (RFC 5545, section 3.3.10)
- ``recurrence``: the days and local times that a rule yields, and its canonical form
- ``outlook_templates``: which rules Outlook and Exchange support
- ``series``: the dates of a series, and the occurrences of an event
- ``calendar_entries``: which dates are in the series' calendar entry, and which are separate entries
- ``series_changes``: a series moved, shortened or split, and the names of its dates before and after
- ``edits``: what an organizer can change of them
"""
