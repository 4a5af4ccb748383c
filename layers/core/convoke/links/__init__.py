"""Personal links: how they are signed, and what each opens.

- ``tokens``: the part of a link that proves whom it was made for, and what for
- ``signing_in``: the token by which an organizer signs in to the console
- ``urls``: the addresses of the pages
"""
