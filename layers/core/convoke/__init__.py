"""Calendar invitations by mail that are sent, changed and cancelled reliably. The map of the package, a line a package.

A package imports only from the packages below it in this list (``make check`` holds that):

- ``sources``: events and registrations that a site keeps in tables of its own
- ``console``: web pages for organizers, who act through the HTTP API by them
- ``pages``: web pages for the people who register: an event's page, and each person's own
- ``web``: the HTTP API: routes, request and response models, problems, idempotency
- ``aws``: the effects done for real, with SES, SQS and DynamoDB
- ``registrations``: what one request or one mail does to events and people, each in one transaction
- ``delivery``: the protocol: reconcile, fan-out, sweep, audit, preview, survey, SES's reports, notifications, webhooks
- ``store``: DynamoDB alone: keys, items, and one repository for each kind of item
- ``effects``: what the protocol asks of the world, as data
- ``inbound``: a mail that came in, taken apart and judged
- ``mail``: the MIME mail around a calendar, its wording, and the notifications beside it
- ``calendar``: a message as an iCalendar object (RFC 5545, RFC 5546)
- ``decision``: what is true against what an attendee's calendar holds, and the one message that follows
- ``schedule``: recurrence rules, the dates of a series, and the edits to it
- ``webhooks``: what an account's own systems are sent, how it is signed, where it may go, how many at a time
- ``languages``: the texts of mails and pages in each language, and how it writes dates and times
- ``links``: personal links: how they are signed, and what each opens
- ``settings``: what a deployment decides
- ``model``: events, registrations, answers: frozen data

A registration's way through it: ``web.registrations`` -> ``registrations.registry`` -> the tables' stream ->
``delivery.reconcile`` -> ``decision.decide`` -> ``calendar.itip`` -> ``mail.invitation_mail`` -> ``aws.ses``.
docs/glossary.md has the terms.
"""
