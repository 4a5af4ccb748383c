"""The protocol that delivers messages, as generators that yield ``effects`` and are sent the answers.

- ``reconcile``: read, decide, claim, send, record, for one attendee
- ``fan_out``: reconciles the registrations of a changed event, a batch at a time
- ``sweep``: every minute, hands out whatever is due
- ``audit``: every day, compares everybody's calendar state with what is true
- ``reports``: applies what SES reports about mails that it accepted
- ``notify``: sends one notification
- ``survey``: finds out who was not reached
- ``preview``: which messages a change would cause; yields no effects, and sends nothing
"""
