"""What a language model is told so that it finds the frame that shows the edit.

The rule is that of Frame2Frame (arXiv 2411.16819, section 3.3), in words of our own: the edit complete and natural, the
earliest of several, none is an answer too, and no frame whose camera or quality has changed.
"""

from __future__ import annotations


def system_text(count: int) -> str:
    """The task, its rules and the form of the answer, for a page with `count` numbered pictures."""
    pictures = f"{count} pictures with the numbers 1 to {count}" if count > 1 else "one picture with the number 1"
    return (
        'You check edits of a photo. You see one page. On top of it is the photo before the edit, labelled "source". '
        f"Below it are {pictures}, each number standing above its picture. They are moments of one video, in the order "
        "of time, in which the source slowly turns into the edited photo. Find the moment that is the finished "
        "edit.\n\n"
        "Rules:\n"
        "- The edit must be there in full and look natural: not half done, not in the middle of a movement, nothing "
        "doubled, melted or deformed.\n"
        "- Whatever the edit does not ask for must look as in the source. Pass over pictures that are seen from "
        "another place, are zoomed, have other light or colours, or are blurred or damaged.\n"
        "- If several pictures are equally good, take the lowest number: the longer a video goes on, the further it "
        "strays from the source.\n"
        "- If no picture shows the finished edit, the number is 0. Do not guess in that case.\n\n"
        "First say in one or two sentences what you see. Then end with one line of exactly this form, with the number "
        "in place of x, and write nothing behind it:\n"
        "CHOICE: x"
    )


def user_text(instruction: str, end_state: str = "", close_together: bool = False) -> str:
    """The question: the edit, what the finished picture shows, and whether the pictures lie close together in time."""
    lines = []
    if instruction.strip():
        lines.append(f"Edit instruction: {' '.join(instruction.split())}")
    if end_state.strip():
        lines.append(f"The finished picture: {' '.join(end_state.split())}")
    if close_together:
        lines.append("These pictures lie close together in time, so look for small differences.")
    lines.append("Which picture is the finished edit?")
    return "\n".join(lines)


def retry_text(question: str, problem: str) -> str:
    """The question again, with what was wrong with the last answer."""
    return (
        f"{question}\n\nYour last answer could not be used because {problem}. Answer again, and end with one line of "
        "the form CHOICE: x with exactly one number."
    )
