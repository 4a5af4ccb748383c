"""The effects of ``effects``, done for real: ``runtime`` answers each of them, ``ses`` makes one attempt to send."""
