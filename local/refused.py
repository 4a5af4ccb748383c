"""What a command answers that did nothing."""


class Refused(str):
    """The last line of output of a command that could not do what it was asked for, with what to correct.

    It goes to stderr, and the exit status is 1: a script notices, and takes it for nothing else.
    """

    __slots__ = ()
