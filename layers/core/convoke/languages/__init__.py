"""The texts of mails and pages in each language, and how it writes dates and times."""
