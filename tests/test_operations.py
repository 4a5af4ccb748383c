"""What an operator does by hand: the switch, and the drill after a table was set back to a backup."""

from __future__ import annotations

from convoke.decision.invitation import Invitation
from convoke.delivery.reconcile import Outcome
from convoke.effects import Claim
from convoke.model import Method
from convoke.store import dynamo
from convoke.store.invitations import invitation_item
from convoke.store.operations import LIFT, raise_sequences, start, stop
from tests.factories import AFTERNOON, MORNING
from tests.fixtures import fixture_of
from tests.tables import SETTINGS
from tests.world import World, a_world

REQUEST, CANCEL = Method.REQUEST, Method.CANCEL


world = fixture_of(a_world)


def set_back(world: World, *invitations: Invitation) -> None:
    """Restore the invitations from a backup."""
    for invitation in invitations:
        world.client.put_item(TableName=SETTINGS.invitations_table, Item=dynamo.wire(invitation_item(invitation)))


def lift(world: World) -> int:
    return sum(1 for _ in raise_sequences(world.store, now=world.now))


def test_while_it_is_stopped_nothing_leaves_and_nothing_is_lost(world: World) -> None:
    person = world.register()
    stop(world.store, "a flood of bounces")

    assert world.look(person) is Outcome.STOPPED
    assert world.sweep() == {}
    assert world.reads.sending().reason == "a flood of bounces"
    start(world.store)
    world.settle()
    assert world.said() == [(REQUEST, 0)]


def test_what_changed_while_it_was_stopped_is_told_as_it_is_now(world: World) -> None:
    world.invite()
    stop(world.store, "by hand")
    world.change(when=AFTERNOON)
    world.change(when=MORNING)
    world.cancel_event()
    start(world.store)
    world.settle()

    assert world.said() == [(REQUEST, 0), (CANCEL, 1)]


def test_after_a_restore_everybody_hears_the_truth_above_any_number_they_know(world: World) -> None:
    comes, leaves = world.register(1), world.register(2)
    world.settle()
    backup = world.invitation(comes), world.invitation(leaves)
    for when in (AFTERNOON, MORNING):
        world.change(when=when)
        world.settle()
    world.withdraw(leaves)
    world.settle()
    known = max(sequence for _, sequence in world.said())
    world.sent.clear()
    set_back(world, *backup)

    assert lift(world) == 2
    world.settle()
    assert {(one.recipient, one.method) for one in world.told} == {(comes.email, REQUEST), (leaves.email, CANCEL)}
    assert all(sequence >= LIFT > known for _, sequence in world.said())


def test_without_the_lift_a_restored_table_would_be_ignored_by_calendars(world: World) -> None:
    person = world.register()
    world.settle()
    backup = world.invitation(person)
    for when in (AFTERNOON, MORNING, AFTERNOON):
        world.change(when=when)
        world.settle()
    known = world.said()[-1][1]
    set_back(world, backup)
    world.withdraw(person)
    world.settle()

    assert world.said()[-1][0] is CANCEL
    assert world.said()[-1][1] <= known, "this is what the lift is for"


def test_a_lift_twice_is_a_lift(world: World) -> None:
    person = world.register()
    world.settle()
    lift(world)
    lift(world)
    world.settle()

    assert world.invitation(person).allocated == 2 * LIFT + 1


def test_who_was_never_told_is_only_lifted(world: World) -> None:
    person = world.register()
    world.withdraw(person)
    lift(world)
    world.settle()

    assert (world.sent, world.invitation(person).allocated) == ([], LIFT - 1)


def test_a_worker_in_mid_flight_does_not_undo_a_lift(world: World) -> None:
    person = world.invite()
    world.change(when=AFTERNOON)
    world.just_before(Claim, lambda: lift(world))
    world.look(person)

    assert world.said()[-1] == (REQUEST, LIFT + 1)
