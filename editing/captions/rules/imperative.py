"""One word order for all instructions: the imperative that the rules of `families` read.

"The ball falls", "the ball has fallen", "make the ball fall", "I want the ball to fall" and "a falling ball" all reach
the rule for "fall the ball". Each pattern below knows one way to say so; `imperative` asks them in order.
"""

from __future__ import annotations

import re

from .amounts import resized
from .english import past, progressive, thing, third_person
from .vocabulary import (
    A_LITTLE,
    ACTIONS,
    BEINGS,
    COLOR,
    MAKE,
    MODAL,
    MUCH,
    OWN_VERBS,
    PARTICIPLES,
    PICTURE,
    PLACE,
    SHARPNESS,
    SIDE,
    SIZE_OR_STATE,
    SOME_NEW,
    TWICE,
    VERBS,
    WHO,
    bare_verbs,
)
from .words import NOUNS


def _compile(pattern: str) -> re.Pattern:
    return re.compile(pattern, re.IGNORECASE)


def _unnamed(pattern: str) -> str:
    """The same pattern without named groups, which may occur once only."""
    return re.sub(r"\?P<\w+>", "?:", pattern)


_GERUNDS = {progressive(verb): verb for verb in (*bare_verbs(ACTIONS), *bare_verbs(VERBS), *bare_verbs(OWN_VERBS))}
_OWN_GERUNDS = {progressive(verb): verb for verb in bare_verbs(OWN_VERBS)}
_PLURAL_FORMS = {*bare_verbs(ACTIONS), *bare_verbs(OWN_VERBS)}
_SINGULAR_FORMS = {third_person(verb) for verb in _PLURAL_FORMS}
_VERB_FORMS = {third_person(verb) for verb in (*bare_verbs(ACTIONS), *bare_verbs(OWN_VERBS))} | {*bare_verbs(OWN_VERBS)}
OWN_PASTS = {past(verb): verb for verb in bare_verbs(OWN_VERBS) if past(verb) != verb}
_OWN_FORMS = OWN_PASTS | {third_person(verb): verb for verb in bare_verbs(OWN_VERBS)}

NOT_OBJECT = (  # "open the door" is no opening by itself; "slide all the way up" is
    r"(?!\s+(?:the|a|an|his|her|its|their|my|your|some|all|both)\b"
    r"(?!\s+(?:left|right|top|bottom|colou?rs?|the way (?:to|up|down|over)|the way$|way (?:to|up|down|over))))"
)
_SOFTENERS = rf"(?:{MODAL}\s+)?(?:now\s+)?(?:(?:start|begin)s?\s+to\s+)?"
_HOW = _compile(r"\b(?:slowly|gradually|gently|smoothly|quickly|suddenly|completely|entirely)\s+")
_NAMED = r"(?:the|this|that|these|those|my|your|our|his|her|its|their|all|both|every|each)\b"
# Whose verb or state follows: "make the ball ...", "see the ball ...", "the ball should ...".
_SUBJECT = (
    rf"(?:(?:{MAKE}|(?:see|watch)\s+)(?P<x>.+?)\s+(?:to\s+)?"
    rf"|(?P<x2>{WHO}|it|this|he|she|they|everything)\s+{_SOFTENERS})"
)

