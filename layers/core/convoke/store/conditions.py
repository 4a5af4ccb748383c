"""Every condition of a write, by its name.

``#name`` is an attribute of the item, ``:name`` a value that the write gives, or one of :data:`CONSTANTS`.
"""

from __future__ import annotations

from typing import Any

from ..model import RegistrationStatus

CONSTANTS: dict[str, Any] = {
    "true": True,
    "false": False,
    "none": 0,
    "cancelled": RegistrationStatus.CANCELLED.value,
}

# No such item exists.
NEW = "attribute_not_exists(pk)"
# The link was not used yet, whether or not it is known.
NOT_USED = "attribute_not_exists(#used) OR #used = :false"
# The item must exist, so that an update cannot create a partial one.
EXISTS = "attribute_exists(pk)"
# No message has left since that says more than a wait mail, or the mail is the first, and none was claimed meanwhile.
NO_MESSAGE_SINCE = "attribute_exists(wait_mail) OR allocated = :after"
# The last wait mail is the one that was read; or there was none, as there is none now, and no message was claimed.
WAIT_MAIL_UNCHANGED = "wait_mail = :before OR (attribute_not_exists(wait_mail) AND allocated = :after)"
# Fewer than the most are counted.
BELOW_MAXIMUM = "attribute_not_exists(#count) OR #count < :most"
# With these mails, neither the day's nor the hour's count is above its limit.
WITHIN_LIMIT = (
    "(attribute_not_exists(#total) OR #total <= :in_day) AND (attribute_not_exists(#hour) OR #hour <= :in_hour)"
)
# The mail that would be one too many within an hour, and the one within a day, are that long ago; see ``brakes``.
LONG_ENOUGH_AGO = (
    "(attribute_not_exists(#{in_hour}) OR #{in_hour} <= :hour_ago) AND "
    "(attribute_not_exists(#{in_day}) OR #{in_day} <= :day_ago)"
)
# Nothing is kept for another registration of the mailbox any more.
HOLDS_NOTHING_ELSE = "attribute_not_exists(pk) OR #registration_id = :registration_id OR #until <= :now"
# What is kept for the mailbox is kept for this former registration of it.
HOLDS_FOR = "#registration_id = :former"
# What is counted was not counted before: to be completed with a term for each attribute.
NOT_COUNTED = "NOT ({terms})"
# The item still has the due key that was read.
DUE_KEY_UNCHANGED = "#due_key = :due_key"
# The item exists, and still has the due key that was read, or none.
DUE_AS_IT_WAS = f"attribute_exists(pk) AND (attribute_not_exists(#due_key) OR {DUE_KEY_UNCHANGED})"

# --- events, registrations, seats -----------------------------------------------------------------------------------

