"""How messages are delivered, as generators that yield ``effects`` and are sent the answers.

- ``reconcile``: read, plan, claim, send, record, for one attendee
- ``fan_out``: the registrations of a changed event, a batch at a time
- ``sweep``: whatever is still due, every minute; ``audit``: whoever was not told what is true, every day
- ``reports``: what SES reports about mails that were sent
- ``notify``: one notification
- ``survey``: whether everybody was reached; ``preview``: what a change would tell whom
"""
