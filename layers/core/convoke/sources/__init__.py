"""Events and registrations that a site keeps in DynamoDB tables of its own.

A *source* is such a pair of tables, with a mapping from their attributes to the fields of the HTTP API. A record of
their streams only says which row to look at; what the row says now is compared with what is registered.

- ``mapping``: how a source is described, in JSON, and what is valid
- ``rows``: a row as the fields of a request, or what is wrong with it; ``contents``: these as an event or a
  registration
- ``row_keys``: the keys of rows as text
- ``decide``: what follows from a row
- ``sync``: reads one row, and does what follows; ``row_sync`` is what events and registrations have in common,
  ``event_sync`` and ``registration_sync`` do what follows, and ``exchanges`` lets people have each other's addresses
- ``compare``: all rows of a source with what became of them
"""