# Nobody changed the event, the registration or the keys of links since it was read.
VERSION_UNCHANGED = "#version = :version"
# There is no such item, or nobody changed it since it was read.
NEW_OR_VERSION_UNCHANGED = f"{NEW} OR {VERSION_UNCHANGED}"
# The unconfirmed registration is kept, and was not confirmed yet.
NOT_CONFIRMED = "attribute_exists(pk) AND attribute_not_exists(#registration_id)"
# Nobody changed the event since it was read, and it is this account's.
VERSION_AND_ACCOUNT_UNCHANGED = f"{VERSION_UNCHANGED} AND #account = :account"
# The registration is cancelled, so that nothing more is sent once the person is erased.
WITHDRAWN = f"{VERSION_UNCHANGED} AND #status = :cancelled"
# The lock on the address belongs to this registration, not to a later one with the same address.
LOCK_IS_MINE = "#registration_id = :registration_id"
# The external id belongs to this event or registration, not to a later one.
HOLDER_IS_MINE = "#holder = :holder"
# The event is open, nobody is on the waitlist, and so many seats are free, with the capacity that was read.
SEATS_ARE_FREE = "#open = :true AND #waiting = :none AND #capacity = :capacity AND #taken <= :most"
# The event is open, nobody is on the waitlist, and there is no limit.
SEATS_ARE_UNLIMITED = "#open = :true AND #waiting = :none AND attribute_not_exists(#capacity)"
# The event is open and somebody is on the waitlist.
BEHIND_OTHERS = "#open = :true AND #waiting > :none"
# No block of seats was lent since the shards were read: what was empty then is empty now, and there are no others.
NO_BLOCK_LENT_SINCE = f"{EXISTS} AND #blocks = :blocks"
# The event is open, nobody is on the waitlist, and there are not so many seats free, with the capacity that was read;
# nor in any shard, if all were empty.
FIRST_TO_WAIT = (
    f"#open = :true AND #waiting = :none AND #capacity = :capacity AND #taken > :most AND {NO_BLOCK_LENT_SINCE}"
)
# The shard has so many left, of this kind (seats, or places on the waitlist), and may give them out.
SHARD_HAS_SOME = "#free >= :count AND #waits = :waits AND attribute_not_exists(#stopped)"
# Nobody took any of the shard, or gave it any, since it was read.
SHARD_UNCHANGED = "#free = :free AND #waits = :waits"
# Somebody is on the waitlist, and can get the released seat.
SOMEBODY_WAITS = "#waiting > :none"
# Nobody is on the waitlist.
NOBODY_WAITS = "#waiting = :none"
# The event is open, somebody is on the waitlist, and so many seats are free, with the capacity that was read.
CAN_PROMOTE = "#open = :true AND #waiting > :none AND #capacity = :capacity AND #taken <= :most"
# The event is open, somebody is on the waitlist, and there is no limit.
CAN_PROMOTE_WITHOUT_LIMIT = "#open = :true AND #waiting > :none AND attribute_not_exists(#capacity)"
# The event is closed, nobody is on the waitlist, or no seat is free.
CANNOT_PROMOTE = "#open = :false OR #waiting <= :none OR #taken >= #capacity"
# There is such a shard, and the event was not closed since it was made.
SHARD_IS_NOT_STOPPED = f"{EXISTS} AND attribute_not_exists(#stopped)"
# The event is open: one can ask to be registered, and come back to the seats that were kept for one.
TAKES_PEOPLE = "#open = :true"
# The seats were kept for their whole time. Whoever came back and withdrew once more has them for another one.
HELD_LONG_ENOUGH = "#until <= :now"
# The hold is as it was read: whoever came back and withdrew once more may have one of another time or number of seats.
HOLD_UNCHANGED = f"{EXISTS} AND #seats = :seats AND #until = :until"
# No other new address was asked for since, and this one has not been confirmed.
CHANGE_UNCHANGED = "#change_id = :change_id"
# The split transfer's cursor is still the one that was read.
CURSOR_UNCHANGED = "#cursor = :cursor"
# The same, and nobody has begun to look at all of them once more.
CURSOR_OF_THE_FIRST_LOOK_UNCHANGED = f"{CURSOR_UNCHANGED} AND attribute_not_exists(#again_at)"
# There is no split transfer, or everybody was copied, and they are looked at once more.
EVERYBODY_WAS_COPIED = f"{NEW} OR attribute_exists(#again_at)"

# --- delivery -------------------------------------------------------------------------------------------------------

