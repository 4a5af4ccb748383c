"""The effects: everything that the protocol of delivery asks of the world (read, claim, send, log), as frozen data.

``delivery.reconcile``, ``delivery.fan_out``, ``delivery.sweep`` and the others are generators that yield effects and
are sent the answers. ``aws.runtime.Aws.perform`` answers them with AWS; the simulation in the tests answers the same
generators from a model. Each class says what it asks, under which condition it writes, and its answer's type.

- ``base``: the base class, and what needs no storage: clock, randomness, logging
- ``reads``: reads from DynamoDB
- ``invitations``: writes to one invitation; ``mail``: its mail rendered, stored and sent
- ``notifications``: the plain mails; ``webhooks``: webhook events and their deliveries
- ``queues``: the hints, and the queues that have them
- ``fan_outs``: a changed event on its way to its registrations
- ``due_items``: other items that are due, and what the sweep does itself
- ``sending``: whether mail may be sent at all, how much, and how fast
- ``surveys``: the survey, which finds out who was not reached
"""

from .base import *
from .due_items import *
from .fan_outs import *
from .invitations import *
from .mail import *
from .notifications import *
from .queues import *
from .reads import *
from .sending import *
from .surveys import *
from .webhooks import *
