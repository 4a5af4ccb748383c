"""Mails as bytes (RFC 5322, RFC 2045, RFC 6047).

- ``invitation_mail``: builds the mail that contains a calendar; ``wording`` has its text, ``page`` its HTML
- ``spliced``: the same mail for many attendees, of which only what is personal is rendered each time
- ``notifications``: the plain mails beside the invitations; ``new_notifications`` makes those of each kind,
  ``notification_mail`` builds the mails, and ``asked_for_mail`` has the texts of those that were asked for on a page
- ``placeholders``: where personal links stand in a mail until it is sent
- ``subjects``: subjects of limited width
- ``header_fields``, ``mime_parts``: write header fields and MIME parts, and read them back
- ``freemail``: whose address may be in Reply-To
"""
