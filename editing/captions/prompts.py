"""What a language model is told so that it writes a temporal caption, and the nine examples it learns the form from.

Two styles: one sentence that tells the edit as an event (Frame2Frame, arXiv 2411.16819), and staged reasoning, in which
the model first says what happens first, then and finally, and what stays (IF-Edit, arXiv 2511.19435).
"""

from __future__ import annotations

from dataclasses import dataclass

from .rules import CAMERA_STILL

ONE_SENTENCE, STAGED = "one sentence", "staged reasoning"
ENGLISH, CHINESE = "English", "Chinese"
STILL, MAY_MOVE = "still", "may move"


@dataclass(frozen=True)
class Example:
    """An instruction and the answer to it. `caption` is the staged one, `sentence` the same in one sentence."""

    instruction: str
    photo: str  # what the photo shows
    first: str
    then: str
    finally_: str
    unchanged: str
    end_state: str
    caption: str
    sentence: str
    moves_camera: bool = False


EXAMPLES = (
    Example(  # motion
        "let the dog lie down",
        "a brown dog stands on a rug beside a sofa",
        "The brown dog lowers its head and bends its front legs.",
        "Its chest sinks to the rug, and its hind legs fold under it.",
        "It lies flat on the rug with its head up and rests.",
        "The rug, the sofa and the light.",
        "The brown dog lies on the rug with its head up.",
        "The brown dog bends its front legs, lowers its chest to the rug and folds its hind legs under it, until it "
        "lies there with its head up and rests. The rug and the sofa stay as they are.",
        "The brown dog bends its legs and lowers itself onto the rug until it lies there calmly with its head up.",
    ),
    Example(  # deformation
        "crush the can",
        "an upright red drink can on a concrete wall",
        "The red can buckles in the middle, as if a hand pressed on its top.",
        "Folds spread over its sides while it gets shorter and wider.",
        "It is a flat, creased disc that lies on the wall without moving.",
        "The concrete wall and the blurred street behind it.",
        "A flat, crushed red can lies on the concrete wall.",
        "The red can buckles in the middle, creases spread over its sides and it is pressed shorter and shorter, "
        "until it is a flat crumpled disc on the wall. The wall and the street behind it stay the same.",
        "The red can buckles and is pressed down, creases spreading over its sides, until it is a flat crumpled disc.",
    ),
    Example(  # breaking
        "shatter the mug",
        "a white mug with a blue stripe on a wooden table",
        "Thin cracks run through the white mug from its rim.",
        "The mug bursts, and its shards slide apart over the table.",
        "The last shards stop and lie spread out where the mug stood.",
        "The wooden table, the window and the shadows.",
        "White shards with bits of a blue stripe lie on the wooden table.",
        "Cracks run through the white mug from its rim, then it bursts and its shards slide apart over the wooden "
        "table, until they lie still where the mug stood. The table and the window do not change.",
        "Cracks run through the white mug, it bursts, and its shards slide apart over the table until they lie still.",
    ),
    Example(  # cooking
        "bake the dough",
        "a pale round loaf of dough on a baking tray",
        "The pale dough begins to swell on the tray.",
        "It rises higher, a split opens on its top, and its skin turns from cream to gold.",
        "The crust is deep brown and crisp, and the loaf stops growing.",
        "The tray and the oven around it.",
        "A round loaf with a crisp deep brown crust sits on the tray.",
        "The pale dough swells and rises on the tray, a split opens on top and its skin turns golden, until it is a "
        "round loaf with a crisp deep brown crust. The tray and the oven stay as they are.",
        "The pale dough swells, splits open on top and browns from gold to a deep crisp crust until it is a finished "
        "loaf.",
    ),
    Example(  # weather, time passing
        "what does this street look like after an hour of heavy snow?",
        "a dry street with two parked cars under a grey sky",
        "Thick snowflakes begin to fall over the dry street.",
        "A thin white layer covers the cars, the pavement and the branches, and grows thicker as time passes quickly.",
        "Deep, smooth snow lies on everything, and the last flakes have fallen.",
        "The houses, the two cars and where they are parked.",
        "The street and the two parked cars lie under deep, smooth snow.",
        "Time passes quickly: thick snow falls on the dry street, a white layer covers the pavement, the two cars and "
        "the branches and grows thicker, until deep smooth snow lies on everything. Houses and cars keep their "
        "places.",
        "Time passes quickly while heavy snow falls and settles ever thicker on the street and the two parked cars "
        "until all of it lies under a deep, smooth, white layer.",
    ),
    Example(  # growth
        "make the rose bud bloom",
        "a closed pink rose bud on a green stem",
        "The green leaves around the pink bud loosen and fold back.",
        "Petal after petal opens outwards, from the outside to the middle.",
        "The rose is wide open and holds still.",
        "The stem, the leaves and the blurred garden.",
        "A wide open pink rose stands on the green stem.",
        "The pink bud loosens, and petal after petal opens outwards from the outside to the middle, until the rose is "
        "wide open and holds still. The stem and the garden behind it do not change.",
        "The pink bud loosens and opens petal after petal until a full, wide open rose stands on the stem.",
    ),
    Example(  # removal
        "remove the bicycle",
        "a green bicycle leans against a brick wall",
        "The green bicycle becomes faint, and the brick wall shows through it.",
        "It fades further, its wheels and its shadow too, while the bricks behind it become clear.",
        "Nothing of it is left, only the plain brick wall and the pavement.",
        "The wall, the pavement and the light.",
        "The brick wall and the pavement are empty.",
        "The green bicycle grows faint and fades away together with its shadow, while the bricks behind it become "
        "clear, until only the plain wall and the pavement are left. Nothing else changes.",
        "The green bicycle and its shadow slowly fade away until only the plain brick wall and the pavement are left.",
    ),
    Example(  # appearance
        "paint the door blue",
        "a weathered white door in a stone house",
        "A strip of fresh blue appears at the top edge of the white door.",
        "The blue spreads downwards over the panels as if painted by an unseen brush.",
        "The whole door is evenly blue, its handle and its shape are the old ones.",
        "The stone house, the handle and the step.",
        "The door of the stone house is evenly blue.",
        "Blue paint appears at the top of the weathered white door and spreads down over its panels, until the whole "
        "door is evenly blue. Its shape, its handle and the stone house stay the same.",
        "Fresh blue spreads from the top of the white door down over its panels until the whole door is evenly blue.",
    ),
    Example(  # lighting, camera
        "show the clock tower at night, from a little closer",
        "a stone clock tower in daylight seen across a square",
        "The daylight dims to a warm dusk, while the camera begins to move slowly towards the tower.",
        "The sky turns deep blue, the lamps of the square and the clock's face light up one after another, and the "
        "tower grows in the picture.",
        "It is night, the clock glows, and the camera comes to rest a little closer to the tower.",
        "The tower, the square and everything built on it.",
        "The clock tower stands lit under a dark blue night sky, seen from a little closer.",
        "The daylight dims into dusk and then night, the lamps and the clock's face light up one after another, while "
        "the camera slowly moves closer to the stone tower and then comes to rest.",
        "Daylight fades to night and the lamps and the clock light up while the camera slowly moves closer to the "
        "tower and comes to rest.",
        moves_camera=True,
    ),
)


