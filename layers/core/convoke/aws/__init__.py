"""The effects carried out on AWS: ``runtime`` performs and answers each of them, ``ses`` makes one attempt to send,
``queues`` has the hints as messages.

``records`` has the batches of records and messages by which Lambda calls the functions, ``best_effort`` what a request
does at once that the sweep would do otherwise. ``personal_links`` makes the links of a mail when it is sent, and
``readiness`` reads what ``delivery.readiness`` decides on.
"""
