"""The post office of the stack on one machine: it stands in for SES, and shows everybody's mailbox.

Nothing leaves the machine. What the application sends is kept to the byte and shown as the addressee would see it; what
SES would report goes to the same topics as on AWS.
"""

from __future__ import annotations

from .office import PostOffice

__all__ = ["PostOffice"]