def system_text(style: str, camera: str, language: str, max_words: int) -> str:
    """The task, its rules, the form of the answer, and the examples in that form."""
    return "\n\n".join([_TASK, _rules(camera, language, max_words), _FORMS[style], _examples(style, camera)])


def user_text(instruction: str, guidance: str = "", has_image: bool = True) -> str:
    """The question: the instruction, what else the person wants considered, and whether there is a photo."""
    lines = [f"Edit instruction: {' '.join(instruction.split())}"]
    if guidance.strip():
        lines.append(f"Also consider: {' '.join(guidance.split())}")
    lines.append("The photo is attached." if has_image else "There is no photo: go by the instruction alone.")
    return "\n".join(lines)


def retry_text(question: str, reason: str) -> str:
    """The question again, with what was wrong with the last answer."""
    return (
        f"{question}\n\nYour last answer could not be used because {reason}. Answer again, in exactly the form that "
        "was asked for, with nothing before and nothing after it."
    )


_TASK = (
    "You turn an edit instruction for a photo into the description of a short video. The video begins with exactly "
    "this photo, and in its last frame the edit is complete. A video model films what you describe. It follows no "
    "commands: tell what can be seen to happen."
)
_FORMS = {
    STAGED: (
        "Look at the photo, think about how this change would really take place, and answer with exactly these six "
        "lines:\n\n"
        "FIRST: how the change begins\n"
        "THEN: how it goes on\n"
        "FINALLY: how it ends, after which everything holds still\n"
        "UNCHANGED: what stays as it is\n"
        "END STATE: one sentence about the finished picture, as if nothing had ever been different\n"
        "CAPTION: all of it as one continuous event, in the present tense"
    ),
    ONE_SENTENCE: (
        "Look at the photo, think about how this change would really take place, and answer with exactly these two "
        "lines:\n\n"
        "CAPTION: one sentence in the present tense that tells the change as one continuous event up to its end\n"
        "END STATE: one sentence about the finished picture, as if nothing had ever been different"
    ),
}


def _rules(camera: str, language: str, max_words: int) -> str:
    rules = [
        "Name things by what they look like in the photo, so that they cannot be mistaken.",
        "Change what was asked for and nothing else. The edit must be complete well before the video ends.",
        "One continuous shot: no cut, no other scene, no text on the picture.",
        "What appears must come from somewhere (it fades in, grows, falls, is put there); what leaves must go.",
        f"At most {max_words} words in CAPTION, no list, no quotation marks, no brackets.",
    ]
    if camera == STILL:
        rules.append(
            f'The camera does not move, and CAPTION ends with "{CAMERA_STILL}" Only where the instruction itself asks '
            "for another view does it move."
        )
    else:
        rules.append("The camera may move where that shows the edit better; say how.")
    if language == CHINESE:
        rules.append("Write everything after the labels in Simplified Chinese. The labels stay in English.")
    return "Rules:\n" + "\n".join(f"- {rule}" for rule in rules)


def _examples(style: str, camera: str) -> str:
    parts = []
    for example in EXAMPLES:
        ending = f" {CAMERA_STILL}" if camera == STILL and not example.moves_camera else ""
        lines = [f"Edit instruction: {example.instruction}", f"(The photo: {example.photo}.)"]
        if style == STAGED:
            lines += [
                f"FIRST: {example.first}",
                f"THEN: {example.then}",
                f"FINALLY: {example.finally_}",
                f"UNCHANGED: {example.unchanged}",
                f"END STATE: {example.end_state}",
                f"CAPTION: {example.caption}{ending}",
            ]
        else:
            lines += [f"CAPTION: {example.sentence}{ending}", f"END STATE: {example.end_state}"]
        parts.append("\n".join(lines))
    return "Examples:\n\n" + "\n\n".join(parts)
