"""A message as an iCalendar object (RFC 5545): ``itip`` writes its properties, ``vtimezone`` its time zones, and
``content_lines`` writes and parses content lines.
"""
