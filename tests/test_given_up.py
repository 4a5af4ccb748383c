"""What stops no mail any more, and what is said where one is given up: why, as a code, wherever somebody may look."""

from __future__ import annotations

from dataclasses import replace
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from typing import Any

import pytest

from convoke.calendar.content_lines import one_line
from convoke.decision.attention import AttentionKind, AttentionReason, SentKind
from convoke.decision.calendar_state import RenderedMail
from convoke.decision.decide import Snapshot
from convoke.decision.invitation import StoredMessage, with_outcomes
from convoke.delivery.notify import dispatch
from convoke.delivery.reconcile import Outcome
from convoke.delivery.reports import apply_report
from convoke.effects import Effect, Log, Refusal, Refused, StoreMessage, Unknown
from convoke.mail import header_fields, new_notifications
from convoke.model import DeliveryState, Method, Person, Registration
from convoke.registrations import erasure
from convoke.store import dynamo
from convoke.web import presenters
from convoke.webhooks.events import WebhookEventType
from tests.factories import AFTERNOON, EVENT_ID, NOW, SENDER, event, existing, report, webhook
from tests.fixtures import fixture_of
from tests.header_cases import HOSTILE
from tests.tables import SETTINGS
from tests.world import World, an_empty_world

REQUEST, CANCEL = Method.REQUEST, Method.CANCEL
REJECTED = Refused(refusal=Refusal.POISON, why="MessageRejected")
TITLES = (
    "Fwd: =?UTF-8?B?VGVzdA==?=",
    "Quarterly planning of the northern districts with all leads",
    "Jahreshauptversammlung für alle Mitglieder der Nachbarschaftshilfe Köln-Süd",
    "Встреча рабочей группы по подготовке годового отчёта и обсуждению бюджета",
    "Συνάντηση της ομάδας εργασίας για τον προγραμματισμό της επόμενης χρονιάς",
    "次回のプロジェクト会議と懇親会のお知らせ" * 12,
    "👩\u200d👩\u200d👧 Familienfest 🎉",
)

# A lone surrogate is no text that JSON or DynamoDB could bring.
STORABLE = tuple(title for title in HOSTILE if "\ud800" not in title)


world = fixture_of(an_empty_world)


def logged(world: World) -> list[dict[str, str]]:
    """What is logged, from now on."""
    entries: list[dict[str, str]] = []

    def listen(effect: Effect) -> None:
        if isinstance(effect, Log):
            entries.append({"what": effect.what, **effect.fields})

    world.before = listen
    return entries


def unrenderable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("convoke.aws.runtime.render", lambda *_: "SUMMARY does not read back as it was meant")


def listens(world: World) -> None:
    world.store.webhooks.create(webhook(WebhookEventType.INVITATION_FAILED))


def webhook_events(world: World) -> list[dict[str, Any]]:
    rows = [dynamo.unwire(row) for row in world.client.scan(TableName=SETTINGS.webhooks_table)["Items"]]
    return [{"type": row["type"], **row["data"]} for row in rows if row["sk"].startswith("WEBHOOK_EVENT#")]


def shown(world: World, person: Registration) -> tuple[str, str | None]:
    """The state and the reason that the registration shows."""
    registered = world.registration(person)
    seen = Snapshot(invitation=world.invitation(person), registration=registered, event=world.event())
    out = presenters.registration(seen, SENDER, world.now).invitation
    return out.state.value, out.reason


def messages(world: World, person: Registration) -> list[tuple[str, str | None]]:
    """The state and the reason of each message."""
    known = with_outcomes(world.reads.messages(person.registration_id), world.invitation(person))
    return [(out.state.value, out.reason) for out in (presenters.message(one, SentKind.INVITATION) for one in known)]


# --- what stops no mail -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("title", [*TITLES, *STORABLE], ids=lambda title: ascii(title)[:30])
def test_whatever_the_title_and_the_names_people_are_invited_moved_and_cancelled(world: World, title: str) -> None:
    world.publish(title=title, organizer=Person(name=title, email="ada@example.org"), location=title)
    person = world.register(name=title)
    assert world.look(person) is Outcome.ACKNOWLEDGED
    world.change(when=AFTERNOON)
    assert world.look(person) is Outcome.ACKNOWLEDGED
    world.withdraw(person)
    assert world.look(person) is Outcome.ACKNOWLEDGED

    assert world.said() == [(REQUEST, 0), (REQUEST, 1), (CANCEL, 2)]
    said = " ".join(one_line(title).split())
    for kind, sent in zip(("Invitation", "Moved", "Cancelled"), world.sent, strict=True):
        mail = message_from_bytes(sent.rendered.mail, policy=policy.compat32)
        subject = str(make_header(decode_header(str(mail["Subject"]).replace("\r\n", ""))))
        shortened, _, date = subject.removeprefix(f"{kind}:").rpartition("·")
        assert date.startswith(" Fri 12 Mar 2027, ")
        assert said.startswith(shortened.strip().removesuffix("…").strip())
        assert sent.rendered.plainer == ()
        assert mail.keys().count("Bcc") == 0
    assert world.calendar_state == []


