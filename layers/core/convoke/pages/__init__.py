"""Web pages for the people who register: an event's page, and each person's own."""
