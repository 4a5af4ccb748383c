"""Mails as bytes (RFC 5322, MIME, RFC 6047).

``invitation_mail`` builds the mail around a calendar from the ``wording`` of a message. ``notifications`` are the plain
mails beside the invitations; ``notification_mail`` builds them.
"""
