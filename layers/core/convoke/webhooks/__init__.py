"""What an account's own systems are told: ``facts`` are the events and their signature, ``url_guard`` says which
addresses may be called, ``http`` makes one call.
"""
