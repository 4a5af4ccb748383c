"""A message as an iCalendar object: ``itip`` says which properties, ``vtimezone`` describes its zones, and
``content_lines`` writes and reads the lines (RFC 5545).
"""
