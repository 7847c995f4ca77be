"""What people type before it is read: politeness, typing slips and frills go, the edit stays."""

from __future__ import annotations

import re
import unicodedata

from .vocabulary import PICTURE

_POLITE = re.compile(
    r"(?:(?:hey|hi|hello|ok|okay|now|so|then|please|pretty please|pls|plz|kindly|just|simply|maybe|perhaps)\b[, ]*"
    r"|(?:(?:do you think|i was wondering if|i wonder if|it would be (?:nice|great|good|lovely|cool|perfect) if|is it"
    r" possible to|would it be possible to|make sure(?: that)?|ensure(?: that)?|how about|what about|would you mind"
    r"|i would appreciate it if|i'd appreciate it if|help me(?: to)?|go ahead and|feel free to|be so kind (?:as )?to"
    r")\s+)"
    r"|(?:can|could|would|will|might|may|should) (?:you|we|i) (?!have (?:the|a|an|some|my)\b)"
    r"(?:please |just |maybe |possibly |kindly )*"
    r"|(?:you|we) (?:can|could|should|must|may) (?:please |just )*"
    r"|(?:can|could|should|may|might)\s+(?=(?:the|this|that|these|those|my|his|her|its|their|it|he|she|they"
    r"|everything)\s)"
    r"|what (?:(?:happens|would happen|will happen) )?(?:if|when) "
    r"|(?:i|we)(?: would|'d)? (?:really )?(?:want|like|need|wish|love) (?:you )?to (?!see\b|have\b)"
    r"|let us |let's |let me (?=see )|try to |make it so(?: that)? "
    r"|edit (?:it|this|the image|the picture|the photo) (?:so that|to) )+",
    re.IGNORECASE,
)
_THANKS = re.compile(
    r"(?:^|[\s,.;!?]+)(?:many thanks|thanks(?: a lot| so much| in advance)?|thank you(?: so much| very much)?|thx"
    r"|please|pls|plz|if (?:you (?:can|could|would|will|like|please)|possible|it is possible|it's possible)|for me"
    r"|(?:will|would|could|can) you)$",
    re.IGNORECASE,
)
_IN_PICTURE = re.compile(
    rf"\s(?:in|of|from|inside|within|into|to) (?:the|this|my) {PICTURE}\b(?=\s*$| (?:to|into|by|with|and)\b)",
    re.IGNORECASE,
)
_OUT_OF_PICTURE = re.compile(rf"\s(?:out of|off) (?:the|this|my) {PICTURE}\b(?=\s*$)", re.IGNORECASE)
_MARKS = " ,;.!?"
# What people mistype most, where it would hide the edit or end up in the caption.
_SLIP_WORDS = {
    "teh": "the",
    "hte": "the",
    "pls": "please",
    "plz": "please",
    "mak": "make",
    "maek": "make",
    "amke": "make",
    "remvoe": "remove",
    "romove": "remove",
    "remov": "remove",
    "delte": "delete",
    "chnage": "change",
    "chage": "change",
    "repalce": "replace",
    "trun": "turn",
    "tunr": "turn",
    "rotat": "rotate",
    "opne": "open",
    "colse": "close",
    "moev": "move",
    "backgroud": "background",
    "rigth": "right",
    "lfet": "left",
}
_SLIPS = re.compile(rf"\b(?:{'|'.join(_SLIP_WORDS)})\b", re.IGNORECASE)
# "..., keeping everything else the same": every caption says so anyway.
_KEEP_REST = re.compile(
    r"[,;.]?\s*\b(?:(?:and|but|while)\s+)?(?:keep(?:ing)?|leav(?:e|ing)|without (?:changing|moving|touching)|do(?:n't"
    r"| not) (?:change|move|touch))\b(?=.*\b(?:else|rest|same|still|unchanged|alone|as (?:it|they) (?:is|are)|as is"
    r"|anything|other|fixed|steady|intact|place)\b)[^,;.]*$",
    re.IGNORECASE,
)


def printable(text: str) -> str:
    """Control characters become spaces; what is invisible otherwise (a soft hyphen, a byte order mark) is dropped."""
    return "".join(
        c if c.isprintable() else " " if unicodedata.category(c) in ("Cc", "Zs", "Zl", "Zp") else "" for c in text
    )


def request(wording: str) -> str:
    """What is asked for, without "could you ... please?"; the wording itself if nothing else is in it."""
    text = wording.replace("\u2019", "'").strip(_MARKS)
    if re.fullmatch(r"\"[^\"]+\"|'[^']+'", text):  # all of it in quotes
        text = text[1:-1].strip(_MARKS)
    text = text[polite.end() :] if (polite := _POLITE.match(text)) else text
    for _ in range(3):  # "if you can, for me, thanks"; no one says more
        text = _THANKS.sub("", text).strip(_MARKS)
    return text if re.search(r"\w", text) else wording.rstrip(_MARKS)


def plain(asked: str) -> str:
    """Mend slips; drop what else carries no edit: shouting, "in the picture", "keep the rest unchanged", "instead"."""
    text = _SLIPS.sub(lambda slip: _SLIP_WORDS[slip[0].lower()], asked).strip(_MARKS + "\"'")
    if text.isupper() and text.isascii() and len(text.split()) > 2:  # the capitals name nobody
        text = text.lower()
    text = _KEEP_REST.sub("", text).strip(" ,;.") or text
    text = re.sub(r"(?<=\w),?\s+instead$", "", text, flags=re.IGNORECASE)
    text = _OUT_OF_PICTURE.sub(r" out of view", text)
    return _IN_PICTURE.sub("", text).strip(" ,;.") or text
