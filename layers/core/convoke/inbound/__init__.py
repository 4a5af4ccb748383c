"""What comes in by mail, judged before anything believes it. In the order to read it:

- ``reasons``: why a mail is put aside, a code for each condition
- ``uids``: what a UID of ours looks like, and where there is one in a mail
- ``envelope``: the mail taken apart, with ``parts`` for its parts, and ``prose`` for what a person wrote in it
- ``answers``: what the calendar in it answers, with ``components`` for its lines, and ``zones`` for the zones it names
- ``proposals``: another time that somebody proposes
- ``addresses``: which spellings are one mailbox; ``trace``: what SES itself noted of signatures, at the top of a mail
- ``firewall``: whose answer counts
- ``judgement``: what is done with it
- ``quarantine``: what is shown of a mail that was put aside
"""

from .judgement import Judgement, Verdict, judge

__all__ = ["Judgement", "Verdict", "judge"]