# Nobody wrote to the item since it was read: every write to an invitation, a notification or a delivery
# raises its fence.
FENCE_UNCHANGED = "#fence = :fence"
# No wake-up was added since the item was read.
WAKEUPS_UNCHANGED = "#wakeups = :wakeups"
# Nobody wrote to the invitation since it was read, and no wake-up was added.
FENCE_AND_WAKEUPS_UNCHANGED = f"{FENCE_UNCHANGED} AND {WAKEUPS_UNCHANGED}"
# No message is stored yet, or only a record without bytes: the bytes that the first attempt sent are never replaced.
NOT_STORED = "attribute_not_exists(pk) OR attribute_exists(#unwritten)"
# The record exists, and nothing graver was reported: reports arrive in any order.
NOTHING_GRAVER_REPORTED = "attribute_exists(pk) AND (attribute_not_exists(#rank) OR #rank <= :rank)"
# The record exists, and SES has reported nothing about it: a report is truer than that the message was given up.
NOTHING_REPORTED = "attribute_exists(pk) AND attribute_not_exists(#rank)"
# No newer change replaced the fan-out, and no other planner planned this page.
STILL_AT_THIS_PAGE = f"{VERSION_UNCHANGED} AND #planned_to = :planned_to"
# The fan-out waits for further changes as it was read: no newer change replaced it, nobody had it announced at once,
# and no planner has begun.
STILL_WAITS = f"{STILL_AT_THIS_PAGE} AND #told_at = :told_at"
# No batch of the fan-out has ended, and none was planned, since it was read.
LEFT_UNCHANGED = "#left = :left"
# No newer change replaced the fan-out, and no other batch of it ended since it was read.
STILL_SO_MANY_LEFT = f"{VERSION_UNCHANGED} AND {LEFT_UNCHANGED}"
# Further batches of the fan-out are to be planned.
SOME_IS_TO_BE_PLANNED = "attribute_exists(#due_key)"
# The batch exists, and no worker has it: none took it, it was given back, or the lease is over.
NOBODY_HAS_IT = "attribute_exists(pk) AND (attribute_not_exists(#lease_until) OR #lease_until <= :now)"
# Nobody has worked on the batch since it was read.
AFTER_UNCHANGED = "#after = :after"
# The lease on the batch is the one that this worker took.
LEASE_IS_MINE = "#lease_until = :lease_until"
# So many mails may still be sent in this second.
TURNS_ARE_LEFT = "(attribute_not_exists(#drawn) OR #drawn <= :room)"
# With this draw, ordinary mail has no more than half of this second's turns. Its first draw in a second may be more,
# where the turns are few: if it were cut to the half, ordinary mail would spread over more seconds, and urgent mail
# would meet it in each of them.
HALF_IS_LEFT = f"{TURNS_ARE_LEFT} AND (attribute_not_exists(#ordinary) OR #ordinary <= :half)"
# The same, but only where urgent mail was drawn in this second.
HALF_IS_LEFT_BESIDE_URGENT = (
    f"{TURNS_ARE_LEFT} AND (attribute_not_exists(#urgent) OR attribute_not_exists(#ordinary) OR #ordinary <= :half)"
)
# It was not slowed down a moment ago: one burst of refusals slows down once.
NOT_JUST_SLOWED = "attribute_not_exists(#slowed_at) OR #slowed_at < :before"
# A pause of the SES account must not shorten an operator's stop.
NOT_STOPPED_FOR_LONGER = "attribute_not_exists(#stopped_until) OR #stopped_until < :until"
# There is no such item, or nobody wrote to it since it was read.
NEW_OR_FENCE_UNCHANGED = f"{NEW} OR {FENCE_UNCHANGED}"
# The webhook was neither removed nor changed since it was read. Those of before there were payloads have none stored.
WEBHOOK_UNCHANGED = (
    "#secret = :secret AND #url = :url AND #events = :events AND "
    "(attribute_not_exists(#payload) OR #payload = :payload)"
)

# The source is not paused.
NOT_PAUSED = "attribute_not_exists(#paused_at)"

# --- imports --------------------------------------------------------------------------------------------------------

# The import has not begun.
NOT_BEGUN = f"{EXISTS} AND attribute_not_exists(#started_at)"
# The import has begun and is not over, and no worker has it: none took it, it was given back, or the lease is over.
CAN_GO_ON = (
    "attribute_exists(#started_at) AND attribute_not_exists(#finished_at) AND "
    "(attribute_not_exists(#lease_until) OR #lease_until <= :now)"
)
# The lease on the import is the one that this worker took, and this part of it is the next.
AT_THIS_PART = f"{LEASE_IS_MINE} AND #next_part = :next_part"

# --- decisions, requests, keys --------------------------------------------------------------------------------------

# Nothing has been decided about the proposal.
IS_OPEN = "#status = :open"
# The quarantined mail waits for a decision, or has this one already.
WAITS_OR_IS_DECIDED_SO = "#status IN (:waiting, :decision)"
# No request of the last day had this Idempotency-Key: there is no record, or it has expired.
UNUSED = f"{NEW} OR #expires_at <= :now"
# There is such an API key, and it is not revoked.
IS_VALID = f"{EXISTS} AND attribute_not_exists(#revoked_at)"
# The account has no valid API key of this name: none at all, or a revoked one.
NAME_IS_FREE = f"{NEW} OR attribute_exists(#revoked_at)"
