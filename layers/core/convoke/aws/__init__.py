"""The effects carried out on AWS: ``runtime`` performs and answers each of them, ``ses`` makes one attempt to send."""
