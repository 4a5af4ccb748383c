"""Webhooks: ``events`` has the webhook events, their JSON, signature and retries; ``url_guard`` says which URLs and
addresses may be called; ``http`` makes one request.
"""