# --- why something is given up ------------------------------------------------------------------------------------


def test_what_ses_rejects_says_why_everywhere(world: World) -> None:
    world.publish()
    listens(world)
    person = world.register()
    log = logged(world)
    world.answers = [REJECTED]
    assert world.look(person) is Outcome.FAILED

    assert shown(world, person) == ("failed", "MessageRejected")
    assert messages(world, person) == [("failed", "MessageRejected")]
    assert webhook_events(world) == [
        {
            "type": "invitation.failed",
            "event_id": EVENT_ID,
            "registration_id": person.registration_id,
            "method": "REQUEST",
            "sequence": 0,
            "state": "failed",
            "reason": "MessageRejected",
        }
    ]
    [refused, given_up] = log
    assert (refused["what"], refused["code"], refused["why"]) == ("mail refused", "MessageRejected", "poison")
    assert (given_up["what"], given_up["reason"]) == ("given up", "MessageRejected")


@pytest.mark.parametrize("refusal", Refusal)
def test_whatever_ses_refuses_a_mail_for_its_code_is_in_the_log(world: World, refusal: Refusal) -> None:
    world.publish()
    person = world.register()
    log = logged(world)
    world.answers = [Refused(refusal=refusal, why="SomeCode")]
    world.look(person)

    assert [(line["what"], line["code"], line["why"]) for line in log if "code" in line] == [
        ("mail refused", "SomeCode", refusal.value)
    ]