_WISH = _compile(
    r"(?:(?:can|could|may) (?:i|we) have|(?:i|we)(?:'d| would)?\s+(?:(?:really|just|rather|also|only)\s+)*"
    r"(?:want|need|like|love|prefer|wish|have))\s+"
    r"(?:(?:to (?:see|have|get)|for)\s+)?(?P<rest>.+)"
)
_UNWANTED = _compile(
    r"(?:i|we) (?:do not|don't|no longer) (?:want|need|wish to see|like to see)\s+(?:to (?:see|have)\s+)?(?P<x>.+?)"
    r"(?:\s+(?:any ?more|any longer|there|here|(?:in|on) (?:it|there)))*"
    rf"|(?P<x2>{WHO}|it|he|she|they)\s+(?:{MODAL}\s+(?:not|no longer)|shouldn't|mustn't|can't|won't)\s+"
    r"(?:be (?:there|here|visible|seen)|exist)(?:\s+(?:any ?more|any longer))?"
    r"|there (?:should|must)(?:n't| not) be (?:a|an|any)\s+(?P<x3>.+?)(?:\s+(?:any ?more|any longer|there|here))*"
)
_ANY = _compile(r"^any(?: of)?\s+(?:the\s+)?")
_UNBLURRED = _compile(
    rf"(?P<x>{WHO}|it|this|everything)\s+(?:{MODAL} (?:not|no longer)|shouldn't|mustn't) (?:be|look)\s+"
    r"(?:so\s+|too\s+)?(?:blurry|blurred|fuzzy|out of focus|unsharp)(?: any ?more)?"
)
_NEW_SIZE = _compile(rf"(?:a|an)\s+(?P<y>{MUCH}\w+er)\s+(?P<x>(?!(?:the|a|an|than)\b).+)")
_NEW_AT = _compile(rf"(?:also\s+)?(?P<x>{SOME_NEW}(?!.*\b(?:then|instead|style|version|look|{PICTURE})\b).+?){PLACE}")

