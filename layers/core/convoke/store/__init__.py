"""The one room that knows DynamoDB.

``keys`` spells the keys, ``items`` turns items into nouns and back, ``dynamo`` is the wire. ``registry`` is what the
API writes (events, registrations, seats, the line), ``replies`` what an answer changes, ``accounts`` who may call it,
``invitations`` what delivery reads and writes.
"""
