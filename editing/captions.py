"""Temporal captions by rules: from an instruction to the process that a video model can show.

An image-to-video model edits badly from "make the ball blue" and well from a text that says what happens, stage by
stage, what stays, and where it ends (IF-Edit, arXiv 2511.19435, temporal caption; Frame2Frame, arXiv 2411.16819). Here
that text is written without a language model: the kind of edit is recognised from the wording, and a sentence pattern
of that kind is filled with the words the person used. An instruction that no rule understands is passed on as it is, so
that nothing false is said.

The embedded demo model is trained on these very captions: the same instruction always gives the same caption, and a
changed pattern needs a new training.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from .english import fill, participle, progressive, thing, third_person

CAMERA_STILL = "The camera stays still."
REST_STAYS = "Everything else stays exactly as it is."
LAYOUT_STAYS = "Every object keeps its place and its shape."
LONGEST_ADDITION = 400  # characters that a caption may be longer than the instruction
LONGEST_CLAUSE = 200  # characters; a longer text tells a story of its own and is passed on


@dataclass(frozen=True)
class TemporalCaption:
    """What happens (`caption`), how it ends (`end_state`, one sentence), and the kind of edit recognised (`family`)."""

    caption: str
    end_state: str
    family: str


def temporal_caption(instruction: str) -> TemporalCaption:
    """Rewrite an edit instruction as a temporal caption.

    The caption reads: the process in time, what stays, and "The camera stays still." unless the edit moves the camera.
    Edits named together ("remove the cup, then turn the ball blue") follow each other; their family is "several".
    What is not understood becomes "The scene gradually changes until: <instruction>." with the family "unknown".

    Raises ValueError for an instruction without a word.
    """
    wording = " ".join(_printable(str(instruction or "")).split())
    if not re.search(r"\w", wording):
        raise ValueError(
            "The edit instruction is empty. Write what should change, for example: move the red ball to the left."
        )
    plain = _plain(_SLIPS.sub(lambda slip: _SLIP_WORDS[slip[0].lower()], wording))
    edits = [_recognise(part) for clause in _clauses(plain) for part in _parts(clause)]
    if len(edits) > 1:  # "keep the dog still" beside another edit asks for nothing
        edits = [edit for edit in edits if edit is None or edit.family != "still"] or edits[:1]
    if not edits or None in edits:
        edits = [_recognise(plain) or _not_understood(wording)]
    result = _write(edits)
    if len(result.caption) > len(wording) + LONGEST_ADDITION:  # a list of edits, too many for one short video
        result = _write([_not_understood(wording)])
    return result


def _printable(text: str) -> str:
    """Control characters become spaces; what is invisible otherwise (a soft hyphen, a byte order mark) is dropped."""
    return "".join(
        c if c.isprintable() else " " if unicodedata.category(c) in ("Cc", "Zs", "Zl", "Zp") else "" for c in text
    )


# ---- what instructions look like


_POLITE = re.compile(
    r"(?:(?:hey|hi|hello|ok|okay|now|so|then|please|kindly|just|simply)\b[, ]*"
    r"|(?:can|could|would|will) you (?:please )?|what (?:(?:happens|would happen|will happen) )?(?:if|when) "
    r"|i(?: would|'d)? (?:want|like|need|wish) (?:you )?to "
    r"|let us |let's |try to |make it so(?: that)? "
    r"|edit (?:it|this|the image|the picture|the photo) (?:so that|to) )+",
    re.IGNORECASE,
)
_PICTURE = r"(?:image|picture|photo|photograph|scene|frame|shot)"
_IN_PICTURE = re.compile(
    rf"\s(?:in|of|from|inside|within|into|to) (?:the|this|my) {_PICTURE}\b(?=\s*$| (?:to|into|by|with|and)\b)",
    re.IGNORECASE,
)
# What people mistype most, where it would hide the edit or end up in the caption.
_SLIP_WORDS = {
    "teh": "the", "hte": "the", "pls": "please", "plz": "please", "mak": "make", "maek": "make", "amke": "make",
    "remvoe": "remove", "romove": "remove", "remov": "remove", "delte": "delete", "chnage": "change",
    "chage": "change", "repalce": "replace", "trun": "turn", "tunr": "turn", "rotat": "rotate", "opne": "open",
    "colse": "close", "moev": "move", "backgroud": "background", "rigth": "right", "lfet": "left",
}  # fmt: skip
_SLIPS = re.compile(rf"\b(?:{'|'.join(_SLIP_WORDS)})\b", re.IGNORECASE)
# "..., keeping everything else the same": every caption says so anyway.
_KEEP_REST = re.compile(
    r"[,;.]?\s*\b(?:(?:and|but|while)\s+)?(?:keep(?:ing)?|leav(?:e|ing)|without (?:changing|moving|touching)|do(?:n't"
    r"| not) (?:change|move|touch))\b(?=.*\b(?:else|rest|same|still|unchanged|alone|as (?:it|they) (?:is|are)|as is"
    r"|anything|other|fixed|steady|intact|place)\b)[^,;.]*$",
    re.IGNORECASE,
)


def _plain(wording: str) -> str:
    """Drop what carries no edit: politeness, "in the picture", "keep the rest unchanged", the full stop."""
    text = wording.replace("\u2019", "'")
    if text.isupper() and text.isascii() and len(text.split()) > 2:  # shouted: the capitals name nobody
        text = text.lower()
    text = text[polite.end() :] if (polite := _POLITE.match(text)) else text
    text = re.sub(
        r"\b[\s,.;!?]*(?:many thanks|thanks|thank you|thx|please)$", "", text.strip(" .!?\"'"), flags=re.IGNORECASE
    )
    text = _KEEP_REST.sub("", text).strip(" ,;.") or text
    return _IN_PICTURE.sub("", text).strip(" ,;.") or text


_VERBS = (
    "move|slide|shift|push|pull|drag|bring|put|place|roll|nudge|relocate|carry|send|swap|lift|raise|lower|grow"
    "|enlarge|inflate|expand|swell|scale|shrink|deflate|reduce|remove|delete|erase|vanish|hide|eliminate|disappear"
    "|fade|get|take|make|turn|paint|color|colour|dye|tint|recolor|recolour|change|give|set|rotate|spin|twist|flip"
    "|tilt|tip|drop|fall|topple|knock|melt|flatten|squash|squeeze|crush|squish|compress|break|shatter|smash|crack"
    "|destroy|burst|explode|tear|rip|split|cut|slice|pop|sharpen|deblur|focus|blur|add|insert|draw|replace|exchange"
    "|transform|convert|morph|open|close|shut|zoom|pan|let|have|switch|burn|freeze|fill|empty|bend|clean|stack"
    "|straighten|pour|light|blow|peel|fold|cook|brighten|darken|dim"
)
_NEXT_EDIT = re.compile(
    rf"(?:\s*[,;.]\s*(?:and\s+)?(?:then\s+)?|\s+and\s+(?:then\s+)?|\s+then\s+)(?=(?:{_VERBS})\b)", re.IGNORECASE
)


# What a thing does by itself: "make the ball fall", "the ball falls" and "fall the ball" all reach one rule.
_OWN_VERBS = (
    "move|slide|shift|roll|rise|sink|grow|expand|inflate|swell|shrink|deflate|vanish|disappear|fade|rotate|turn|spin"
    "|twist|flip|tilt|lean|fall|drop|topple|tumble|collapse|melt|flatten|break|shatter|crack|burst|explode|tear|split"
    "|crumble|pop|come|open|close|become|change|dissolve|burn|freeze|bloom|wilt|rot|rust|ripen|cook|boil|bend"
)


def _clauses(text: str) -> list[str]:
    """The edits named together; a bare verb goes on with the same thing: "make the cup fall and break"."""
    clauses = [clause for clause in _NEXT_EDIT.split(text) if clause.strip()]
    bare = re.compile(_OWN_VERBS, re.IGNORECASE)
    if not any(bare.fullmatch(clause) for clause in clauses[1:]):
        return clauses
    same = _again(_imperative(clauses[0]).partition(" ")[2])
    return clauses[:1] + [f"{clause} {same}" if bare.fullmatch(clause) else clause for clause in clauses[1:]]


def _again(words: str) -> str:
    """How the same thing is named a second time: it, him, her, them."""
    pronoun = thing(words or "it").pronoun
    return {"he": "him", "she": "her", "they": "them"}.get(pronoun, pronoun)


def _parts(clause: str) -> list[str]:
    """What one verb asks of several things or of one: "make the door red and the walls white" is two edits."""
    if len(clause) > LONGEST_CLAUSE:
        return [clause]
    if both := _BOTH_ACTIONS.fullmatch(clause):
        return [f"make {both['x']} {both['first']}", f"make {_again(both['x'])} {both['second']}"]
    if both := _BOTH_HAPPEN.fullmatch(clause):
        return [f"{both['first']} {both['x']}{both['rest']}", f"{both['second']} {_again(both['x'])}"]
    verb, _, rest = clause.partition(" ")
    shape = next((shape for verbs, shape in _SHARED if re.fullmatch(verbs, verb, re.IGNORECASE)), None)
    parts = re.split(r"\s*,\s*(?:and\s+)?|\s+and\s+", rest)
    matches = [shape.fullmatch(part) for part in parts] if shape and 1 < len(parts) < 6 else [None]
    if None in matches:
        return [clause]
    named = {word for match in matches for word in match["x"].lower().split()}
    wanted = {match["y"].lower() for match in matches}
    # "the red ball blue and the blue ball red": one after the other would not be what is meant
    return [clause] if named & wanted else [f"{verb} {part}" for part in parts]


# What someone does: bow, wave, sit down. Some of it comes to an end, some goes on, some meets a thing; else it is held.
_DEEDS = (
    "pick|throw|catch|take|hand|give(?! (?:a |the |two )?(?:thumb|peace|ok|high))|put|drop|leave|climb|enter|pass|cut"
    "|land"
    "|(?:jump|hop|step)(?= (?:on|off|over|into|in|out|down|to|across|through))|knock|tie|untie"
)
_GOING_ON = (
    "run|walk|dance|fly|swim|crawl|chase|follow|drift|float|eat|drink|bark|sing|read|write|drive|ride|play|laugh|cry"
    "|clap|flap|wag|shake|sail|gallop|bounce|swing|flow|paint|draw|cheer|jog|skate|sleep|ski|surf|march|stir|wave"
)
_MEETS = "hit|touch|strike|crash|bump"
_ACTIONS = (
    "bow|wave|sit|stand|jump|smile|laugh|cry|wink|blink|nod|kneel|dance|run|walk|look(?! like)|stare|clap|point"
    "|stretch|sleep|lie|squat|crouch|hug|kiss|shake|hold|eat|drink|fly|bark|swim|climb|crawl|hop|yawn|frown|grin"
    "|salute|pray|sing|read|write|kick|throw|catch|raise|lift|lower|drive|ride|play|step|lean|reach|pick|grab|touch"
    "|spread|flap|wag|close|open|turn|move|bend|surrender|cheer|relax|shrug|cross|face|stop|carry|pet|stroke"
    "|feed|tilt|rub|cover|fold|pass|enter|land|hand|give|take|put|drop|pour|leave|cut|bite|knock|push|pull|tie|untie"
    "|stir"
    f"|{_GOING_ON}|{_MEETS}"
)
_BEINGS = (
    "man|woman|men|women|boys?|girls?|child|children|kids?|babies|baby|people|person|players?|dogs?|cats?|horses?"
    "|birds?|monkeys?|bears?|rabbits?|elephants?|lions?|kings?|queens?|dancers?|guys?|lady|ladies"
)
_WHO = r"(?:the|a|an|this|that|these|those|my|his|her|their|its|all|both|every|two|three|\w+'s)\s[^,;]+?"
_NOT_OBJECT = r"(?!\s+(?:the|a|an|his|her|its|their|my|your|some|all|both)\b(?!\s+(?:left|right|top|bottom)))"
_MAKE = r"(?:make|let|have|get|cause)\s+"
_SOFTENERS = r"(?:(?:should|must|will|needs? to|has to|have to)\s+)?(?:now\s+)?"
_HOW = re.compile(r"\b(?:slowly|gradually|gently|smoothly|quickly|suddenly|completely|entirely)\s+", re.IGNORECASE)
_MADE_TO = re.compile(
    rf"{_MAKE}(?P<x>.+?)\s+(?:to\s+)?(?P<verb>{_OWN_VERBS})\b{_NOT_OBJECT}(?P<rest>.*)", re.IGNORECASE
)
_DOES = re.compile(
    rf"(?P<x>{_WHO}|it|he|she|they|everything)\s+{_SOFTENERS}(?P<verb>{_OWN_VERBS})(?:e?s)?\b{_NOT_OBJECT}(?P<rest>.*)",
    re.IGNORECASE,
)
_BECOMES = re.compile(
    rf"(?P<x>{_WHO}|it|he|she|they)\s+{_SOFTENERS}becomes?\s+(?P<rest>(?:a|an|the)\s.+)", re.IGNORECASE
)
_WANTED = re.compile(
    r"i(?: want| need| would like|'d like| wish)\s+(?P<x>.+?)\s+to\s+(?:be\s+)?(?P<rest>.+)", re.IGNORECASE
)
_IS = re.compile(
    rf"(?P<x>{_WHO}|it|everything)\s+(?:is|are|(?:should|must|will|needs? to|has to|have to) (?:be|become|look))\s+"
    r"(?:now\s+)?(?P<rest>.+)",
    re.IGNORECASE,
)


_PARTICIPLES = {
    "broken": "break", "smashed": "smash", "shattered": "shatter", "cracked": "crack", "torn": "tear",
    "melted": "melt", "opened": "open", "closed": "close", "shut": "close", "removed": "remove", "deleted": "remove",
    "bent": "bend", "peeled": "peel", "folded": "fold", "frozen": "freeze", "rotated": "rotate", "flattened": "flatten",
    "crushed": "crush", "turned": "turn", "switched": "switch", "painted": "paint", "dyed": "dye", "moved": "move",
    "replaced": "replace", "wilted": "wilt", "stacked": "stack", "swapped": "swap", "cooked": "cook", "fried": "fry",
    "straightened": "straighten", "burst": "burst", "popped": "pop", "inflated": "inflate", "deflated": "deflate",
}  # fmt: skip
_DONE_WORDS = "|".join(_PARTICIPLES)
# "the lights turned on", "cup broken": a verb at the front would make it another sentence, hence the short thing.
_DONE = re.compile(
    rf"(?:i(?: want| need| would like|'d like)(?: to have)?\s+|(?:have|get|see)\s+)?"
    rf"(?P<x>(?:(?:the|a|an|this|that|these|those|my|his|her|their|its|all|both|two|three)"
    rf"\s(?:(?!\b(?:has|have|with|and|holding|wearing|looks?)\b)[^,;])+?|(?!(?:{_VERBS}|keep|leave|stay)\b)\w+))"
    rf"\s+(?:(?:is|are|should be|must be|to be|being|gets?)\s+)?(?P<verb>{_DONE_WORDS})\b"
    rf"{_NOT_OBJECT}(?P<rest>(?:\s.*)?)",
    re.IGNORECASE,
)
_DONE_TO = re.compile(
    r"(?:a |an )?(?P<verb>broken|smashed|shattered|cracked|torn|melted|frozen|wilted|crushed|peeled)\s+"
    rf"(?P<x>(?!(?:up|down|apart|into|in|on|off|open|still|video|frame|shot|moment|motion|{_PICTURE})\b)\w+)",
    re.IGNORECASE,
)
_DOING_BEING = re.compile(rf"(?:a |an )?(?P<verb>\w+ing)\s+(?P<x>(?:{_BEINGS}))", re.IGNORECASE)
_CAMERA_DOES = re.compile(
    r"(?:(?:make|let|have)\s+)?(?:the\s+)?camera\s+(?P<verb>zoom|pan|orbit|tilt|rotate|swing|turn|move|pull)s?\b"
    r"(?P<rest>.*)",
    re.IGNORECASE,
)
_THERE_IS = re.compile(
    r"there (?:(?:should|must|could|has to|have to|needs? to) be|is|are)\s+(?P<x>(?:no|a|an|some|another|more|two|three"
    r"|four|five|six|many|several)\s.+)",
    re.IGNORECASE,
)
_OPEN_OR_ON = re.compile(
    r"(?P<x>(?:(?:the|both|all)\s)?(?:doors?|windows?|eyes|mouth|gates?|books?|box|curtains?|umbrella|drawers?))"
    r"\s(?P<y>open|shut)"
    r"|(?P<lamp>(?:(?:the|both|all)\s)?(?:lights?|lamps?|tv|television|screen|lanterns?))\s(?P<on>on|off)",
    re.IGNORECASE,
)


def _imperative(clause: str) -> str:
    """One word order for all: "the ball falls", "make the ball fall", "I want the ball to fall" -> "fall the ball"."""
    clause = _HOW.sub("", clause + " ").strip()
    if filmed := _CAMERA_DOES.fullmatch(clause):
        verb = filmed["verb"].lower()
        return f"{verb}{filmed['rest']}" if verb in ("zoom", "pan", "orbit") else f"{verb} the camera{filmed['rest']}"
    if there := _THERE_IS.fullmatch(clause):
        return there["x"] if there["x"].lower().startswith("no ") else f"add {there['x']}"
    if state := _OPEN_OR_ON.fullmatch(clause):
        return f"{state['y']} {state['x']}" if state["y"] else f"turn {state['on']} {state['lamp']}"
    if done := _DONE.fullmatch(clause):
        return f"{_PARTICIPLES[done['verb'].lower()]} {done['x']}{done['rest']}"
    if done := _DONE_TO.fullmatch(clause):
        return f"{_PARTICIPLES[done['verb'].lower()]} {done['x']}"
    if doing := _DOING_BEING.fullmatch(clause):
        verb = next((verb for verb in _ACTIONS.split("|") if progressive(verb) == doing["verb"].lower()), None)
        if verb:
            return f"make the {doing['x']} {verb}"
    if wanted := _WANTED.fullmatch(clause):
        clause = f"make {wanted['x']} {wanted['rest']}"
    if becomes := _BECOMES.fullmatch(clause):
        return f"turn {becomes['x']} into {becomes['rest']}"
    does = _MADE_TO.fullmatch(clause) or _DOES.fullmatch(clause)
    if does and not re.search(r"\band (?:the|a|an|his|her|its|their)\b", does["rest"]):  # another one does more
        if does["verb"].lower() == "grow" and re.fullmatch(r"\s(?:\w+ )?\w+s", does["rest"]):  # wings, long horns
            return f"make {does['x']} grow{does['rest']}"
        return f"{does['verb'].lower()} {does['x']}{does['rest']}"
    if state := _IS.fullmatch(clause):
        return f"make {state['x']} {state['rest']}"
    return clause


# ---- the words in which edits are recognised


# Not what an edit happens to: "rotate BY 90 degrees", "remove the cup BUT keep the plate".
_NO_THING = re.compile(
    r"(?:by|to|at|in|on|of|off|up|down|left|right|clockwise|counterclockwise|\d+)\b|.*\w(?:lly|tally)$"
    r"|back(?:$|\s+(?:to|the)\b)|.*\s(?:open|shut|upright|longer|taller|shorter|wider|higher|thicker)$"
    r"|(?!.*\sin \w+$)(?:\S+\s+){2,}(?:red|blue|green|yellow|purple|pink|black|white|brown|gr[ae]y)$"
    r"|.*\s(?:up|down|on|off|over|away|and|or)$|.*\bto (?:face|look|show|see|be|make|get|reveal)\b"
    r"|.*\s(?:minutes|hours|days|weeks|months|years|decades|as)$"
    r"|.*\b(?:but|while|until|unless|because|instead|when|so that|as an?)\b",
    re.IGNORECASE,
)
_COLOR = (
    r"(?P<color>(?:(?:a|very|dark|light|bright|pale|deep|shiny|vivid|neon|pastel|metallic|matte|hot|sky|royal|blood"
    r"|emerald)[- ])*(?:red|orange|yellow|green|blue|purple|violet|pink|brown|black|white|gr[ae]y|cyan|magenta"
    r"|turquoise|teal|gold|golden|silver|beige|crimson|scarlet|lime|navy|olive|maroon|indigo|lavender|cream|ivory|tan"
    r"|bronze|copper|peach|mint|azure|blonde?|ginger|auburn|transparent|rainbow[- ]colou?red)(?:ish)?)"
    r"(?: colou?r(?:ed)?)?"
)
# A thing in front of a color: "the" takes one word at least, so that the sky can be made purple.
_COLORED = (
    r"(?P<x>(?:(?:the|a|an|this|that|these|those|my|your)\s+)*(?!(?:the|a|an|this|that|these|those|my|your)\b)\S.*?)"
)
_MATERIAL = (
    r"(?P<y>(?:pure |solid |clear |polished |white |black |dark )?(?:gold|silver|bronze|copper|glass|wood|stone"
    r"|marble|ice|chocolate|paper|metal|steel|iron|plastic|fur|leather|bricks?|clay|cloth|crystal|lego|jelly|concrete"
    r"|sand|bamboo|porcelain|rubber|wool|cardboard))"
)
_A_LITTLE = (
    r"(?:(?:by\s+)?\d+\s*(?:pixels?|px|cm|mm|inch(?:es)?|%|percent)\s+)?(?:(?:over|all the way|further"
    r"|farther|more|slightly|a little(?: bit)?|a bit|far|way)\s+)*"
)
_SIDE = (
    r"(?:to(?:wards?)?\s+|onto\s+|on\s+|in(?:to)?\s+)?(?:the\s+|its\s+|their\s+)?(?:far\s+|very\s+)?(?P<side>(?:top"
    r"|upper|bottom|lower)[- ](?:left|right)|left(?:wards?)?|right(?:wards?)?|up(?:wards?)?|down(?:wards?)?|top"
    r"|bottom|higher|lower)(?:[- ]hand)?(?:\s+(?:side|edge|corner|part|half))?(?:\s+of the table)?"
    r"(?:\s+(?:a little|a bit|slightly))?"
)
_TURN_WORDS = (
    r"(?P<rest>(?:\s+(?:by|around|about|in place|a|an|to|towards?|on|onto|its|the|their|left|right|side|over|upside"
    r"|down|counter[- ]?clockwise|anti[- ]?clockwise|clockwise|quarter|half|full|turn|\d+|degrees?|deg|little|bit"
    r"|slightly|direction|axis|halfway|round|own|itself))*)"
)
_WHERE = (
    r"(?P<where>(?:to|towards?|onto|into|next to|beside|behind|in front of|under|underneath|below|over|above|near"
    r"|between|against|across|off|out of|down|up|closer to|nearer to|away from|around|left of|right of|from|back to"
    r"|back"
    r"|forwards?|backwards?|away|aside|closer|apart|together|through|along)(?:\s.+)?)"
)
_PLACE = (
    r"(?P<where>\s+(?:on|onto|in|into|over|above|under|below|next to|beside|behind|in front of|around|near|between|at"
    r"|inside|against)\s.+)"
)
_SOME_NEW = r"(?:a|an|some|another|more|two|three|four|five|many|several)\s"
_MOVE = r"(?:move|slide|shift|push|pull|drag|bring|roll|nudge|relocate|carry|send|scoot|transport|translate)"
_MUCH = r"(?:(?:much|a lot|a bit|a little|slightly|even|way|very|really|far)\s+)*"
_LIMB = r"(?:hand|arm|leg|knee|foot|feet|paw|head|tail|wing|finger|eyebrow|chin|elbow|shoulder|ear)s?"
_WHOLE = rf"(?:(?:(?:the|this|my)\s+)?(?:whole |entire )?{_PICTURE}|it|this|that|everything)"
_STYLE = (
    r"(?P<style>.*\b(?:painting|sketch|drawing|cartoon|anime|manga|watercolou?r|comic(?: book)?|pixel art|style"
    r"|illustration|3d render(?:ing)?|claymation|mosaic|poster|black and white|black-and-white|sepia|monochrome|vintage"
    r"|pop art|engraving|woodcut|origami|low poly)\b.*?|.*\w look)"
)
_COUNT = (
    r"(?:half an?|an?|one|two|three|four|five|six|seven|eight|nine|ten|twelve|fifteen|twenty|thirty|forty|fifty|sixty"
    r"|seventy|eighty|several|many|some|a few|a couple of|(?:a|one|two|three|five) (?:hundred|thousand)|\d+)"
)
_TIME = rf"{_COUNT}\s+(?:second|minute|hour|day|night|week|month|year|decade|century|centurie)s?"
_DAYTIME = (
    r"(?P<y>(?:a |an )?(?:night|nighttime|day|daytime|daylight|sunset|sunrise|dawn|dusk|evening|morning|noon|winter"
    r"|summer|spring|autumn|fall|rain|rainy|raining|snow|snowy|snowing|foggy|misty|sunny|cloudy|overcast|stormy|windy)"
    r"(?: (?:day|night|evening|morning|weather|time))?)"
)
_STATES = (
    r"(?P<y>(?:(?:very|really|completely|all)\s+)?(?:happy|sad|angry|surprised|scared|tired|sleepy|old|young|wet|dry"
    r"|dirty|clean|burnt|burned|empty|full|shiny|wooden|furry|fluffy|muscular|fat|thin|slim|bald|bright|dark|warm"
    r"|cold|hot|frozen|rusty|dusty|muddy|round|square|tall|long|short|wide|narrow|rough|smooth|hairy|sick|healthy"
    r"|ripe|rotten|curly|straight|messy|tidy|broken|wrinkled|glowing|striped|spotted)|"
    + _MUCH
    + r"(?:(?:more|less)\s+[a-z]+|(?:tall|long|short|wid|narrow|thick|thinn|high|low|deep|bright|dark|light"
    r"|warm|cold|cool|hott|old|young|soft|hard|smooth|rough|fatt|slimm|heavi|happi|sadd|angri|pretti|clean|dirti|wett"
    r"|dri|full|empti|round|strong|weak|calm|new|fresh|straight|curli|messi|fluffi|shini|cut|scari|funni|sleepi|redd"
    r"|green|blu|pal)er))"
)
_SIZE_OR_STATE = re.compile(
    rf"{_STATES}|{_MUCH}(?:big|bigger|large|larger|huge|giant|small|smaller|little|tiny|tinier|flat|gone|invisible)",
    re.IGNORECASE,
)
_WAYS = {
    "left": ("to the left", "on the left side"),
    "right": ("to the right", "on the right side"),
    "up": ("up", "near the top"),
    "down": ("down", "near the bottom"),
    "top left": ("up and to the left", "in the top left corner"),
    "top right": ("up and to the right", "in the top right corner"),
    "bottom left": ("down and to the left", "in the bottom left corner"),
    "bottom right": ("down and to the right", "in the bottom right corner"),
}
_SIDE_NAMES = {"top": "up", "higher": "up", "bottom": "down", "lower": "down"}

_SOMEBODY = (
    r"(?P<x>(?:him|her|it|them|me|us|everyone|everybody|(?:(?:the|an?|this|that|these|those|my|his|her|its|their|our"
    r"|your|all|both)\s+)*(?!(?:the|an?|this|that|these|those|my|his|her|its|their|our|your|all|both)\b)\S.*?))"
    r"(?<!'s)(?<!s')"
)
_BOTH_ACTIONS = re.compile(
    rf"{_MAKE}{_SOMEBODY}\s+(?:to\s+)?(?P<first>(?:{_ACTIONS})\b(?!\s+(?:{_ACTIONS})\b)(?:(?!\sand\s).)*?),?"
    rf"\s+(?:and\s+then|and|then)\s+(?P<second>(?:{_ACTIONS})\b.*)",
    re.IGNORECASE,
)
_BOTH_HAPPEN = re.compile(  # "the glass falls off the table and breaks"
    rf"(?P<x>{_WHO}|it|they)\s+(?P<first>{_OWN_VERBS})(?:e?s)?(?P<rest>(?:\s(?!and\b)[^\s,]+)*?)"
    rf"\s+and\s+(?:then\s+)?(?P<second>{_OWN_VERBS})(?:e?s)?",
    re.IGNORECASE,
)
_PART = r"(?P<x>(?:(?:the|a|an|this|that|these|those|my|his|her|its|their|our|both)\s)\S.*?)"
# What several things can share: the verb, and what each of them then says.
_SHARED = tuple(
    (verbs, re.compile(pattern, re.IGNORECASE))
    for verbs, pattern in (
        ("make", rf"{_PART}\s+(?P<y>{_COLOR}|{_SIZE_OR_STATE.pattern.replace('(?P<y>', '(?:')})"),
        ("turn|paint|dye|tint|colou?r|recolou?r", rf"{_PART}\s+(?P<y>{_COLOR})"),
        (f"{_MOVE}|put|place", rf"{_PART}\s+(?P<y>{_SIDE})"),
        ("replace", rf"{_PART}\s+(?P<y>with\s.+)"),
        ("remove|delete|erase", rf"{_PART}\s+(?P<y>(?:on|in|at|near|by|under|behind)\s(?:the|a)\s.+)"),
    )
)


# ---- what a match says beyond its named groups; None refuses the match


Words = dict[str, str] | None


def _side(match: re.Match) -> Words:
    side = re.sub(r"wards?$", "", match["side"].lower().replace("-", " "))
    side = side.replace("upper ", "top ").replace("lower ", "bottom ")
    way, place = _WAYS[_SIDE_NAMES.get(side, side)]
    goes = "rolls" if re.match(r"roll\b", match[0], re.IGNORECASE) else "slides"
    if re.search(r"\b(?:slightly|a little|a bit)\b", match[0], re.IGNORECASE):
        return {"way": f"a little {way}", "place": "there", "end": f"a little further {way}", "goes": goes}
    return {"way": way, "place": place, "end": f"at rest {place}", "goes": goes}


def _already_there(match: re.Match) -> Words:
    """Only for things that exist: "put the cup on the table", not "put a cup on the table"."""
    goes = {"roll": "rolls", "fly": "flies"}.get(match[0].split()[0].lower(), "moves")
    return None if re.match(_SOME_NEW, match["x"], re.IGNORECASE) else {"goes": goes}


def _size(match: re.Match) -> Words:
    a_little = re.search(r"\b(?:slightly|a little|a bit)\b", match[0], re.IGNORECASE)
    return None if re.match(_SOME_NEW, match["x"], re.IGNORECASE) else {"much": "a little" if a_little else "much"}


def _not_the_color(match: re.Match) -> Words:
    """ "change the color of the ball to red" is about the ball; "the ball blue and the cube red" are two edits."""
    two = re.search(rf"(?:the|a|my|his|her) (?:\w+ )+{_COLOR} and (?:the|a|my|his|her) \w+", match["x"], re.IGNORECASE)
    if two or re.search(r"\bcolou?r\b", match["x"]):
        return None
    lamp = re.search(r"\b(?:traffic|street|stop|brake|head|tail|ceiling|night)$", match["x"], re.IGNORECASE)
    if lamp and match["color"].lower().startswith("light "):  # "the traffic light turns green"
        return {"x": match["x"] + " light", "color": match["color"][6:]}
    return {}


def _not_a_side(match: re.Match) -> Words:
    """ "turn the head to the left" makes it no other thing."""
    if re.search(r"\b(?:volume|dial|knob|page|key|handle|heat|temperature)\b", match["x2"] or ""):
        return None
    return None if re.match(r"(?:the|its) (?:left|right|side|top|bottom|back|front)\b", match["y2"] or "") else {}


def _turn(match: re.Match) -> Words:
    """The direction and amount of a rotation in plain words, empty where none is given."""
    rest = match["rest"].lower()
    if re.search(r"\sto\s", match["x"]):  # "turn the volume to the max"
        return None
    if re.fullmatch(r"\s*(?:on|to|up|down|a|the)", rest):
        return None
    way = []
    if re.search(r"(?:counter|anti)[- ]?clockwise", rest):
        way.append("counterclockwise")
    elif "clockwise" in rest:
        way.append("clockwise")
    elif "upside down" in rest or "over" in rest.split():
        way.append("upside down")
    elif "left" in rest or "right" in rest:
        way.append("to the left" if "left" in rest else "to the right")
    elif "to the side" in rest:
        way.append("to the side")
    elif "side" in rest.split():
        way.append("onto its side")
    if degrees := re.search(r"(\d+)\s*deg", rest):
        way.append(f"by {degrees[1]} degrees")
    elif part := re.search(r"(?:quarter|half|full) turn", rest):
        way.append(f"by a {part[0]}")
    return {"way": " ".join(way)}


def _optional_place(match: re.Match) -> Words:
    return {"where": (match["where"] or "").strip()}


def _several(match: re.Match) -> bool:
    """Whether the edit happens to more than one thing."""
    return thing(match["x"] or match.groupdict().get("x2") or "it").plural


def _action_words(verb: str, rest: str, verbs: str) -> Words:
    rest = rest.strip()
    more = re.search(rf"[,;:]|\b(?:and|then)\s+(?:.+\s)?(?:{_ACTIONS})(?:e?s)?\b", rest)
    if more or not re.match(rf"(?:{verbs})(?:\s|$)", f"{verb} {rest}"):  # more: not one movement
        return None
    ends = re.sub(r"^(?:down|up)$", "", rest) if re.fullmatch("sit|lie|stand|kneel|squat|crouch", verb) else rest
    return {
        "does": third_person(verb),
        "doing": progressive(verb),
        "done": participle(verb),
        "rest": rest,
        "ends": ends,
    }


def _action(match: re.Match, verbs: str) -> Words:
    rest = match["rest"].strip()
    if re.fullmatch(r"(?:the )?camera", match["x"], re.IGNORECASE):
        return None
    if _SIZE_OR_STATE.fullmatch(rest) and rest.lower() not in ("higher", "lower", "faster", "slower", "closer"):
        return None  # "make the blue drink bigger" tells of a thing, not of drinking
    return _action_words(match["verb"].lower(), rest, verbs)


def _action_told(match: re.Match, verbs: str) -> Words:
    """ "the man waves", "the girls wave": the verb must agree, which singles it out from "the big wave"."""
    verb, several = match["verb"].lower(), thing(match["x"]).plural
    actions = (re.sub(r"\W.*", "", action) for action in _ACTIONS.split("|"))
    if re.fullmatch(r"(?:the )?camera", match["x"], re.IGNORECASE):
        return None
    known = next((action for action in actions if verb == (action if several else third_person(action))), None)
    return _action_words(known, match["rest"], verbs) if known else None


def _known_thing(match: re.Match) -> Words:
    """ "add the lamp": unlike a new lamp, its end state must say where it is."""
    return {"where": (match["where"] or "there").strip()}


_COOKED = {
    "cook": "cooked", "bake": "baked", "fry": "fried", "grill": "grilled", "roast": "roasted", "toast": "toasted",
    "boil": "boiled",
}  # fmt: skip
_BRIGHTNESS = {"brighten": "brighter", "lighten": "brighter", "darken": "darker", "dim": "dimmer"}


def _stack(match: re.Match) -> Words:
    where = (match["where"] or "").strip()
    if not where:
        way = "one on top of the other" if _several(match) else "piece by piece"
        return {"way": way, "where": "in one pile"}
    way = "one after the other" if _several(match) else "upwards and then across"
    return {"way": way, "where": re.sub(r"^on(?:to)?(?: top of)?\b", "on top of", where)}


def _instead(match: re.Match) -> Words:
    """ "a red car instead of the blue one": the one is a car."""
    old, new = match["x"], match["y"]
    if re.fullmatch(rf"(?:the )?{_COUNT}", old, re.IGNORECASE) and not re.search(r"\bone$", old):
        return None
    if one := re.fullmatch(r"(.+\s)ones?", old, re.IGNORECASE):
        return {"x": one[1] + new.split()[-1]}
    return {}


def _style(match: re.Match) -> Words:
    style = match["style"].strip()
    if re.match(r"(?:a|an|the) (?!style|look)", style, re.IGNORECASE) and not re.search(r"(?:style|look)$", style):
        return {"look": f"looks like {style}"}
    if re.match(r"(?:black|sepia|monochrome|vintage)", style, re.IGNORECASE) and not style.endswith("style"):
        return {"look": f"is {style}"}
    if re.search(r"\b(?:style|look)\b", style, re.IGNORECASE):
        return {"look": f"has {style}" if re.match(r"(?:a|an|the)\s", style) else f"is in {style}"}
    return {"look": f"looks like {style}"}


def _daytime(match: re.Match) -> Words:
    named = match["y"] or match.groupdict().get("y2")
    return {"y": {"rain": "raining", "snow": "snowing"}.get(named.lower(), named)}


# ---- the families of edits; the first rule that matches wins


@dataclass(frozen=True)
class _Rule:
    """One wording of a family. Sentence patterns are those of `english.fill`."""

    family: str
    pattern: re.Pattern
    process: str
    end_state: str
    stays: str
    camera: str
    words: Callable[[re.Match], Words]
    subject: str
    article: bool


def _rule(
    family: str,
    pattern: str,
    process: str,
    end_state: str,
    stays: str = REST_STAYS,
    camera: str = CAMERA_STILL,
    words: Callable[[re.Match], Words] = lambda match: {},
    subject: str = "the whole picture",
    article: bool = True,
) -> _Rule:
    """`subject` stands in where the wording names nothing; `article` False leaves "clouds" without "the"."""
    return _Rule(family, re.compile(pattern, re.IGNORECASE), process, end_state, stays, camera, words, subject, article)


_RECOLOR = {
    "process": "{x} slowly [changes] color, bit by bit, until {it} <is> completely {color}.",
    "end_state": "{x} [has] become completely {color}.",
    "stays": "{its} shape and place stay the same. " + REST_STAYS,
}
_FOCUS = {
    "process": "{x} slowly [comes] into focus: soft, blurry edges turn crisp until every detail is sharp and clear.",
    "end_state": "{x} [is] sharp and clear.",
    "stays": "Nothing moves and nothing else changes.",
}
_GROW = {
    "process": "{x} slowly [grows] bigger and bigger until {it} <is> {much} larger, then [holds] {its} size.",
    "end_state": "{x} [is] {much} larger than before.",
    "words": _size,
}
_VANISH = {
    "process": "{x} slowly [fades] away {where} until {it} <is> completely gone, and only the background is left "
    "there.",
    "end_state": "{x} [is] gone {where}.",
    "words": _optional_place,
}
# How an action goes and how it ends: some are held, some come to an end, some go on.
_SMOOTH = "in one smooth, natural movement"
_ACTION_KINDS = (
    # family, verbs, process, end state, what stays
    ("pose", r"stop \w+ing\b.*", "{x} slowly [stops] {rest} and then [stays] that way.",
     "{x} [is] no longer {rest}.", REST_STAYS),
    ("pose", "hold", f"{{x}} [takes] hold of {{rest}} {_SMOOTH} and then [holds] the pose.",
     "{x} [is] holding {rest}.", REST_STAYS),
    ("cause", _MEETS, "{x} [{does}] {rest}, and what naturally follows from that happens step by step.",
     "{x} [has] {done} {rest}.", "Everything that is not touched stays exactly as it is."),
    ("pose", _DEEDS, f"{{x}} [{{does}}] {{rest}} {_SMOOTH} from start to finish.", "{x} [has] {done} {rest}.",
     REST_STAYS),
    ("pose", _GOING_ON, "{x} [{does}] {rest} with smooth, natural movements, which go on until the end.",
     "{x} [is] {doing} {rest}.", REST_STAYS),
    ("pose", r"(?!stop\b).*", f"{{x}} [{{does}}] {{rest}} {_SMOOTH} and then [holds] the pose.",
     "{x} [is] {doing} {ends}.", REST_STAYS),
)  # fmt: skip
_STYLED = {
    "process": "The whole picture is slowly redrawn, area by area, until all of it {look}.",
    "end_state": "The whole picture {look}.",
    "stays": LAYOUT_STAYS,
    "words": _style,
}
_TIME_PASSES = {
    "process": "Time passes quickly: {x} [changes] step by step, as {it} <does> within {time}, and then [holds] still.",
    "end_state": "{x} [looks] as {it} <does> after {time}.",
    "stays": "Everything that time does not touch stays as it is.",
    "subject": "the scene",
}

_DAY_PASSES = {
    "process": "The light and the weather slowly change until it is {y}.",
    "end_state": "It is {y}.",
    "stays": LAYOUT_STAYS,
    "words": _daytime,
}

_RULES: tuple[_Rule, ...] = (
    # The still video of the refinement step.
    _rule(
        "still",
        r"nothing(?: at all)?(?: (?:moves|changes|happens))?\b.*|(?:keep|hold|leave)(?: \w+){0,4}? (?:(?:still"
        r"|unchanged|alone|fixed|static|steady|in place|the same)\b.*|as .*)|(?:keep|hold|stay|remain)(?: "
        r"(?:perfectly|completely))? (?:still|unchanged|the same|as .*)|(?:everything|all|it|the (?:picture|scene"
        r"|image)) (?:stays?|remains?|keeps?|is)\b.*\b(?:still|same|is|unchanged)|make everything still|(?:a |an "
        r")?(?:(?:perfectly|completely) )?(?:still|static|frozen)(?: (?:video|image|picture|scene|frame"
        r"|shot))?(?:,.*)?|do nothing|no (?:changes?|motion|movement)|freeze|(?:do not|don't|never) (?:move|change"
        r"|touch|do)\b.*",
        process="Nothing moves and nothing changes.",
        end_state="The picture looks exactly as it did at the start.",
        stays="Everything stays exactly as it is, sharp and clear.",
    ),
    # The camera: the one edit that does not hold it still.
    _rule(
        "zoom",
        r"(?:zoom|dolly) (?:in(?:to)?\b|closer)\s*(?:on|to|onto|at)?\s*(?P<x>.+)?"
        r"|(?:move|bring) the camera (?:closer|nearer|forwards?|in)(?: to (?P<x2>.+))?",
        process="The camera slowly moves closer to {x}, which [fills] more and more of the view, and then it holds.",
        end_state="{x} [is] seen from close up.",
        stays="Nothing else moves.",
        camera="",
        subject="the middle of the scene",
    ),
    _rule(
        "zoom",
        r"(?:zoom|dolly) out\b.*|(?:move|pull) the camera (?:back|away|backwards?|out)\b.*",
        process="The camera slowly moves back, more and more of the surroundings come into view, and then it holds.",
        end_state="The scene is seen from further away, with more of its surroundings.",
        stays="Nothing else moves.",
        camera="",
    ),
    _rule(
        "pan",
        rf"(?:(?:pan|tilt|turn|move|rotate|swing)(?: the)? (?:camera|view)|pan)\s+{_A_LITTLE}{_SIDE}",
        process="The camera slowly pans {way} and then holds.",
        end_state="The view has moved {way}.",
        stays="The scene itself does not change.",
        camera="",
        words=_side,
    ),
    _rule(
        "viewpoint",
        r"(?:show|view|see|look at)\s+(?:me\s+)?(?P<x>.+?)\s+(?P<where>from (?:above|below|behind|the \w+"
        r"|an? \w+ angle|up close).*)|(?:move|rotate|orbit|swing|turn) the camera (?P<where2>around|behind|above"
        r"|below)(?:\s+(?P<x2>.+))?",
        process="The camera slowly moves around {x} until {x} [is] seen {view}, and then it holds.",
        end_state="{x} [is] seen {view}.",
        stays="The scene itself does not change.",
        camera="",
        words=lambda match: {"view": match["where"] or "from a new side"},
        subject="the scene",
    ),
    _rule(
        "zoom",
        r"(?:pull|zoom) (?:back|out|away)(?: (?:to (?:reveal|show|see)|and (?:reveal|show)|from)\s+.+)?",
        process="The camera slowly moves back, more and more of the surroundings come into view, and then it holds.",
        end_state="The scene is seen from further away, with more of its surroundings.",
        stays="Nothing else moves.",
        camera="",
    ),
    _rule(
        "viewpoint",
        r"(?:orbit(?: the camera)?(?: around)?|circle(?: the camera)? around)\s+(?P<x>.+)",
        process="The camera slowly moves around {x} until {x} [is] seen from a new side, and then it holds.",
        end_state="{x} [is] seen from a new side.",
        stays="The scene itself does not change.",
        camera="",
    ),
    _rule(
        "pan",
        r"(?:turn|pan|point|aim|swing)(?: the camera)? (?:to|towards?|onto|over to)\s+(?P<x>(?!the (?:left|right|top"
        r"|bottom)\b).+)"
        r"|point the camera at (?P<x2>.+)",
        process="The camera slowly pans until {x} [is] in the middle of the view, and then it holds.",
        end_state="{x} [is] in the middle of the view.",
        stays="The scene itself does not change.",
        camera="",
        words=lambda match: {} if re.match(r"pan\b|\w+ the camera\b", match[0], re.IGNORECASE) else None,
    ),
    _rule(
        "follow",
        r"(?:the )?camera (?:follows|tracks)\s+(?P<x>.+)|(?:follow|track) (?P<x2>.+) with the camera",
        process="The camera slowly moves along with {x}, which [stays] in the middle of the view.",
        end_state="{x} [is] in the middle of the view.",
        stays="Nothing else changes.",
        camera="",
    ),
    # Sharpness.
    _rule("focus", r"(?:come|get) (?:back )?(?:in|into) focus", **_FOCUS),
    _rule(
        "focus",
        r"(?:sharpen|deblur|de-blur|unblur|un-blur|focus(?: on)?|refocus|(?:bring|put|get|come) (?=.* (?:in|into) "
        r"focus)|make (?=.* (?:sharp|sharper|clear|clearer|crisp|crisper|in focus)$)|(?:remove|fix|undo|clear) the "
        r"(?:blur|blurriness)(?: (?:of|from|in|on))?|(?:enhance|improve) the (?:clarity|sharpness|focus)(?: "
        r"of)?)\s*(?P<x>.*?)(?:(?: (?:look|be|come|get|much|very|really|back))* (?:in focus|into focus|sharp|sharper"
        r"|clear|clearer|crisp|crisper))?",
        **_FOCUS,
    ),
    _rule(
        "blur",
        r"(?:blur|defocus|make (?=.* (?:blurry|blurred|out of focus)$))\s*(?P<x>.+?)(?: (?:blurry|blurred|out of "
        r"focus))?",
        process="{x} slowly [goes] out of focus until {it} <is> soft and blurry.",
        end_state="{x} [is] soft and blurry.",
    ),
    # Style, light and time, before colors and changes of single things.
    _rule(
        "style",
        rf"(?:make|turn|convert|transform|change|redraw|repaint|render|paint|draw|show|restyle|stylize|give|edit)\s+"
        rf"{_WHOLE}\s+(?:look\s+)?(?:like|into|to|as|in|with)?\s*{_STYLE}",
        **_STYLED,
    ),
    _rule(
        "style",
        rf"(?:(?:change|set) the style(?: of {_WHOLE})? (?:in)?to|(?:convert|turn|change|restyle|render|redraw|apply)"
        rf"(?:\s+{_WHOLE})?\s*(?:to|into|in|as)?|in|as)\s+{_STYLE}",
        **_STYLED,
    ),
    _rule(
        "time",
        rf"(?:let\s+)?(?P<time>{_TIME})\s+(?:pass(?:es)?|go(?:es)? by|later)"
        rf"|(?:fast[- ]forward|wait)(?: by| for)?\s+(?P<time2>{_TIME})|age\s+(?P<x>.+?)\s+(?:by\s+)?(?P<time3>{_TIME})",
        **_TIME_PASSES,
    ),
    _rule(
        "time",
        r"(?:(?:show|make|draw|imagine|see|let)\s+)?(?:(?:what|how)\s+)?"
        r"(?:(?:does|do|would|will|happens to)\s+)?(?P<x>.*?)\s*(?:\b(?:will|would|should)\s+)?"
        r"(?:\b(?:look|looks|be|become|is|are|happens|age|ages)\b)?(?:\s+like)?\s*"
        rf"(?:\b(?:after|in)\s+(?P<time>{_TIME})(?:\s+(?:later|have passed|has passed|from now))?"
        rf"|\b(?P<time2>{_TIME})\s+(?:later|from now|older))",
        **_TIME_PASSES,
    ),
    _rule(
        "light",
        r"(?:make|turn|change|set|let|show)\s+(?:(?:it|the (?:scene|picture|image|photo|time of day|season|weather"
        r"|lighting|light|sky|day|night|time|summer|winter|spring|autumn)|day|night|summer|winter|spring|autumn)\s+)?"
        rf"(?:look like\s+|(?:from \w+ )?(?:in)?to\s+|be\s+|at\s+|in\s+)*{_DAYTIME}"
        rf"|show\s+.+?\s+(?:at|in|during)\s+{_DAYTIME.replace('<y>', '<y2>')}",
        **_DAY_PASSES,
    ),
    # Color.
    _rule(
        "material",
        rf"(?:make|turn|change|transform|convert)\s+(?P<x>.+?)\s+(?:(?:look\s+)?(?:out\s+|made\s+)+of|of"
        rf"|into)\s+{_MATERIAL}",
        process="{x} slowly [changes], from one side to the other, until {it} <is> made of {y}.",
        end_state="{x} [is] made of {y}.",
        stays="{its} shape and place stay the same. " + REST_STAYS,
    ),
    _rule(
        "recolour",
        rf"(?:make|turn|paint|dye|tint|colou?r|recolou?r|change|become|set|render)\s+{_COLORED}"
        rf"(?:\s+(?:from\s+\w+\s+)?(?:to|in|into|with|as|be|look))?\s+{_COLOR}",
        words=_not_the_color,
        **_RECOLOR,
    ),
    _rule(
        "recolour",
        rf"(?:change|set|make|turn|switch|alter)\s+(?:the\s+)?colou?r\s+of\s+(?P<x>.+?)\s+(?:from\s+\w+\s+)?"
        rf"(?:to|into|be)?\s*{_COLOR}",
        **_RECOLOR,
    ),
    _rule(
        "recolour",
        rf"(?:change|set|make|turn|switch|alter)\s+(?P<x>.+?)(?:'s|')?\s+colou?r\s+(?:from\s+\w+\s+)?"
        rf"(?:to|into|be)?\s*{_COLOR}",
        **_RECOLOR,
    ),
    _rule("recolour", rf"give\s+(?P<x>.+?)\s+a\s+{_COLOR}(?:\s+(?:tint|tone|coat))?", **_RECOLOR),
    # Poses of people and animals.
    _rule(
        "pose",
        rf"(?:raise|lift|put up|move)(?: up)?\s+(?P<x>.*\b{_LIMB})(?:\s+up)?",
        process="{x} slowly [moves] up in one smooth, natural movement and then [holds] the pose.",
        end_state="{x} [is] raised.",
    ),
    _rule(
        "pose",
        rf"(?:lower|put down)\s+(?P<x>.*\b{_LIMB})(?:\s+down)?",
        process="{x} slowly [moves] down in one smooth, natural movement and then [holds] the pose.",
        end_state="{x} [is] lowered.",
    ),
    *(
        _rule(family, pattern, process=process, end_state=end_state, stays=stays, words=partial(words, verbs=verbs))
        for family, verbs, process, end_state, stays in _ACTION_KINDS
        for pattern, words in (
            (rf"{_MAKE}{_SOMEBODY}\s+(?:to\s+)?(?P<verb>{_ACTIONS})\b(?!\s+(?:{_ACTIONS})\b)(?P<rest>.*)", _action),
            (rf"(?P<x>{_WHO}|he|she|they)\s+(?P<verb>[a-z]+)\b(?P<rest>.*)", _action_told),
        )
    ),
    _rule(
        "light",
        rf"(?:the|this|my)\s+(?:\w+\s+)?\w+\s+(?:at|in|during)\s+{_DAYTIME}",
        **_DAY_PASSES,
    ),
    # Place.
    _rule(
        "move",
        rf"(?:{_MOVE}|put|place|rise|sink|raise|lift|lower)\s+(?P<x>.+?)\s+{_A_LITTLE}{_SIDE}",
        process="{x} slowly [{goes}] {way} and [comes] to rest {place}.",
        end_state="{x} [is] {end}.",
        words=_side,
    ),
    _rule(
        "move",
        r"(?:raise|lift|rise)\s+(?:up\s+)?(?P<x>.+)",
        process="{x} slowly [rises] and [comes] to rest higher up.",
        end_state="{x} [is] higher up than before.",
    ),
    _rule(
        "move",
        r"(?:lower|sink)\s+(?P<x>.+)",
        process="{x} slowly [sinks] and [comes] to rest lower down.",
        end_state="{x} [is] lower down than before.",
    ),
    _rule(
        "move",
        r"(?:swap|switch|exchange)\s+(?:the (?:places|positions) of\s+)?(?P<x>.+?\sand\s.+?)(?:\s+around)?",
        process="{x} slowly [moves] past each other and [trades] places.",
        end_state="{x} [has] traded places.",
    ),
    _rule(
        "move",
        r"(?:swap|switch|exchange)\s+(?:the (?:places|positions) of\s+)?(?P<x>(?:the|both|these|those|my|his"
        r"|her)\s[^,]+?)"
        r"(?:\s+around)?",
        process="{x} slowly [moves] past each other and [trades] places.",
        end_state="{x} [has] traded places.",
        words=lambda match: {} if _several(match) and not re.search(r"\s(?:with|for|by)\s", match["x"]) else None,
    ),
    _rule(
        "stack",
        r"(?:stack|pile)(?:\s+up)?\s+(?P<x>.+?)(?P<where>\s+on(?:to)?(?: top of)?\s+(?!top of each|each|one an).+)?"
        r"(?:\s+up)?(?:\s+(?:on top of|onto|on) (?:each other|one another))?(?:\s+in(?:to)? (?:a|one) (?:pile|stack"
        r"|tower))?",
        process="{x} slowly [moves] {way} until {it} <is> stacked {where}, and then [stands] still.",
        end_state="{x} [is] stacked {where}.",
        words=_stack,
    ),
    _rule(
        "move",
        r"(?:line|queue) up\s+(?P<x>.+?)(?P<how>\s+(?:by|from|along|against|next to|on|in)\s.+)?|line"
        r"\s+(?P<x2>.+?)\s+up",
        process="{x} slowly [moves] one after the other until {it} <is> lined up {how}, and then [stays] there.",
        end_state="{x} [is] lined up {how}.",
        words=lambda match: {"how": (match["how"] or "").strip()} if _several(match) else None,
    ),
    _rule(
        "move",
        r"(?P<verb>arrange|sort|order|group|align)\s+(?P<x>.+?)\s+(?P<how>(?:in|into|by|from|along|on|around"
        r"|according to)\s.+)",
        process="{x} slowly [moves] one after the other until {it} <is> {done} {how}, and then [stays] there.",
        end_state="{x} [is] {done} {how}.",
        words=lambda match: {"done": participle(match["verb"].lower())} if _several(match) else None,
    ),
    _rule(
        "move",
        r"(?:center|centre)\s+(?P<x>.+)|(?:move|put|place|slide)\s+(?P<x2>.+?)\s+(?:to|in|into)\s+the (?:center"
        r"|centre|middle)",
        process="{x} slowly [slides] to the middle and [comes] to rest there.",
        end_state="{x} [is] in the middle.",
    ),
    _rule(
        "move",
        r"bounce\s+(?P<x>.+?)(?:\s+up and down)?",
        process="{x} [bounces] up and down, lower each time, and then [comes] to rest.",
        end_state="{x} [has] bounced and [is] at rest.",
    ),
    _rule(
        "move",
        r"swing\s+(?P<x>.+?)\s+(?P<way>to the (?:left|right)|left|right|forwards?|backwards?|up|down)",
        process="{x} [swings] {way} in a smooth arc and then [holds] still there.",
        end_state="{x} [has] swung {way}.",
        words=lambda match: {"way": re.sub(r"^(?=left|right)", "to the ", match["way"].lower())},
    ),
    _rule(
        "move",
        r"(?:throw|toss|fling)\s+(?P<x>.+?)\s+(?P<where>(?:into|onto|in|on|at|to|over|through|out of|against"
        r"|across)\s.+)",
        process="{x} [flies] {where} in a smooth arc and then [comes] to rest.",
        end_state="{x} [has] been thrown {where}.",
        article=False,
    ),
    _rule(
        "light",
        r"(?:(?:make|let|have)\s+)?the sun\s+(?:to\s+)?(?:sets?|goes? down)",
        process="The sun slowly sinks below the horizon while the light turns warm and then fades.",
        end_state="The sun has set.",
        stays=LAYOUT_STAYS,
    ),
    _rule(
        "light",
        r"(?P<verb>brighten|lighten|darken|dim)(?:\s+up)?\s+(?P<x>.+?)(?:\s+(?:up|down))?(?:\s+(?:a bit|a little"
        r"|slightly))?",
        process="{x} slowly [gets] {y} and {y}, bit by bit, and then [stays] that way.",
        end_state="{x} [is] {y} than before.",
        words=lambda match: {"y": _BRIGHTNESS[match["verb"].lower()]},
    ),
    _rule(
        "time",
        r"(?:set|change)\s+(?P<x>(?:the\s)?(?:\w+\s)?(?:clock|watch|timer|time(?= on| to)).*?)\s+to\s+(?P<y>.+)",
        process="The time on {x} slowly changes until {it} <shows> {y}, and then [stays] there.",
        end_state="{x} [shows] {y}.",
        words=lambda match: None if re.search(r"\bcolou?r|\b(?:left|right|top|bottom)$", match[0]) else {},
    ),
    _rule(
        "rotate",
        r"lean\s+(?P<x>.+?)\s+(?P<where>(?:against|on)\s.+)",
        process="{x} slowly [leans] over until {it} <rests> {where}.",
        end_state="{x} [is] leaning {where}.",
    ),
    # Switches and doors, before turning.
    _rule(
        "switch",
        r"(?:turn|switch|put(?=.*\b(?:light|lamp|lantern|tv|television|radio|screen|heater|fan)s?\b))\s+"
        r"(?:on\s+(?P<x>.+)|(?P<x2>.+?)\s+on)",
        process="{x} [turns] on, brighter and stronger, and then [stays] on.",
        end_state="{x} [is] on.",
    ),
    _rule(
        "switch",
        r"(?:turn|switch)\s+(?:off\s+(?P<x>.+)|(?P<x2>.+?)\s+off)",
        process="{x} slowly [turns] off, weaker and weaker, and then [stays] off.",
        end_state="{x} [is] off.",
    ),
    _rule(
        "open",
        r"(?:open|unfold|unlock|unwrap)\s+(?:up\s+)?(?P<x>.+?)(?:\s+(?:up|wide))*",
        process="{x} slowly [opens], wider and wider, until {it} <is> fully open.",
        end_state="{x} [is] fully open.",
    ),
    _rule(
        "close",
        r"(?:close|shut)\s+(?P<x>.+?)(?:\s+(?:up|tight))*",
        process="{x} slowly [closes], further and further, until {it} <is> fully closed.",
        end_state="{x} [is] fully closed.",
    ),
    # Falling and turning.
    _rule(
        "fall",
        r"(?:fall|topple|tip|knock|push|tumble|turn)\s+(?P<x>.+?)\s+over(?:\s.*)?"
        r"|(?:topple|tip over|knock over|push over|knock down)\s+(?P<x2>.+)",
        process="{x} [tips] over, [falls] onto {its} {side} and then [lies] still.",
        end_state="{x} [lies] on {its} {side}.",
        words=lambda match: {"side": "sides" if _several(match) else "side"},
    ),
    _rule(
        "fall",
        r"(?:fall|drop|tumble|let go of)\s+(?:down\s+)?(?P<x>.+?)(?P<where>\s+(?:off|from|to|onto|on|into|out of)\s.+)?"
        r"(?:\s+down)?",
        process="{x} [falls] down {where}, [lands] and then [lies] still.",
        end_state="{x} [has] fallen down {where} and [lies] still.",
        words=_optional_place,
    ),
    _rule(
        "fall",
        r"collapse\s+(?P<x>.+)",
        process="{x} [gives] way, [collapses] from the top down and then [lies] still.",
        end_state="{x} [has] collapsed and [lies] still.",
    ),
    _rule(
        "rotate",
        rf"(?:tilt|lean)\s+(?P<x>.+?){_TURN_WORDS}",
        process="{x} slowly [tilts] {way} in place and then [holds] that tilt.",
        end_state="{x} [is] tilted {way}.",
        words=_turn,
    ),
    _rule(
        "rotate",
        r"(?:tilt|set|put|turn|pull|stand|push|straighten)\s+(?:up\s+)?(?P<x>.+?)\s+(?:back\s+)?upright",
        process="{x} slowly [tilts] back until {it} <stands> upright, and then [holds] still.",
        end_state="{x} [stands] upright.",
    ),
    _rule(
        "rotate",
        r"turn\s+(?!.*\b(?:volume|dial|knob|page|key|handle|heat|temperature)\b)(?P<x>.+?)\s+(?:to|towards?)"
        r"\s+(?P<y>(?:the|his|her|my)\s+(?!(?:far |very )?(?:left|right|side|top|bottom|back"
        r"|front|color|colour)\b).+)",
        process="{x} slowly [turns] in place until {it} <faces> {y}, and then [holds] still.",
        end_state="{x} [faces] {y}.",
    ),
    _rule(
        "replace",
        r"(?:(?:use|put|show|have|i(?: want|'d like| would like))\s+)?(?P<y>(?:a|an|some|two|three|four|five"
        r"|\w+s$)\s?.+?)\s+"
        r"instead of\s+(?P<x>.+)",
        process="{x} slowly [changes] shape and look, step by step, until {it} <has> become {y} in the same place.",
        end_state="{x} [has] become {y}.",
        words=_instead,
    ),
    # Becoming something else.
    _rule(
        "replace",
        r"(?:replace|swap|exchange|substitute|switch)\s+(?P<x>.+?)\s+(?:with|for|by)\s+(?P<y>.+)"
        r"|(?:turn|change|transform|convert|morph|make)\s+(?P<x2>.+?)\s+(?:in)?to\s+(?P<y2>(?:a|an|the)\s.+)"
        r"|(?:turn|change|transform|convert|morph)\s+(?P<x3>.+?)\s+into\s+(?P<y3>.+)",
        process="{x} slowly [changes] shape and look, step by step, until {it} <has> become {y} in the same place.",
        end_state="{x} [has] become {y}.",
        words=_not_a_side,
    ),
    _rule(
        "rotate",
        rf"(?:rotate|turn|spin|twist|flip|swivel|pivot|revolve)\s+(?:around\s+)?(?P<x>.+?){_TURN_WORDS}",
        process="{x} slowly [rotates] {way} in place and then [holds] still in {its} new direction.",
        end_state="{x} [has] turned {way} and [holds] still.",
        words=_turn,
    ),
    _rule(
        "grow",
        r"grow\s+(?P<x>.+?)\s+(?:in)?to\s+(?P<y>(?:a|an)\s.+|\w+s)",
        process="{x} slowly [grows], bigger and bigger, until {it} <has> become {y} in the same place.",
        end_state="{x} [has] grown into {y}.",
    ),
    _rule(
        "grow",
        rf"grow\s+(?P<x>.+?)\s+{_MUCH}(?P<y>longer|taller|higher|thicker|wider|denser)",
        process="{x} slowly [grows] until {it} <is> clearly {y}, and then [stays] that way.",
        end_state="{x} [is] {y} than before.",
    ),
    # Size.
    _rule(
        "grow",
        r"(?:inflate|pump up|blow up(?=.*\b(?:balloon|ball|tire|tyre|bubble|ring|mattress))|swell)\s+(?P<x>.+?)"
        r"(?:\s+(?:up|with air|like a balloon|a bit|a little|slightly))*",
        process="{x} slowly [inflates] and [grows] bigger and bigger until {it} <is> {much} larger, "
        "then [holds] {its} size.",
        end_state="{x} [is] inflated and {much} larger than before.",
        words=_size,
    ),
    _rule(
        "grow",
        r"(?:grow|enlarge|expand|magnify|scale up|size up|increase the size of|double the size of"
        r"|make (?=.* (?:bigger|larger|huge|giant|big|large)$))\s*(?P<x>.+?)"
        rf"(?:\s+{_MUCH}(?:bigger|larger|huge|giant|big|large|up|in size|a bit|a little|slightly|a lot))*",
        **_GROW,
    ),
    _rule(
        "shrink",
        r"(?:deflate|let the air out of)\s+(?P<x>.+?)(?:\s+(?:a bit|a little|slightly))?",
        process="{x} slowly [deflates] and [shrinks] smaller and smaller until {it} <is> {much} smaller, "
        "then [holds] {its} size.",
        end_state="{x} [is] deflated and {much} smaller than before.",
        words=_size,
    ),
    _rule(
        "shrink",
        r"(?:shrink|scale down|size down|minimi[sz]e|(?:reduce|decrease) the size of|reduce (?=.* in size)"
        r"|make (?=.* (?:smaller|tiny|little|small|tinier)$))\s*(?P<x>.+?)"
        rf"(?:\s+{_MUCH}(?:smaller|tiny|tinier|little|small|down|in size|a bit|a little|slightly|a lot))*",
        process="{x} slowly [shrinks] smaller and smaller until {it} <is> {much} smaller, then [holds] {its} size.",
        end_state="{x} [is] {much} smaller than before.",
        words=_size,
    ),
    _rule(
        "vanish",
        r"(?P<y>(?:the|a|an|this|that|my|his|her)\s(?:\w+\s)?\w+)\s+without\s+(?:(?:the|a|an|any|his|her|its)"
        r"\s+)?(?P<x>(?:\w+\s)?\w+)",
        process="{x} slowly [fades] away until {it} <is> completely gone.",
        end_state="{x} [is] gone.",
        words=lambda match: None if re.search(r"ing\b", match["x"]) else {},
    ),
    _rule(
        "add",
        rf"(?P<x>the\s(?:\w+\s)?\w+)\s+with\s+(?P<y>{_SOME_NEW}.+)",
        process="{x} slowly [gets] {y}, first faint, then clearly visible and there to stay.",
        end_state="{x} [has] {y}.",
    ),
    _rule(
        "add",
        rf"give\s+(?P<x>(?:the|all the|both|both the|these|those)\s+(?:\w+\s+)?(?:{_BEINGS}))\s+(?P<y>(?:\w+\s)?\w+s)",
        process="{x} slowly [gets] {y}, first faint, then clearly visible and there to stay.",
        end_state="{x} [has] {y}.",
    ),
    _rule(
        "light",
        r"add\s+(?P<x>(?:(?:some|a little|a lot of|more)\s+)?(?:\w+\s)?(?:rain|snow|snowfall|fog|mist|haze))",
        process="{x} slowly [sets] in, first faint, then clearly visible, and then [goes] on.",
        end_state="There [is] {x}.",
        article=False,
    ),
    _rule(
        "add",
        rf"(?:add|insert|draw|include)\s+(?P<x>(?:the|his|her|its|their|my)\s.+?){_PLACE}?",
        process="{x} slowly [appears] {where}, first faint, then clearly visible, and then [stays] there.",
        end_state="{x} [is] {where}.",
        words=_known_thing,
    ),
    # Presence.
    _rule(
        "move",
        rf"hide\s+(?P<x>.+?){_PLACE}",
        process="{x} slowly [moves] {where} until {it} <is> hidden there.",
        end_state="{x} [is] hidden {where}.",
        words=_optional_place,
    ),
    _rule(
        "vanish",
        r"(?:remove|no(?: more)?(?= (?!one\b|way\b|idea\b|longer\b|need\b|matter\b)(?:\w+ ){0,2}\w+$)|delete|erase"
        r"|vanish|disappear|eliminate|hide|get rid of|take (?:away|off)|fade (?:out"
        r"|away)?|clear away|wipe (?:out|away)|make (?=.* (?:invisible"
        r"|gone)$))\s*(?P<x>.+?)(?P<where>\s+from\s.+)?(?:\s+(?:away|out|completely|invisible|gone|into thin air))*",
        **_VANISH,
    ),
    _rule("vanish", r"take\s+(?P<x>.+?)\s+(?P<where>)(?:away|off)", **_VANISH),
    _rule(
        "vanish",
        r"take\s+(?:out\s+(?P<x>.+)|(?P<x2>.+?)\s+out)",
        process="{x} [is] slowly taken out until {it} <is> no longer in {its} place.",
        end_state="{x} [has] been taken out.",
    ),
    _rule(
        "vanish",
        r"take\s+(?P<x>.+?)\s+(?P<where>out of\s.+)",
        process="{x} [is] slowly taken {where} until {it} <is> no longer in there.",
        end_state="{x} [has] been taken {where}.",
    ),
    _rule(
        "vanish",
        r"take\s+(?P<x>.+?)\s+(?P<where>(?:off|from|away from)\s.+)",
        process="{x} [is] slowly taken {where} and out of view until {it} <is> gone.",
        end_state="{x} [is] gone.",
    ),
    _rule(
        "add",
        r"(?:add|attach)\s+(?P<x>.+?)\s+(?P<where>to\s.+)",
        process="{x} [is] slowly added {where}, first faint, then clearly visible, and then [stays] there.",
        end_state="{x} [has] been added {where}.",
        article=False,
    ),
    _rule(
        "add",
        rf"(?:add|insert|draw|include|put|place|hang|set|cast)\s+(?P<x>{_SOME_NEW}.+?|(?<=add )(?!up\b).+?"
        rf"|(?<=insert ).+?|(?<=draw ).+?){_PLACE}?",
        process="{x} slowly [appears] {where}, first faint, then clearly visible, and then [stays] there.",
        end_state="There [is] {x} {where}.",
        words=_optional_place,
        article=False,
    ),
    _rule(
        "add",
        rf"give\s+(?P<x>.+?)\s+(?P<y>{_SOME_NEW}.+)|make\s+(?P<x2>.+?)\s+(?:grow|wear|have)\s+(?P<y2>.+)"
        rf"|grow\s+(?P<x3>.+?)\s+(?P<y3>{_SOME_NEW}.+)",
        process="{x} slowly [gets] {y}, first faint, then clearly visible and there to stay.",
        end_state="{x} [has] {y}.",
    ),
    _rule(
        "straighten",
        r"(?:straighten|unbend|uncurl)(?:\s+(?:out|up))?\s+(?P<x>.+?)(?:\s+(?:out|up))?",
        process="{x} slowly [straightens], bit by bit, until {it} <is> straight, and then [stays] that way.",
        end_state="{x} [is] straight.",
    ),
    _rule(
        "stretch",
        r"(?:stretch|lengthen|elongate)(?:\s+out)?\s+(?P<x>.+?)(?:\s+out)?",
        process="{x} slowly [stretches], longer and longer, until {it} <is> clearly longer, and then [stays] that way.",
        end_state="{x} [is] longer than before.",
    ),
    _rule(
        "open",
        r"(?:unroll|roll out)\s+(?P<x>.+)",
        process="{x} slowly [unrolls] until {it} <lies> open and flat.",
        end_state="{x} [is] unrolled and [lies] flat.",
    ),
    _rule(
        "fold",
        r"(?P<verb>tie|untie|knot)(?:\s+up)?\s+(?P<x>.+)",
        process="{x} [is] slowly {done}, loop by loop, and then [stays] that way.",
        end_state="{x} [is] {done}.",
        words=lambda match: {"done": {"tie": "tied", "untie": "untied", "knot": "knotted"}[match["verb"].lower()]},
    ),
    _rule(
        "crumple",
        r"(?:crumple|crinkle|scrunch)(?:\s+up)?\s+(?P<x>.+?)(?:\s+(?:up|into a ball))*",
        process="{x} [is] slowly crumpled, crease by crease, until {it} <is> creased all over, and then [stays] so.",
        end_state="{x} [is] crumpled.",
    ),
    # Shape.
    _rule(
        "melt",
        r"(?:melt|liquefy|liquify|dissolve)\s+(?:down\s+)?(?P<x>.+?)(?:\s+(?:down|away|into (?:a |the )?\w+))?",
        process="{x} slowly [softens], [sinks] down and [melts] into a flat puddle, which then lies still.",
        end_state="{x} [has] melted into a flat puddle.",
    ),
    _rule(
        "flatten",
        r"(?:flatten|squash|squish|squeeze|crush|compress|press(?: down)?|make (?=.* flat$))\s*(?P<x>.+?)"
        r"(?:\s+(?:flat|down|out|together|into a pancake))*",
        process="{x} [is] slowly pressed down, lower and wider, until {it} <is> flat, and then [stays] flat.",
        end_state="{x} [is] flat and wide.",
    ),
    _rule(
        "break",
        r"(?:tear|rip)\s+(?:up\s+|apart\s+)?(?P<x>.+?)(?:\s+(?:up|apart|in (?:half|two)|(?:in)?to (?:pieces|bits"
        r"|shreds)))?",
        process="{x} [tears] apart: a rip opens and grows until {it} <is> in torn pieces, which come to rest.",
        end_state="{x} [is] torn into pieces.",
    ),
    _rule(
        "break",
        r"(?:cut|slice|split|chop|saw)\s+(?:up\s+)?(?P<x>.+?)"
        r"(?:\s+(?:up|apart|open|in (?:half|two)|into (?:two|halves|two halves|pieces|slices)))?",
        process="{x} [is] cut through and slowly [splits] apart, and the parts come to rest beside each other.",
        end_state="{x} [is] split into parts.",
    ),
    _rule(
        "break",
        r"(?:pop|burst)\s+(?P<x>.+?)(?:\s+(?:open|apart))?",
        process="{x} [bursts] all at once, and only small scraps are left, which come to rest.",
        end_state="{x} [has] burst.",
    ),
    _rule(
        "break",
        r"(?:explode|blow up)\s+(?P<x>.+?)(?:\s+up)?",
        process="{x} [explodes] into flying pieces, which scatter and come to rest.",
        end_state="{x} [has] exploded into pieces.",
    ),
    _rule(
        "break",
        r"(?:break|shatter|smash|crack|destroy|demolish|crumble|wreck)\s+(?:up\s+)?(?P<x>.+?)"
        r"(?:\s+(?:up|apart|open|down|(?:in)?to (?:many |small |tiny |a thousand )*(?:pieces|bits|fragments|shards"
        r"|dust)))?",
        process="{x} [cracks] and [breaks] apart into pieces, which scatter and come to rest.",
        end_state="{x} [is] broken into pieces.",
    ),
    _rule(
        "bend",
        r"bend\s+(?P<x>.+?)(?:\s+(?:over|down|up|to the (?:left|right)))?",
        process="{x} slowly [bends], further and further, and then [holds] that shape.",
        end_state="{x} [is] clearly bent.",
    ),
    _rule(
        "break",
        r"snap\s+(?P<x>.+?)(?:\s+(?:in (?:half|two)|apart|off))?",
        process="{x} [bends] and [snaps] in two, and the parts come to rest.",
        end_state="{x} [is] snapped in two.",
    ),
    _rule(
        "eat",
        r"(?:bite(?: into)?|take a bite (?:out of|of|from))\s+(?P<x>.+)",
        process="A bite is taken out of {x}, and a clear bite mark is left.",
        end_state="A bite is missing from {x}.",
    ),
    _rule(
        "eat",
        r"eat(?:\s+up)?\s+(?P<x>.+)",
        process="{x} [is] eaten, bite by bite, until nothing of {x} is left.",
        end_state="{x} [has] been eaten.",
    ),
    _rule(
        "spill",
        r"spill\s+(?P<x>.+?)(?P<where>\s+(?:on|onto|over|across|into)\s.+)?",
        process="{x} [spills] {where}, [spreads] out and then [lies] still.",
        end_state="{x} [has] been spilled {where}.",
        words=_optional_place,
    ),
    _rule(
        "hatch",
        r"hatch\s+(?P<x>.*\beggs?)",
        process="{x} slowly [cracks] open, the shell falls away and what is inside comes out.",
        end_state="{x} [has] hatched.",
    ),
    _rule(
        "heat",
        r"heat(?:\s+up)?\s+(?P<x>.+?)(?:\s+up)?",
        process="{x} slowly [gets] hotter and hotter until {it} <is> clearly hot.",
        end_state="{x} [is] hot.",
    ),
    _rule(
        "burn",
        r"burn\s+(?P<x>.*\b(?:toasts?|bread|steaks?|meat|cakes?|cookies|pizzas?|pancakes?|eggs?|food|dinner|cookie"
        r"|bun|buns))",
        process="{x} slowly [turns] dark brown and then black until {it} <is> burnt.",
        end_state="{x} [is] burnt.",
    ),
    # Fire, ice, water and what time does to living things.
    _rule(
        "burn",
        r"(?:burn|ignite|set fire to|set (?=.* on fire$))\s*(?:down\s+)?(?P<x>.+?)(?:\s+(?:on fire|down))?",
        process="{x} [catches] fire, and the flames spread until {it} <is> burning all over.",
        end_state="{x} [is] burning.",
    ),
    _rule(
        "burn",
        r"light\s+(?:up\s+)?(?P<x>.*\b(?:candle|match|torch|lantern|fire|bonfire|campfire|fireplace|stove"
        r"|cigarette)e?s?)",
        process="{x} [is] lit: a small flame appears {on_each}, grows and then burns steadily.",
        end_state="{x} [is] lit and [burns] steadily.",
        words=lambda match: {"on_each": "on each" if _several(match) else ""},
    ),
    _rule(
        "burn",
        r"(?:extinguish|blow out|put out)\s+(?P<x>.+)",
        process="{x} [goes] out: {flame} gone and only a little smoke is left.",
        end_state="{x} [is] out.",
        words=lambda match: {
            "flame": "the flames get smaller and smaller until they are"
            if _several(match)
            else "the flame gets smaller and smaller until it is"
        },
    ),
    _rule(
        "freeze",
        r"freeze\s+(?P<x>.+?)(?:\s+(?:over|solid))?",
        process="Ice slowly spreads over {x} until {it} <is> frozen solid.",
        end_state="{x} [is] frozen solid.",
    ),
    _rule(
        "cook",
        r"boil\s+(?P<x>.*\b(?:water|milk|soup|kettle|stew))",
        process="{x} slowly [heats] up until bubbles rise all over and {it} <boils>.",
        end_state="{x} [is] boiling.",
    ),
    _rule(
        "cook",
        r"(?P<verb>cook|bake|fry|grill|roast|toast|boil)\s+(?P<x>.+?)(?:\s+(?:until|till)\s+(?:it is |they are |it's )?"
        r"(?P<y>(?:\w+ )?\w+))?",
        process="{x} slowly [cooks]: the surface changes bit by bit until {it} <is> {y}.",
        end_state="{x} [is] {done}.",
        words=lambda match: {"y": match["y"] or "done", "done": match["y"] or _COOKED[match["verb"].lower()]},
    ),
    _rule(
        "bloom",
        r"bloom\s+(?P<x>.+)",
        process="{x} slowly [opens], petal by petal, until {it} <is> in full bloom.",
        end_state="{x} [is] in full bloom.",
    ),
    _rule(
        "wither",
        r"(?:wilt|wither|rot|decay|spoil)\s+(?P<x>.+)",
        process="{x} slowly [withers]: {it} <loses> color and firmness, bit by bit, until no freshness is left.",
        end_state="{x} [is] withered.",
    ),
    _rule(
        "wither",
        r"rust\s+(?P<x>.+)",
        process="Rust slowly spreads over {x} until {it} <is> covered with it.",
        end_state="{x} [is] covered with rust.",
    ),
    _rule(
        "ripen",
        r"ripen\s+(?P<x>.+)",
        process="{x} slowly [ripens], changing color bit by bit, until {it} <is> fully ripe.",
        end_state="{x} [is] fully ripe.",
    ),
    _rule(
        "fill",
        r"fill\s+(?:up\s+)?(?P<x>.+?)(?:\s+up)?(?:\s+(?P<with>with\s.+))?",
        process="{x} slowly [fills] {content} until {it} <is> full.",
        end_state="{x} [is] full {held}.",
        words=lambda match: {"content": match["with"] or "", "held": (match["with"] or "").replace("with", "of", 1)},
    ),
    _rule(
        "empty",
        r"(?:empty|drain)\s+(?P<x>.+)",
        process="{x} slowly [empties] until nothing is left inside.",
        end_state="{x} [is] empty.",
    ),
    _rule(
        "pour",
        r"pour\s+(?P<x>.+?)\s+(?P<where>(?:into|in|onto|on|over|out of|out)\b.*)",
        process="{x} [is] poured {where} in a steady stream, which then stops.",
        end_state="{x} [has] been poured {where}.",
    ),
    _rule(
        "peel",
        r"peel\s+(?P<x>.+)",
        process="The peel slowly comes off {x}, strip by strip, until {it} <is> completely peeled.",
        end_state="{x} [is] peeled.",
    ),
    _rule(
        "fold",
        r"fold\s+(?:up\s+)?(?P<x>.+?)(?P<how>\s+(?:in half|in two|over|together))?(?:\s+up)?",
        process="{x} [is] slowly folded {way}, edge over edge, and then [stays] folded.",
        end_state="{x} [is] folded {way}.",
        words=lambda match: {"way": match["how"] or ""},
    ),
    _rule(
        "clean",
        r"(?:clean|wash|wipe)\s+(?:up\s+|off\s+)?(?P<x>.+?)(?:\s+up)?",
        process="{x} slowly [gets] cleaner and cleaner, as dirt and litter disappear, until {it} <is> clean.",
        end_state="{x} [is] clean.",
    ),
    _rule(
        "clean",
        r"(?:tidy|tidy up|clear up|declutter)\s+(?P<x>(?:the|my|his|her|this|that)\s.+?)(?:\s+up)?",
        process="{x} slowly [gets] tidier and tidier, as all that lies about goes to its place, until {it} <is> tidy.",
        end_state="{x} [is] tidy.",
    ),
    _rule(
        "add",
        r"decorate\s+(?P<x>.+?)(?:\s+with\s+(?P<y>.+))?",
        process="{x} [is] slowly decorated {y}, bit by bit, until {it} <is> decorated all over.",
        end_state="{x} [is] decorated {y}.",
        words=lambda match: {"y": f"with {match['y']}" if match["y"] else ""},
    ),
    _rule(
        "connect",
        r"(?:connect|join|link)\s+(?P<x>.+?)(?:\s+(?:with|by) (?:a )?(?:straight )?lines?)?",
        process="Lines slowly appear between {x}, one after the other, until all are connected.",
        end_state="{x} [is] connected by lines.",
        words=lambda match: {} if re.search(r"\b(?:dots|points|stars|numbers)\b", match["x"]) else None,
    ),
    # What remains of "make": states, comparisons, likeness.
    _rule(
        "become",
        rf"(?:make|turn|become)\s+(?P<x>.+?)\s+(?:look\s+|become\s+|be\s+)?{_STATES}",
        process="{x} slowly [changes], bit by bit, until {it} <is> {y}, and then [stays] that way.",
        end_state="{x} [is] {y}.",
    ),
    _rule(
        "become",
        r"make\s+(?P<x>.+?)\s+look\s+like\s+(?P<y>.+)",
        process="{x} slowly [changes], bit by bit, until {it} <looks> like {y}.",
        end_state="{x} [looks] like {y}.",
    ),
    # Moving to a named place comes last, its wording is the widest.
    _rule(
        "move",
        rf"(?:{_MOVE}|put|place|fly)\s+(?P<x>.+?)\s+{_WHERE}",
        process="{x} slowly [{goes}] {where} and [comes] to rest there.",
        end_state="{x} [has] moved {where}.",
        words=_already_there,
    ),
    _rule(
        "move",
        r"(?:put|place|move)\s+(?P<x>.+?)\s+(?P<where>(?:on|in|at|inside|by)\s.+)",
        process="{x} slowly [moves] until {it} <is> {where} and [comes] to rest there.",
        end_state="{x} [is] {where}.",
        words=_already_there,
    ),
)


@dataclass(frozen=True)
class _Edit:
    """The sentences of one recognised edit."""

    family: str
    process: str
    end_state: str
    stays: str
    camera: str


_SECOND_EDIT = re.compile(rf"\band\s+(?:then\s+)?(?:{_OWN_VERBS}|{_VERBS})(?:e?s)?\b", re.IGNORECASE)


def _recognise(clause: str) -> _Edit | None:
    if len(clause) > LONGEST_CLAUSE:
        return None
    command = _imperative(clause)
    for rule in _RULES:
        match = rule.pattern.fullmatch(command)
        more = rule.words(match) if match else None
        if more is None:
            continue
        # A group that occurs in several branches of a pattern is numbered there: x, x2, x3.
        words = {name.rstrip("23"): text for name, text in match.groupdict().items() if text} | more
        if _NO_THING.match(words.get("x", "")) or any(_SECOND_EDIT.search(text) for text in words.values()):
            continue
        subject = thing(words.get("x") or rule.subject, rule.article)
        sentences = (fill(pattern, subject, words) for pattern in (rule.process, rule.end_state, rule.stays))
        return _Edit(rule.family, *sentences, rule.camera)
    return None


def _not_understood(wording: str) -> _Edit:
    wording = wording.rstrip(" .!?")
    moves = re.search(
        r"(?<!face the )(?<!to the )(?<!at the )(?<!into the )(?<!towards the )\bcamera\b"
        r"|\b(?:zoom|viewpoint|perspective|angle)\b",
        wording,
        re.IGNORECASE,
    )
    process, end_state = f"The scene gradually changes until: {wording}.", f"The scene shows: {wording}."
    return _Edit("unknown", process, end_state, REST_STAYS, "" if moves else CAMERA_STILL)


def _write(edits: list[_Edit]) -> TemporalCaption:
    if len(edits) == 1:
        edit = edits[0]
        return TemporalCaption(_sentences(edit.process, edit.stays, edit.camera), edit.end_state, edit.family)
    stages = [edits[0].process] + [f"Then {edit.process[0].lower()}{edit.process[1:]}" for edit in edits[1:]]
    camera = CAMERA_STILL if all(edit.camera for edit in edits) else ""
    ends = [edits[0].end_state[:-1]] + [edit.end_state[0].lower() + edit.end_state[1:-1] for edit in edits[1:]]
    end_state = ", ".join(ends[:-1]) + f", and {ends[-1]}."
    return TemporalCaption(_sentences(*stages, REST_STAYS, camera), end_state, "several")


def _sentences(*sentences: str) -> str:
    return " ".join(sentence for sentence in sentences if sentence)
