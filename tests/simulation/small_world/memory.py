"""What a worker in the middle of its work still remembers: of its frames only what they will yet read.

Two workers that remember the same do the same from here on, whatever they have been through. A generator cannot be
copied, but it can be looked into.
"""

from __future__ import annotations

import dis
from collections.abc import Generator, Iterator
from functools import cache
from types import CodeType
from typing import Any

Place = tuple[str, int]
"""A function, and the instruction at which it waits."""
JUMPS_AWAY = ("JUMP_FORWARD", "JUMP_BACKWARD", "JUMP_BACKWARD_NO_INTERRUPT", "JUMP_ABSOLUTE")
ENDS = ("RETURN_VALUE", "RETURN_CONST", "RETURN_GENERATOR_VALUE", "RAISE_VARARGS", "RERAISE")


def remembered(steps: Generator[Any, Any, Any]) -> Iterator[tuple[Place, dict[str, Any]]]:
    """Each frame of a suspended generator, the outermost first: where it stands, and what it will still read."""
    inner: Any = steps
    while inner is not None and inner.gi_frame is not None:
        frame = inner.gi_frame
        names = _read_later(frame.f_code)[frame.f_lasti]
        values = frame.f_locals
        yield (frame.f_code.co_name, frame.f_lasti), {name: values[name] for name in sorted(names) if name in values}
        inner = inner.gi_yieldfrom


@cache
def _read_later(code: CodeType) -> dict[int, frozenset[str]]:
    """By offset of an instruction, the variables that may be read after it before they are written.

    What a loop last took counts as read: it shows how far the loop is, and the iterator itself is out of sight. What an
    exception would read does not count: the protocol catches none.
    """
    instructions = list(dis.get_instructions(code))
    at = {instruction.offset: index for index, instruction in enumerate(instructions)}
    always = {*code.co_cellvars, *code.co_freevars, *_loop_variables(instructions)}
    after: list[set[str]] = [set() for _ in instructions]
    before: list[set[str]] = [set() for _ in instructions]
    changed = True
    while changed:
        changed = False
        for index in range(len(instructions) - 1, -1, -1):
            following = {name for later in _next(instructions, index, at) for name in before[later]}
            needed = set(following)
            for verb, name in reversed(_touches(instructions[index])):
                needed.discard(name) if verb == "STORE" else needed.add(name)
            if following != after[index] or needed != before[index]:
                after[index], before[index], changed = following, needed, True
    return {instruction.offset: frozenset(after[index] | always) for index, instruction in enumerate(instructions)}


def _next(instructions: list[dis.Instruction], index: int, at: dict[int, int]) -> Iterator[int]:
    instruction = instructions[index]
    if instruction.opname in ENDS:
        return
    if instruction.opcode in dis.hasjrel or instruction.opcode in dis.hasjabs:
        yield at[instruction.argval]
        if instruction.opname in JUMPS_AWAY:
            return
    if index + 1 < len(instructions):
        yield index + 1


def _touches(instruction: dis.Instruction) -> list[tuple[str, str]]:
    """The variables that one instruction loads and stores, in order: some do two things at once."""
    words = [word for word in instruction.opname.split("_") if word in ("LOAD", "STORE", "DELETE")]
    if "FAST" not in instruction.opname:
        return []
    names = instruction.argval if isinstance(instruction.argval, tuple) else (instruction.argval,)
    return [("STORE" if word == "DELETE" else word, name) for word, name in zip(words, names, strict=False)]


def _loop_variables(instructions: list[dis.Instruction]) -> Iterator[str]:
    for index, instruction in enumerate(instructions):
        if instruction.opname == "FOR_ITER":
            for following in instructions[index + 1 :]:
                stored = [name for verb, name in _touches(following) if verb == "STORE"]
                yield from stored[:1]
                if not stored and not following.opname.startswith("UNPACK"):
                    break
