"""Temporal captions by rules: from an instruction to the process that a video model can show.

An image-to-video model edits badly from "make the ball blue" and well from a text that says what happens, stage by
stage, what stays, and where it ends (IF-Edit, arXiv 2511.19435, temporal caption; Frame2Frame, arXiv 2411.16819). Here
that text is written without a language model: the kind of edit is recognised from the wording, and a sentence pattern
of that kind is filled with the words the person used. An instruction that no rule understands is passed on as it is, so
that nothing false is said.

The embedded demo model is trained on these very captions: the same instruction always gives the same caption, and a
changed pattern needs a new training.

The chain: `cleaning` drops what carries no edit, `arrows` and `amounts` spell out signs, `clauses` parts the edits
named together, `imperative` brings each into one word order, `families` holds the rules (one module per kind of edit),
`writing` makes the caption. What no rule understands is read once more with its `spelling` mended. All use
`vocabulary` and `english`.
"""

from __future__ import annotations

import re

from .clauses import single_edits
from .cleaning import plain, readable, request
from .families.rule import CAMERA_STILL
from .spelling import mend
from .writing import LONGEST_ADDITION, NOT_UNDERSTOOD, Edit, TemporalCaption, not_understood, recognise, write

LONGEST = 1000  # characters; a longer text is a story that no rule reads
__all__ = ["CAMERA_STILL", "NOT_UNDERSTOOD", "TemporalCaption", "temporal_caption"]


def temporal_caption(instruction: str) -> TemporalCaption:
    """Rewrite an edit instruction as a temporal caption.

    The caption reads: the process in time, what stays, and "The camera stays still." unless the edit moves the camera.
    Edits named together ("remove the cup, then turn the ball blue") follow each other; their family is "several".
    What is not understood is passed on as a plain sentence, without its "could you ... please?", with the family
    `NOT_UNDERSTOOD`. A misspelt word is read as the word it stands for where that is certain, and named in
    `corrections`.

    Raises ValueError for an instruction without a word.
    """
    wording = readable(str(instruction or ""))
    if not re.search(r"\w", wording):
        raise ValueError(
            "The edit instruction is empty. Write what should change, for example: move the red ball to the left."
        )
    if len(wording) > LONGEST:
        return write([not_understood(request(wording))])
    wording, edits, slips = mend(wording, _read)
    corrections = tuple((slip.written, slip.meant) for slip in slips)
    result = write(edits or [not_understood(request(wording))], corrections)
    if len(result.caption) > len(wording) + LONGEST_ADDITION:  # a list of edits, too many for one short video
        result = write([not_understood(request(wording))])
    return result


def _read(wording: str) -> list[Edit]:
    """The edits that a wording asks for, none if any of it is not understood."""
    command = plain(request(wording))
    edits = [recognise(edit, first=n == 0) for n, edit in enumerate(single_edits(command))]
    if len(edits) > 1:  # "keep the dog still" beside another edit asks for nothing
        edits = [edit for edit in edits if edit is None or edit.family != "still"] or edits[:1]
    if not edits or None in edits:
        edits = [recognise(command)]
    return [edit for edit in edits if edit]
