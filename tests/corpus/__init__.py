"""Mails that came in, each with how it must be judged.

- ``genuine``: answers as mail programs write them, raw, with an index; the shapes are documented, the mails are ours
- ``oddities``: answers with something odd in them that does not matter, and each counts
- ``forgeries``: what somebody else writes, who wants to be taken for the person who was asked
- ``leniencies``: what somebody writes who counts on what we pass over, put right, or take for the same
- ``claims``: what a calendar claims that it may not
- ``misreadings``: what two programs read in two ways, and what nobody can read
- ``bombs``: what costs whoever reads it
- ``found``: what the fuzzer found, raw, named after what was wrong: it is held to the ``laws`` of ``tests/fuzz`` alone

All are about the same few invitations, which are in ``asked``; ``replies`` writes a genuine answer, each line of which
can be replaced; ``case`` is one of them, ``measured`` what it costs.
"""
