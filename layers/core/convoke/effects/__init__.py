"""The effects: everything that the protocol of delivery asks of the world (read, claim, send, log), as frozen data.

``delivery.reconcile``, ``delivery.fan_out``, ``delivery.sweep`` and the others are generators that yield effects and
are sent the answers. ``aws.runtime.Aws.perform`` answers them with AWS; the simulation in the tests answers the same
generators from a model. Each class says what it asks, under which condition it writes, and its answer's type.

- ``kind``: the base class, and what needs no storage: clock, randomness, logging
- ``reading``: reads from DynamoDB
- ``claiming``: writes to one invitation; ``mailing``: its mail rendered, stored and sent
- ``notifying``: notifications; ``posting``: webhook events and their deliveries
- ``handing``: fan-outs, the queues, other items that are due, and how much may be sent
- ``watching``: the survey, which finds out who was not reached
"""

from .claiming import *
from .handing import *
from .kind import *
from .mailing import *
from .notifying import *
from .posting import *
from .reading import *
from .watching import *