_CAMERA_DOES = _compile(
    r"(?:(?:make|let|have)\s+)?(?:the\s+)?camera\s+(?P<verb>zoom|pan|orbit|tilt|rotate|swing|turn|move|pull)s?\b"
    r"(?P<rest>.*)"
)
_THERE_IS = _compile(
    rf"there (?:{MODAL} be|is|are)\s+(?P<x>(?:no|a|an|some|another|more|two|three|four|five|six|many|several)\s.+)"
)
_OPEN_OR_ON = _compile(
    r"(?:(?:make|have|keep|leave)\s+)?(?:"
    r"(?P<x>(?:(?:the|both|all)\s)?(?:doors?|windows?|eyes|mouth|gates?|books?|box|curtains?|umbrella|drawers?))"
    r"\s(?P<y>open|shut)"
    r"|(?P<lamp>(?:(?:the|both|all)\s)?(?:lights?|lamps?|tv|television|screen|lanterns?))"
    rf"\s(?:(?:is|are|{MODAL} be)\s)?(?P<on>on|off))"
)
# How a state is claimed: "is", "should look", "has been", "looks as if it had".
_BEEN = (
    rf"(?:(?:{MODAL}\s+)?(?:(?:now|also)\s+)?(?:"
    r"(?:is|are|was|were|be|to be|being|gets?|got|looks?|seems?|becomes?)\s+(?:(?:now|all|just|already)\s+)*"
    r"|(?:has|have|had)\s+(?:(?:now|just|already)\s+)*(?:been\s+)?"
    r"|looks? (?:like|as if|as though) (?:it|they|he|she)(?:'s|'d|'re|\s+(?:is|are|was|were|has|have|had|got))\s+"
    r"(?:(?:just|been)\s+)*))"
)
# What follows a participle that tells of an edit; a noun would make it an adjective: "the old cracked wall".
_AFTER_DONE = (
    r"(?:up|down|over|off|on|out|open|apart|away|in|into|onto|to|towards?|from|at|by|with|all|around|across"
    r"|through|behind|next|under|upside|back|shut|clockwise|counter-?clockwise|anti-?clockwise|half|halfway|left|right"
    r"|flat|again|like"
    r"|a (?:bit|little|quarter|half|full)|\d+)\b"
)
_DONE_WORDS = "|".join(PARTICIPLES)
# No part of what a participle is told of; a verb at the front would make "cup broken" another sentence.
_NOT_IN_X = r"has|have|with|and|holding|wearing|looks?|falls?|swings?|stays?|should|must|will|would|can|could"
_NO_X = rf"{VERBS}|the|a|an|no|nothing|nobody|keep|leave|stay|has|have|had|is|are|was|were|be|been"
_DONE = _compile(
    rf"(?:{MAKE}|see\s+)?"
    rf"(?P<x>(?:{_NAMED}|a\b|an\b|two|three)\s(?:(?!\b(?:{_NOT_IN_X})\b)[^,;])+?|(?!(?:{_NO_X})\b)\w+)"
    rf"\s+{_BEEN}?(?P<verb>{_DONE_WORDS})\b{NOT_OBJECT}"
    rf"(?P<rest>(?:\s(?:{_AFTER_DONE}|{_unnamed(COLOR)}).*)?)"
)
_NO_NOUN = (
    r"up|down|apart|into|in|on|off|open|still|over|by|to|from|at|with|and|or|the|a|an|of|video|frame|shot|moment|motion"
)
_NOUNS = rf"(?P<x>(?:(?!(?:{_NO_NOUN}|{PICTURE})\b)[\w-]+)(?:\s(?!(?:{_NO_NOUN}|{PICTURE})\b)[\w-]+){{0,2}})"
_DONE_TO = _compile(
    r"(?:(?:an? |the )(?P<state>open)|(?:a |an |the )?(?P<verb>broken|smashed|shattered|cracked|torn|melted|frozen"
    r"|wilted|crushed|peeled|flattened|squashed|crumpled|collapsed|toppled|fallen|deflated|inflated|opened"
    r"|closed|sliced"
    rf"|folded|withered|burst|shrunken))\s+{_NOUNS}"
)
_DOING_BEING = _compile(rf"(?:a |an )?(?P<verb>\w+ing)\s+(?P<x>(?:{BEINGS}))")
_DOING_IT = _compile(rf"(?P<verb>\w+ing)\s+(?P<rest>(?:{_NAMED}|it\b).*)")
_DOING_TO = _compile(rf"(?:a |an )?(?P<verb>\w+ing)\s+{_NOUNS}")
_DOING = _compile(
    rf"(?P<made>{MAKE}|(?:see|watch)\s+)?(?P<x>{WHO}|it|he|she|they|everything)\s+(?:{MODAL}\s+)?(?:now\s+)?"
    r"(?P<is>(?:is|are|was|were|be|starts?|begins?|keeps?|looks? like (?:it|they|he|she)(?:'s|'re|\s+is|\s+are))\s+)?"
    r"(?P<verb>\w+ing)\b(?P<rest>(?:\s.*)?)"
)
_BEGINS = _compile(rf"(?P<x>{WHO}|it|he|she|they|everything)\s+(?:{MODAL}\s+)?(?:starts?|begins?)\s+to\s+(?P<rest>.+)")
_TO = _compile(r"(?P<x>.+?)\s+to\s+(?:be\s+)?(?P<rest>[a-z]+\b(?<!the)(?<!my).*)")
_BECOMES = _compile(rf"(?P<x>{WHO}|it|he|she|they)\s+{_SOFTENERS}becomes?\s+(?P<rest>(?:a|an|the)\s.+)")
_GIVEN_TURN = _compile(
    rf"(?:give\s+(?P<x>.+?)|{MAKE}(?P<x2>.+?)\s+(?:do|make|take|perform)"
    rf"|(?P<x3>{WHO}|it)\s+{_SOFTENERS}(?:do|make|take)s?)"
    r"\s+(?P<how>(?:(?:an?|one|half|quarter|full|complete|whole|three|quick|little|slight|small|\d+)[- ]"
    r"|(?:degrees?|\u00b0|clockwise|(?:counter|anti)-?clockwise)[- ])+)"
    r"(?:turn|rotation|spin|twist)(?P<rest>(?:\s.*)?)"
)
_RESIZES = _compile(_SUBJECT + r"(?P<verb>doubles?|triples?|halves?|halve)\s+(?:(?:in|its|their)\s+size)")
_GOES_OTHERWISE = _compile(
    _SUBJECT + r"(?:go|goes)\s+(?P<way>away|out of (?:view|sight)|(?:counter-?|anti-?)?clockwise|apart|to pieces)"
)
_GOES = _compile(
    rf"(?:{_SUBJECT}(?:go|goes|drifts?|floats?|glides?|travels?)|get\s+(?!rid\b)(?P<x3>(?:(?!\bto\b).)+?))"
    rf"\s+(?P<rest>{_unnamed(A_LITTLE + SIDE)}|(?:in)?to the (?:middle|center|centre))"
)
_GOES_TO = _compile(
    rf"{_SUBJECT}(?:go|goes|went)\s+(?P<rest>(?:into|onto|under|behind|to|towards?|next to|in front of|through|across"
    r"|around|over to)\s+(?:the|a|an|my|his|her|its|their)\s.+)"
)
# What goes up and down without moving in the picture.
_NO_BODY = re.compile(
    r".*\b(?:sun|moon|lights?|volume|temperature|heat|price|prices|score|level|camera)", re.IGNORECASE
)
_MADE_TO = _compile(
    rf"(?:{MAKE}|(?:see|watch)\s+)(?P<x>.+?)\s+(?:to\s+)?(?P<verb>{OWN_VERBS})\b{NOT_OBJECT}(?P<rest>.*)"
)
_HELPING = re.compile(rf"\b(?:has|have|had|is|are|was|were|been|{MODAL})$", re.IGNORECASE)
_DOES = _compile(
    rf"(?P<x>{WHO}|it|he|she|they|everything)\s+{_SOFTENERS}(?P<verb>{OWN_VERBS})(?:e?s)?\b{NOT_OBJECT}(?P<rest>.*)"
)
_DID = _compile(rf"(?P<x>{WHO}|it|he|she|they)\s+(?P<verb>{'|'.join(OWN_PASTS)})\b{NOT_OBJECT}(?P<rest>.*)")
_STATE = _unnamed(rf"(?:(?:in\s+)?{COLOR}|{SIZE_OR_STATE.pattern}|{SHARPNESS}|{TWICE})")
_GETS = _compile(
    rf"{_SUBJECT}(?:gets?|got|becomes?|became|turns?|turned|looks?|seems?|goes|go|went|be)"
    rf"\s+(?:to be\s+)?(?P<rest>{_STATE})"
)
_IS = _compile(rf"(?P<x>{WHO}|it|this|everything)\s+(?:is|are|{MODAL} (?:be|become|look))\s+(?:now\s+)?(?P<rest>.+)")
_ON = r"(?:on|in|at|under|above|below|next to|beside|behind|in front of|near|between|inside|against|on top of)"
_IN_PLACE = _compile(
    rf"(?P<x>{WHO}|it)\s+{MODAL}\s+(?:be|lie|sit|stand|rest|hang)\s+(?P<where>(?:{_unnamed(SIDE)}|{_ON}\s.+))"
)
_WISHED_IN_PLACE = _compile(
    rf"(?P<x>(?:{_NAMED}\s(?:[\w-]+\s){{0,2}}?[\w-]+|it))\s+(?:to be\s+)?"
    rf"(?P<where>(?:{_unnamed(SIDE)}|{_ON}\s(?:the|a|an|my|his|her|its|their)\s[\w-]+(?:\s(?:of the\s)?[\w-]+)?))"
)
# "car blue", "red ball left", "bigger ball"
_TERSE = _compile(
    rf"(?!(?:{VERBS}|the|a|an|this|that|his|her|my)\b)(?P<x>(?:[\w-]+\s){{0,2}}[\w-]+)\s+(?:(?P<side>left|right"
    rf"|up|down)"
    rf"|{MUCH}(?:bigger|larger|smaller|brighter|darker)|{_unnamed(COLOR)})"
)
_TERSE_SIZE = _compile(rf"(?P<y>{MUCH}(?:bigger|larger|smaller|brighter|darker))\s+(?P<x>\w+)")
_SHOULD = _compile(
    rf"(?P<x>{WHO}|it|he|she|they)\s+(?:should|must|shall|needs? to|has to|have to)\s+"
    r"(?P<rest>(?!(?:not|never|no|now)\b)[a-z]+\b.*)"
)


