"""What an account's webhooks have in flight: one item for each account, in the webhooks table."""

from __future__ import annotations

from dataclasses import replace

from ..webhooks.in_flight import InFlight
from . import codec, conditions, keys
from .repository import Repository
from .writes import put

codec.record(InFlight)

UPON_RECORDING = conditions.NEW_OR_FENCE_UNCHANGED


class RequestsInFlight(Repository):
    def read(self, account: str) -> InFlight:
        return self._get(InFlight, self._hooks, keys.in_flight(account)) or InFlight(account=account)

    def record(self, in_flight: InFlight) -> bool:
        """Write it and raise its fence. False: another worker wrote to it since it was read."""
        item = codec.item(replace(in_flight, fence=in_flight.fence + 1), keys.in_flight(in_flight.account))
        return self._write(put(self._hooks, item, UPON_RECORDING, fence=in_flight.fence))
