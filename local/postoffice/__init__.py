"""The post office of the local stack: a server that stands in for SES, with a page that shows each person's mailbox.

No mail leaves the machine. Sent mails are kept byte for byte and shown as their recipients would see them; SES's
reports are published to the same topics as on AWS.
"""

from __future__ import annotations

from .office import PostOffice

__all__ = ["PostOffice"]