def is_verb_of(word: str, plural: bool) -> bool:
    """Whether a word is a verb that agrees with its subject: "waves" with one, "wave" with several."""
    return word.lower() in (_PLURAL_FORMS if plural else _SINGULAR_FORMS) or word.lower() in OWN_PASTS


def own_verb(form: str) -> str:
    """ "falls", "fell", "fall" -> "fall", for what a thing does by itself."""
    return _OWN_FORMS.get(form.lower(), form.lower())


def readings(clause: str) -> list[str]:
    """The imperatives that a clause may stand for, likeliest first."""
    found = [imperative(clause)]
    wished = _WISH.fullmatch(clause)
    if placed := _WISHED_IN_PLACE.fullmatch(wished["rest"]) if wished else _IN_PLACE.fullmatch(clause):
        found.append(f"put {placed['x']} {placed['where']}")
    if (terse := _TERSE.fullmatch(clause)) and {*terse["x"].lower().split()[-1:]} <= NOUNS:
        found.append(f"move {clause}" if terse["side"] else f"make {clause}")
    if (terse := _TERSE_SIZE.fullmatch(clause)) and terse["x"].lower() in NOUNS:
        found.append(f"make {terse['x']} {terse['y']}")
    return found


def imperative(clause: str) -> str:
    """The likeliest reading: "fall the ball" for "I want the ball to fall"."""
    command = _imperative(resized(clause) or clause)
    return resized(command) or command


