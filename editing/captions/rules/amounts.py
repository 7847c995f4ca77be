"""How much: "50 %", "fifty per cent", "2x", "by a factor of two", and the "bigger" or "smaller" they stand for."""

from __future__ import annotations

import re

from .vocabulary import PERCENT, TIMES

_TENS = {
    "ten": 10,
    "twenty": 20,
    "twenty-five": 25,
    "thirty": 30,
    "forty": 40,
    "fifty": 50,
    "sixty": 60,
    "seventy": 70,
    "seventy-five": 75,
    "eighty": 80,
    "ninety": 90,
    "a hundred": 100,
    "one hundred": 100,
}
_NUMBERS = ("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_PERCENT_SIGN = re.compile(
    rf"\b(?P<n>\d+(?:[.,]\d+)?|{'|'.join(sorted(_TENS, key=len, reverse=True))})\s*(?:%|(?:percent|per cent|pct)\b)",
    re.IGNORECASE,
)
_TIMES_SIGN = re.compile(r"\b(?P<n>\d+(?:[.,]\d+)?)\s*(?:x|\u00d7)(?![\w\u00d7])|\bx(?P<n2>\d+)\b", re.IGNORECASE)
_ABOUT = r"(?:about|around|roughly|approximately|exactly|at least)\s+(?=\d)"
_FACTOR = r"(?:an?\s+|the\s+)?factor\s+(?:of\s+)?"
_NUMBER = rf"(?:\d+(?:\.\d+)?|{'|'.join(_NUMBERS)})"
_AMOUNT = (
    rf"(?P<amount>{PERCENT}|{TIMES}|(?:(?<=factor )|(?<=factor of )|(?<=by )){_NUMBER}"
    r"|(?:(?<=by )|(?<=to ))(?:a\s+|one\s+)?(?:half|third|quarter))"
)
_ITS_SIZE = r"(?:(?:\s+(?:of|as))?\s+(?:its|their|his|her|the)\s+(?:\w+\s+)?size|\s+size)"
_UP = r"enlarge|grow|expand|increase|magnify|upscale"
_DOWN = r"shrink|reduce|decrease|downscale|minimi[sz]e"


def _compile(pattern: str) -> re.Pattern:
    return re.compile(pattern, re.IGNORECASE)


# "make the car smaller by 50 percent", "make the sky darker by 20 percent"
_SMALLER_BY = _compile(
    rf"(?P<head>.+?)\s+(?P<state>(?!(?:over|under|corner|center|higher|lower)\b)\w+er|(?:more|less) \w+)"
    rf"\s+by\s+(?P<amount>{PERCENT})"
)
_SMALLER_BY_FACTOR = _compile(rf"(?P<head>.+?)\s+(?P<state>bigger|larger|smaller)\s+by\s+(?:{_FACTOR})?{_AMOUNT}")
# "scale the car up by 20 percent", "scale the car to 50 percent", "resize it to half its size", "scale it 2 times"
_SCALED = _compile(
    rf"(?:re)?(?:scale|size)\s+(?:(?P<way>up|down)\s+)?(?P<x>.+?)\s+(?:(?P<way2>up|down)\s+)?"
    rf"(?:(?P<to>to|by)\s+)?(?:{_FACTOR})?{_AMOUNT}{_ITS_SIZE}?"
)
# "shrink the car by 50 percent", "reduce the size of the car by a third", "increase the car's size 2 times"
_CHANGED_BY = _compile(
    rf"(?:(?P<up>{_UP})|(?:{_DOWN}))\s+(?:the\s+size\s+of\s+)?(?P<x>.+?)(?:(?:'s|')\s+size|\s+in\s+size)?"
    rf"\s+(?:by\s+)?(?:{_FACTOR})?{_AMOUNT}"
)
# "make the car 50 percent of its size", "shrink the car to 30 percent"
_CHANGED_TO = _compile(
    rf"(?:make|set|bring|get|{_UP}|{_DOWN})\s+(?:the\s+size\s+of\s+)?(?P<x>.+?)(?:(?:'s|')\s+size|\s+in\s+size)?"
    rf"\s+(?:(?:to|at)\s+(?P<amount>{PERCENT}){_ITS_SIZE}?|(?P<amount2>{PERCENT}){_ITS_SIZE})"
)
_BRIGHTNESS = _compile(
    rf"(?P<verb>brighten|lighten|darken|dim)(?:\s+up)?\s+(?P<x>.+?)\s+(?:up\s+)?by\s+(?P<amount>{PERCENT})"
)
_ZOOMED = _compile(rf"(?P<zoom>zoom (?:in|out)\b.*?)\s+(?:by\s+|to\s+)?(?:{PERCENT}|{TIMES})")
_NEW = _compile(rf"(?:an?\s+)?(?P<amount>{PERCENT})\s+(?P<state>bigger|larger|smaller)\s+(?P<x>\w.*)")


def write_alike(text: str) -> str:
    """One way to write an amount: "50 percent" for "50%" and "fifty per cent", "2 times" for "2x"."""
    text = _PERCENT_SIGN.sub(lambda sign: f"{_number(sign['n'])} percent", text)
    text = _TIMES_SIGN.sub(lambda sign: f"{_number(sign['n'] or sign['n2'])} times", text)
    return re.sub(_ABOUT, "", text, flags=re.IGNORECASE)


def _number(told: str) -> str:
    return str(_TENS.get(told.lower(), told)).replace(",", ".")


def resized(clause: str) -> str:
    """A change by an amount as "make the car 50 percent smaller"; empty where the clause asks for none."""
    if by := _SMALLER_BY.fullmatch(clause):
        return f"{by['head']} {by['amount']} {by['state']}"
    if by := _SMALLER_BY_FACTOR.fullmatch(clause):
        return f"{by['head']} {by['state']}"
    if scaled := _SCALED.fullmatch(clause):
        way = scaled["way"] or scaled["way2"]
        if way:
            return _larger(scaled["x"], scaled["amount"], up=way.lower() == "up")
        return _to(scaled["x"], scaled["amount"])
    if to := _CHANGED_TO.fullmatch(clause):
        return _to(to["x"], to["amount"] or to["amount2"])
    if zoomed := _ZOOMED.fullmatch(clause):
        return zoomed["zoom"]
    if by := _BRIGHTNESS.fullmatch(clause):
        state = {"brighten": "brighter", "lighten": "brighter", "darken": "darker", "dim": "dimmer"}[by["verb"].lower()]
        return f"make {by['x']} {by['amount']} {state}"
    if new := _NEW.fullmatch(clause):
        return f"make the {new['x']} {new['amount']} {new['state']}"
    if by := _CHANGED_BY.fullmatch(clause):
        return _larger(by["x"], by["amount"], up=bool(by["up"]))
    return ""


def _larger(x: str, amount: str, up: bool) -> str:
    percent = f"{amount} " if amount.endswith(" percent") else ""
    return f"make {x} {percent}{'bigger' if up else 'smaller'}"


def _to(x: str, amount: str) -> str:
    """Made this many times its size: 50 percent and 0.5 are smaller, 150 percent and 2 are bigger."""
    word = re.sub(r"^(?:an?|one)\s+|\s+times$", "", amount.lower())
    if word.endswith(" percent"):
        percent = float(word.split()[0]) - 100
        return _larger(x, f"{abs(percent):g} percent", up=percent > 0) if percent else ""
    if word in ("half", "third", "quarter"):
        return _larger(x, word, up=False)
    number = float(word) if re.fullmatch(r"[\d.]+", word) else 2.0
    return _larger(x, word, up=number > 1)