def test_what_cannot_be_written_says_so_everywhere_and_names_nobody(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.publish()
    listens(world)
    person = world.register()
    log = logged(world)
    unrenderable(monkeypatch)
    assert world.look(person) is Outcome.FAILED

    assert world.sent == []
    assert shown(world, person) == ("failed", "unrenderable")
    assert messages(world, person) == [("failed", "unrenderable")]
    assert [webhook_event["reason"] for webhook_event in webhook_events(world)] == ["unrenderable"]
    [line] = log
    assert line["reason"] == "unrenderable"
    assert person.email not in str((log, webhook_events(world)))


def test_what_nobody_ever_answered_for_says_so(world: World) -> None:
    world.publish()
    person = world.register()
    world.answers = [Unknown(why="ReadTimeoutError")] * 6
    for _ in range(7):
        outcome = world.look(person)
        world.pass_time(minutes=5)

    assert outcome is Outcome.FAILED
    assert shown(world, person) == ("failed", "unanswered")
    assert messages(world, person) == [("failed", "unanswered")]


def test_what_ses_rejects_after_it_took_it_says_why(world: World) -> None:
    world.publish()
    listens(world)
    person = world.invite()
    rejected = report(
        DeliveryState.FAILED, registration_id=person.registration_id, address=person.email, reason="Reject"
    )
    world.run(apply_report(rejected))

    assert shown(world, person) == ("failed", "Reject")
    assert messages(world, person) == [("failed", "Reject")]
    assert [(webhook_event["type"], webhook_event["reason"]) for webhook_event in webhook_events(world)] == [
        ("invitation.failed", "Reject")
    ]


def test_what_is_sent_after_all_has_no_reason_any_more(world: World) -> None:
    world.publish()
    person = world.register()
    world.answers = [REJECTED]
    world.look(person)
    world.resend(person)
    assert world.look(person) is Outcome.ACKNOWLEDGED

    assert shown(world, person) == ("accepted", None)
    assert messages(world, person) == [("accepted", None)]


def test_what_could_not_be_written_is_sent_under_its_number_once_it_can(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.publish()
    person = world.register()
    with monkeypatch.context() as patched:
        unrenderable(patched)
        assert world.look(person) is Outcome.FAILED
    world.resend(person)
    assert world.look(person) is Outcome.ACKNOWLEDGED

    assert world.said() == [(REQUEST, 0)]
    assert messages(world, person) == [("accepted", None)]
    kept = existing(world.reads.stored(person.registration_id, 0))
    assert kept.rendered == replace(world.sent[0].rendered, plainer=())


def test_a_mail_that_another_worker_could_write_is_not_given_up(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.publish()
    person = world.register()
    written: list[StoredMessage] = []

    def meanwhile(effect: Effect) -> None:
        if isinstance(effect, StoreMessage) and not written:
            rendered = RenderedMail(calendar=b"BEGIN:VCALENDAR", mail=b"To: bo@example.net\r\n\r\n")
            written.append(replace(effect.stored, rendered=rendered))
            world.perform(StoreMessage(stored=written[0]))

    unrenderable(monkeypatch)
    world.before = meanwhile
    assert world.look(person) is Outcome.ACKNOWLEDGED
    assert [sent.rendered for sent in world.sent] == [written[0].rendered]


def test_what_became_of_a_message_is_not_hidden_by_giving_its_repetition_up(world: World) -> None:
    world.publish()
    person = world.invite()
    world.arrive()
    world.resend(person)
    world.answers = [REJECTED]
    assert world.look(person) is Outcome.FAILED

    assert messages(world, person) == [("delivered", None)]
    assert shown(world, person) == ("failed", "MessageRejected")


def test_a_person_who_was_forgotten_is_not_written_down_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.publish()
    person = world.register()
    with monkeypatch.context() as patched:
        unrenderable(patched)
        world.look(person)
    erasure.erase(world.store, EVENT_ID, person.registration_id, now=world.now)
    world.settle()
    [kept] = world.reads.messages(person.registration_id)
    world.perform(StoreMessage(stored=replace(kept, rendered=RenderedMail(calendar=b"x", mail=b"y"))))
    [kept] = world.reads.messages(person.registration_id)
    assert (kept.rendered, kept.calendar_state.recipient) == (None, "")


@pytest.mark.parametrize("cancelled", [False, True])
def test_whoever_was_not_reached_since_a_mail_was_given_up_is_named_within_a_minute(
    world: World, cancelled: bool
) -> None:
    world.publish()
    person = world.register()
    if cancelled:
        world.look(person)
        world.withdraw(person)
    world.answers = [REJECTED]
    assert world.look(person) is Outcome.FAILED
    world.pass_time(minutes=1)
    world.sweep()

    [one], count = world.store.surveys.list_attention(EVENT_ID, now=world.now)
    assert (count, one.registration_id, one.state) == (1, person.registration_id, AttentionReason.FAILED)
    assert one.kind is (AttentionKind.CANCELLATION if cancelled else AttentionKind.INVITATION)


# --- what is sent plainer -----------------------------------------------------------------------------------------


def test_a_mail_that_cannot_look_as_it_was_meant_is_sent_plain_and_somebody_hears_of_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = header_fields.text_of
    monkeypatch.setattr(header_fields, "text_of", lambda value: honest(value).replace("ö", "o"))
    world.publish(title="Kölner Treffen", organizer=Person(name="Jörg", email="ada@example.org"))
    person = world.register()
    log = logged(world)
    assert world.look(person) is Outcome.ACKNOWLEDGED
    world.withdraw(person)
    assert world.look(person) is Outcome.ACKNOWLEDGED

    assert world.said() == [(REQUEST, 0), (CANCEL, 1)]
    assert b"\r\nReply-To: ada@example.org\r\n" in world.sent[0].rendered.mail
    assert [(line["what"], line["why"]) for line in log] == [
        ("mail made plainer", "From, Reply-To, Subject"),
        ("mail made plainer", "From, Reply-To, Subject"),
    ]


def test_a_note_that_cannot_look_as_it_was_meant_is_sent_plain(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = header_fields.text_of
    monkeypatch.setattr(header_fields, "text_of", lambda value: honest(value).replace("ö", "o"))
    note = new_notifications.forward(
        event(), author=Person(name="Zö", email="bo@example.net"), subject="", text="", source="m", now=NOW
    )
    world.store.notifications.schedule(note, now=world.now)
    log = logged(world)
    sent = world.run(dispatch(note.event_id, note.registration_id, note.notification_id, world.worker()))

    assert sent is Outcome.ACKNOWLEDGED
    assert [(line["what"], line["why"]) for line in log] == [("mail made plainer", "Reply-To, Subject")]
    [left] = world.notifications
    assert b"\r\nReply-To: bo@example.net\r\n" in left.mail


def test_a_note_that_cannot_be_written_says_why_in_the_log(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "convoke.aws.runtime.render_notification", lambda *_: "the text does not read back as it was meant"
    )
    note = new_notifications.forward(
        event(), author=Person(name="Bo", email="bo@example.net"), subject="", text="", source="m", now=NOW
    )
    world.store.notifications.schedule(note, now=world.now)
    log = logged(world)
    sent = world.run(dispatch(note.event_id, note.registration_id, note.notification_id, world.worker()))

    assert sent is Outcome.FAILED
    assert [(line["what"], line["reason"]) for line in log] == [("notification given up", "unrenderable")]
