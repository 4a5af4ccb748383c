"""When an event takes place.

- ``rrule``: parses and writes recurrence rules (RFC 5545, section 3.3.10)
- ``recurrence``: the days and local times that a rule yields, and its canonical form
- ``outlook_templates``: which rules Outlook and Exchange support
- ``series``: the occurrences of an event, and their names when its schedule changes
- ``edits``: what an organizer can change of them
"""