def _imperative(clause: str) -> str:
    clause = _HOW.sub("", clause + " ").strip()
    if (asked := _DOING_IT.fullmatch(clause)) and (verb := _GERUNDS.get(asked["verb"].lower())):
        clause = f"{verb} {asked['rest']}"
    if filmed := _CAMERA_DOES.fullmatch(clause):
        verb = filmed["verb"].lower()
        return f"{verb}{filmed['rest']}" if verb in ("zoom", "pan", "orbit") else f"{verb} the camera{filmed['rest']}"
    if unwanted := _UNWANTED.fullmatch(clause):
        x = unwanted["x"] or unwanted["x2"] or unwanted["x3"]
        return (
            "nothing moves"
            if re.match(r"anything to \w+$", x)
            else clause
            if " to " in x
            else f"remove {_ANY.sub('the ', x)}"
        )
    if wished := _WISH.fullmatch(clause):
        if new := _NEW_SIZE.fullmatch(wished["rest"]):
            return f"make the {new['x']} {new['y']}"
        if new := _NEW_AT.fullmatch(wished["rest"]):
            return f"add {new['x']}{new['where']}"
        clause = _unwished(wished["rest"]) or clause
    if unblurred := _UNBLURRED.fullmatch(clause):
        return f"sharpen {unblurred['x']}"
    if re.search(r"\b(?:not|never)\b|n't\b", clause):  # "the ball should not fall" asks for no fall
        return clause
    if there := _THERE_IS.fullmatch(clause):
        return there["x"] if there["x"].lower().startswith("no ") else f"add {there['x']}"
    if state := _OPEN_OR_ON.fullmatch(clause):
        return f"{state['y']} {state['x']}" if state["y"] else f"turn {state['on']} {state['lamp']}"
    return _from_participle(clause) or _from_verb(clause) or _from_state(clause) or clause


def _unwished(rest: str) -> str:
    """What "I want" asks of a thing that is there already, as "make"; empty for anything else."""
    if re.match(r"nothing\b", rest, re.IGNORECASE):
        return rest
    if to := _TO.fullmatch(rest):
        return f"make {to['x']} {to['rest']}"
    return f"make {rest}" if re.match(rf"{_NAMED}|(?:it|him|them|everything)\b", rest, re.IGNORECASE) else ""


def _from_participle(clause: str) -> str:
    """ "the cup is broken", "I want it removed", "a melted candle", "the ball is falling", "smiling woman"."""
    if done := _DONE.fullmatch(clause):
        return f"{PARTICIPLES[done['verb'].lower()]} {done['x']}{done['rest']}"
    if (done := _DONE_TO.fullmatch(clause)) and not _VERB_FORMS & {*done["x"].lower().split()}:
        return f"{'open' if done['state'] else PARTICIPLES[done['verb'].lower()]} {done['x']}"
    if (doing := _DOING_BEING.fullmatch(clause)) and (verb := _GERUNDS.get(doing["verb"].lower())):
        return f"make the {doing['x']} {verb}"
    if (doing := _DOING_TO.fullmatch(clause)) and (verb := _OWN_GERUNDS.get(doing["verb"].lower())):
        return f"{verb} {doing['x']}"
    if begins := _BEGINS.fullmatch(clause):
        made = f"make {begins['x']} {begins['rest']}"
        return _from_verb(made) or made
    if (doing := _DOING.fullmatch(clause)) and (verb := _GERUNDS.get(doing["verb"].lower())):
        own = doing["verb"].lower() in _OWN_GERUNDS and not re.match(r"an?\b", doing["x"])
        if (own or doing["made"] or doing["is"]) and not re.search(
            r"\b(?:stops?|the|an?|his|her|its|my|their)$", doing["x"]
        ):
            made = f"make {doing['x']} {verb}{doing['rest']}"
            return _from_verb(made) or made
    return ""


