"""The protocol that delivers messages, as generators that yield ``effects`` and are sent the answers.

- ``reconcile``: read, decide, claim, send, record, for one attendee
- ``fan_out``: reconciles the registrations of a changed event, a batch at a time
- ``sweep``: every minute, hands out whatever is due
- ``audit``: every day, compares everybody's calendar state with what is true
- ``ses_events``: reads what SES reports about mails that it accepted; ``reports`` applies it to invitations, and
  ``notification_reports`` to notifications
- ``notify``: sends one notification; ``addressing``: of which kind it is then, and to whom it goes
- ``waiting``: makes the wait mail due that somebody is to be sent
- ``webhooks``: delivers webhook events
- ``attempts``: claim, lease, result and back-off, which invitations, notifications and webhooks have in common
- ``pace``: keeps what is sent below the account's rate
- ``survey``: finds out who was not reached
- ``preview``: which messages a change would cause; yields no effects, and sends nothing
- ``readiness``: whether a deployment can do its work, by what was read of it
"""
