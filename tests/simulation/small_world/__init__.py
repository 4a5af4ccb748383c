"""Every order of things in a world small enough to try them all: one event, two registrations, no more than two workers
at once, a few changes and a few things that go wrong; no clock but "the lease is over".

``memory`` says what a worker in the middle of its work still remembers, ``alike`` when two situations differ in nothing
that matters; ``mind`` is a worker, ``parts`` what the world is made of; ``deeds`` and ``turns`` what can happen next to
one attendee, by production's own code; ``walk`` goes through it all, ``worlds`` says through which.
"""