def _from_verb(clause: str) -> str:
    """ "make the ball fall", "the ball falls", "the ball should drift to the left", "the ball fell"."""
    if turned := _GIVEN_TURN.fullmatch(clause):
        return f"rotate {turned['x'] or turned['x2'] or turned['x3']} {turned['how']}turn{turned['rest']}"
    if becomes := _BECOMES.fullmatch(clause):
        return f"turn {becomes['x']} into {becomes['rest']}"
    if goes := _GOES_OTHERWISE.fullmatch(clause):
        verb = "rotate" if "clockwise" in goes["way"] else "break" if goes["way"] in ("apart", "to pieces") else "take"
        return f"{verb} {goes['x'] or goes['x2']} {goes['way']}"
    if goes := _GOES_TO.fullmatch(clause):
        return f"move {goes['x'] or goes['x2']} {goes['rest']}"
    if (goes := _GOES.fullmatch(clause)) and not _NO_BODY.match(clause):
        return f"move {goes['x'] or goes['x2'] or goes['x3']} {goes['rest']}"
    if state := _GETS.fullmatch(clause):
        return f"make {state['x'] or state['x2']} {state['rest']}"
    does = _MADE_TO.fullmatch(clause) or _DOES.fullmatch(clause) or _DID.fullmatch(clause)
    if does and _HELPING.search(does["x"]):
        return ""
    if does and not re.search(r"\band (?:the|a|an|his|her|its|their)\b", does["rest"]):  # another one does more
        verb = own_verb(does["verb"])
        if verb == "grow" and re.fullmatch(r"\s(?:\w+ )?\w+s", does["rest"]):  # wings, long horns
            return f"make {does['x']} grow{does['rest']}"
        return f"{verb} {does['x']}{does['rest']}"
    if resized := _RESIZES.fullmatch(clause):
        verb = "shrink" if resized["verb"].lower().startswith("hal") else "grow"
        return f"{verb} {resized['x'] or resized['x2']}"
    return ""


def _from_state(clause: str) -> str:
    """ "the ball is blue", "the picture should be sharp"."""
    state = _IS.fullmatch(clause)
    if state and (full := re.fullmatch(r"(?:full of|filled with)\s+(.+)", state["rest"], re.IGNORECASE)):
        return f"fill {state['x']} with {full[1]}"
    return f"make {state['x']} {state['rest']}" if state else ""


def as_told(asked: str) -> str:
    """A wish as the fact that it wishes for: "the friends argue" for "I want the friends to argue"."""
    wished = _WISH.fullmatch(asked)
    if wished and (to := _TO.fullmatch(wished["rest"])):
        be = re.search(r"\sto be\s", wished["rest"], re.IGNORECASE)
        return _fact(to["x"], f"be {to['rest']}" if be else to["rest"])
    if wished and re.match(rf"{SOME_NEW}", wished["rest"], re.IGNORECASE):
        return f"there {'are' if thing(wished['rest']).plural else 'is'} {wished['rest']}"
    should = _SHOULD.fullmatch(asked)
    return _fact(should["x"], should["rest"]) if should else asked


def _fact(x: str, does: str) -> str:
    verb, _, rest = does.partition(" ")
    several = thing(x).plural
    if verb == "be":
        verb = "are" if several else "is"
    elif not several:
        verb = "has" if verb == "have" else third_person(verb)
    return f"{x} {verb} {rest}".strip()
