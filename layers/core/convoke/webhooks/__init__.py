"""Webhooks: ``events`` has the webhook events, their JSON, signature and retries; ``url_guard`` says which URLs and
addresses may be called; ``http`` makes one request. ``contents`` is what a full payload has beside the ids;
``in_flight`` says how many requests an account may have in flight.
"""
