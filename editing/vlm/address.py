"""Where a question goes and with which key: the checks of a server's address and of the variable that names the key.

A workflow from elsewhere may name any server and any variable. So a key goes only where the person who set it can have
meant it to go, and it is read at the moment of the question and kept nowhere.
"""

from __future__ import annotations

import ipaddress
import os
import re
from urllib.parse import urlsplit

from . import LanguageModelError

# These keys go to their owner, or to a machine nearby.
KEY_OWNERS = {
    "ANTHROPIC_API_KEY": "anthropic.com",
    "DASHSCOPE_API_KEY": "aliyuncs.com",
    "DEEPSEEK_API_KEY": "deepseek.com",
    "GEMINI_API_KEY": "googleapis.com",
    "GOOGLE_API_KEY": "googleapis.com",
    "GROQ_API_KEY": "groq.com",
    "MISTRAL_API_KEY": "mistral.ai",
    "OPENAI_API_KEY": "openai.com",
    "OPENROUTER_API_KEY": "openrouter.ai",
    "TOGETHER_API_KEY": "together.xyz",
    "XAI_API_KEY": "x.ai",
}
# Plain names and numbers only: in other letters, or with %, one host looks like another ("evil\u3002com" is evil.com).
HOST = re.compile(r"[\w.-]+|[0-9a-f:.]+(%\w+)?", re.ASCII)


def check_address(address: str) -> str:
    """The base address without spaces and without a slash at the end; ValueError says what is wrong with it."""
    address = address.strip().rstrip("/")
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname, parts.port  # reading the port checks it
    except ValueError as error:
        raise ValueError(_bad_address(address)) from error
    if not host or parts.scheme not in ("http", "https") or re.search(r"\s", address):
        raise ValueError(_bad_address(address))
    if parts.username is not None or parts.password is not None or parts.query or parts.fragment:
        raise ValueError(
            "The server's address must hold no user name, password, ? or #: it would be saved in the workflow. "
            "Put the key into an environment variable and its name into key_variable."
        )
    if not HOST.fullmatch(host):
        raise ValueError(_bad_address(address))
    return address


def _bad_address(address: str) -> str:
    return (
        f"The server's address must look like http://127.0.0.1:11434/v1 or https://api.openai.com/v1, "
        f"got {hide_login(address)!r}."
    )


def check_key_variable(variable: str) -> str:
    """The name of the environment variable with the key, or "" for none; ValueError where it is a key itself.

    Only names that end in API_KEY are taken, so that a workflow from elsewhere cannot have other secrets sent.
    The messages never repeat the text: it might be the key.
    """
    variable = variable.strip()
    if variable and not re.fullmatch(r"([A-Z][A-Z0-9_]{0,40}_)?API_KEY", variable):
        raise ValueError(
            "key_variable must be the name of an environment variable in capital letters that ends in API_KEY, such "
            "as OPENAI_API_KEY, or empty. If you typed the key itself, remove it: it would be saved in the workflow "
            "and in every picture. Set a variable such as MY_API_KEY where you start ComfyUI and type its name here."
        )
    return variable


def check_key_may_go(variable: str, address: str) -> None:
    """ValueError where the key would go over the internet unencrypted, or a well-known key to somebody else."""
    if not variable or is_nearby(address):
        return
    parts = urlsplit(address)
    if parts.scheme != "https":
        raise ValueError(
            f"The key in {variable} would travel unencrypted to {parts.hostname}. Use an https:// address, or leave "
            "key_variable empty."
        )
    owner = KEY_OWNERS.get(variable)
    if owner and parts.hostname != owner and not (parts.hostname or "").endswith("." + owner):
        raise ValueError(
            f"The key in {variable} belongs to {owner} and is not sent to {parts.hostname}. If this server has a key "
            "of its own, put that into another variable, such as MY_SERVER_API_KEY, and name it in key_variable."
        )


def is_nearby(address: str) -> bool:
    """Whether the address is this machine or one of the local network."""
    host = urlsplit(address).hostname or ""
    try:
        number = ipaddress.ip_address(host)
    except ValueError:
        if host.endswith((".localhost", ".local", ".lan", ".internal")):
            return True
        # A name without a dot is one of the local network; 134744072 and 0x8080808 are ways to write 8.8.8.8.
        return "." not in host and not re.fullmatch(r"\d+|0x[0-9a-f]*", host)
    number = getattr(number, "ipv4_mapped", None) or number
    return number.is_private or number.is_loopback or number.is_link_local


def hide_login(address: str) -> str:
    return re.sub(r"//[^/@]*@", "//***@", address)


def read_key(variable: str, address: str) -> str | None:
    """The key in this environment variable, None for no variable; LanguageModelError where it holds none."""
    if not variable:
        return None
    key = os.environ.get(variable, "").strip()
    if not key:
        raise LanguageModelError(
            f"The environment variable {variable} is not set where ComfyUI runs. Set it to the key of {address} and "
            "start ComfyUI again, or leave key_variable empty if the server needs no key."
        )
    if not key.isascii() or not key.isprintable():
        raise LanguageModelError(
            f"The environment variable {variable} holds characters that no key has. Copy the key again."
        )
    return key
