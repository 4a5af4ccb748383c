"""What one request or one mail does to events and people, each in one transaction.

- ``events``: create, change, split
- ``registry``: register, withdraw, change a registration, ask for the latest message again
- ``replies``: an attendee's answer; ``answering``: one that is given on their page
- ``inbound_mail``: what a judged incoming mail leads to
- ``returning``: taking up a registration again that was withdrawn, and the seats that are kept for it
- ``seats`` and ``waitlist``: how a seat is taken, released, and given to the first on the waitlist
- ``bulk``: registering many people; ``imports``: those of a file, part by part
- ``split_transfer``: copying registrations to the event that a series was split into
- ``approval``: who waits for the organizer's decision, and what follows from it
- ``asking``: what anybody may ask for is counted, and comes by mail
- ``unconfirmed``: registering by anybody from an event's page: confirmation, the lost personal link
- ``responses``: what somebody responded to an event's questions, checked; ``typed_text``: text as it is kept
- ``addresses``: another address, asked for on the personal page and confirmed by a link that is mailed to it
- ``stored_data``: all that is stored about one person, for themselves to read
- ``erasure``: erasing a person's name, address and texts
"""
