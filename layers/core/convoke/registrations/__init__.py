"""What one request or one mail does to events and people, each in one transaction.

- ``events``: create, change, split
- ``registry``: register, withdraw, change a registration, ask for the latest message again
- ``replies``: an attendee's answer; ``inbound_mail``: what a judged mail leads to
- ``seats`` and ``waitlist``: how a seat is taken, given back and given to the first who waits
- ``split_transfer``: copying registrations to the event that a series was split into
- ``erasure``: forgetting a person
"""
