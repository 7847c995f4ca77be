"""A language model behind any server that speaks OpenAI's chat completions: Ollama, LM Studio, vLLM, llama.cpp, ...

The key is read from the environment at the moment of the question and is kept nowhere. It goes only where the person
who set it can have meant it to go: see `check_key_variable` and `check_key_may_go`.
"""

from __future__ import annotations

import ipaddress
import json
import logging
import os
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from . import LanguageModel, LanguageModelError, jpeg_data_url

if TYPE_CHECKING:
    import torch

log = logging.getLogger(__name__)

INSTALL = 'pip install "openai>=1.50"'
LARGEST_REPLY = 8 * 1024 * 1024  # bytes; a caption is a few hundred
POLL = 0.1  # seconds between two looks at the interrupt
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0  # seconds before the first retry, which doubles; and at most
WORTH_A_RETRY = {408, 409, 429, 500, 502, 503, 504}
# A workflow from elsewhere may name any variable and any server. These keys go to their owner or to a machine nearby.
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


def check_address(address: str) -> str:
    """The base address without spaces and without a slash at the end; ValueError says what is wrong with it."""
    address = address.strip().rstrip("/")
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname, parts.port  # reading the port checks it
    except ValueError:
        host, parts = None, None
    if not host or parts.scheme not in ("http", "https") or re.search(r"\s", address):
        raise ValueError(
            f"The server's address must look like http://127.0.0.1:11434/v1 or https://api.openai.com/v1, "
            f"got {without_login(address)!r}."
        )
    if parts.username is not None or parts.password is not None or parts.query or parts.fragment:
        raise ValueError(
            "The server's address must hold no user name, password, ? or #: it would be saved in the workflow. "
            "Put the key into an environment variable and its name into key_variable."
        )
    return address


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
    if owner and parts.hostname != owner and not parts.hostname.endswith("." + owner):
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
        return host == "localhost" or host.endswith((".localhost", ".local", ".lan", ".internal")) or "." not in host
    return number.is_private or number.is_loopback or number.is_link_local


def without_login(address: str) -> str:
    return re.sub(r"//[^/@]*@", "//***@", address)


class ServerLanguageModel(LanguageModel):
    """A model on an OpenAI-compatible server.

    `address` is the base address up to and with /v1, `key_variable` the name of the environment variable that holds
    the key ("" for none), `timeout` the seconds one attempt may take in all, `retries` how many more attempts follow
    a dropped connection or an overloaded server, `max_side` the longest side of the images in pixels.
    """

    def __init__(
        self,
        address: str,
        model: str,
        key_variable: str = "",
        timeout: float = 120.0,
        retries: int = 2,
        max_side: int = 1024,
    ):
        self.address = check_address(address)
        self.key_variable = check_key_variable(key_variable)
        check_key_may_go(self.key_variable, self.address)
        self.model = model.strip()
        if not self.model:
            raise ValueError("The model's name is empty. Type it as the server lists it, for example qwen2.5vl:7b.")
        self.timeout, self.retries, self.max_side = timeout, retries, max_side
        self.name = f"{self.model} at {self.address}"

    def ask(
        self,
        system: str,
        prompt: str,
        images: Sequence[torch.Tensor],
        *,
        seed: int,
        max_tokens: int,
        check_interrupt: Callable[[], None],
    ) -> str:
        openai = _import_openai()
        key = self._read_key()
        content: list[dict] = [
            {"type": "image_url", "image_url": {"url": jpeg_data_url(image, self.max_side)}} for image in images
        ]
        content.append({"type": "text", "text": prompt})
        messages = [{"role": "user", "content": content if images else prompt}]
        if system:
            messages.insert(0, {"role": "system", "content": system})
        # Servers keep seeds in 32 or 64 bits, with and without sign; ComfyUI's have 64.
        options = {"max_tokens": max_tokens, "seed": seed % 2**31}

        attempt = 0
        while True:
            try:
                return self._one_attempt(openai, key, messages, options, check_interrupt)
            except _UnknownOption as refused:
                options = refused.remaining(options)
            except _Failure as failure:
                if not failure.retry or attempt >= self.retries:
                    tried = f" Tried {attempt + 1} times." if attempt else ""
                    raise LanguageModelError(self._without_key(str(failure), key) + tried) from None
                pause = min(failure.wait or FIRST_PAUSE * 2**attempt, LONGEST_PAUSE)
                attempt += 1
                log.info("IF-Edit: %s; next attempt in %.1f s", self._without_key(str(failure), key), pause)
                _sleep(pause, check_interrupt)

    def _read_key(self) -> str | None:
        if not self.key_variable:
            return None
        key = os.environ.get(self.key_variable, "").strip()
        if not key:
            raise LanguageModelError(
                f"The environment variable {self.key_variable} is not set where ComfyUI runs. Set it to the key of "
                f"{self.address} and start ComfyUI again, or leave key_variable empty if the server needs no key."
            )
        if not key.isascii() or not key.isprintable():
            raise LanguageModelError(
                f"The environment variable {self.key_variable} holds characters that no key has. Copy the key again."
            )
        return key

    @staticmethod
    def _without_key(text: str, key: str | None) -> str:
        return text.replace(key, "***") if key else text

    def _one_attempt(self, openai: Any, key: str | None, messages: list, options: dict, check_interrupt) -> str:
        """The reply of one request, which runs in a thread so that a person can stop waiting for it."""
        connection = _Connection(openai, self.address, key, self.timeout)
        outcome: dict[str, Any] = {}

        def request() -> None:
            try:
                outcome["body"] = connection.post({"model": self.model, "messages": messages, **options})
            except BaseException as error:  # every one is looked at below, in the thread that asked
                outcome["error"] = error

        thread = threading.Thread(target=request, name="IF-Edit language model", daemon=True)
        deadline = time.monotonic() + self.timeout
        thread.start()
        try:
            while thread.is_alive():
                check_interrupt()
                if time.monotonic() > deadline:
                    raise self._too_slow()
                thread.join(POLL)
        finally:
            connection.close()  # an interrupted server sees that nobody listens any more
        if "error" in outcome:
            raise self._explain(openai, outcome["error"]) from None
        return self._read_reply(outcome["body"])

    def _too_slow(self) -> _Failure:
        # Not tried again: three times the timeout is not what the person asked for.
        return _Failure(
            f"{self.name} gave no complete answer within {self.timeout:g} seconds. A model that is being loaded "
            "may need longer: raise timeout, or take a smaller model."
        )

    def _explain(self, openai: Any, error: BaseException) -> Exception:
        """What the client's error means for a person."""
        causes = list(_causes(error))
        ours = next((cause for cause in causes if isinstance(cause, _Failure)), None)
        if ours:  # the client wraps what its hooks raise
            return ours
        if isinstance(error, openai.APIStatusError):
            return self._explain_status(error)
        # While the body is read, the errors of httpx come through as they are; which httpx depends on the client.
        kinds = {type(cause).__name__ for cause in causes}
        reason = _shorten(str(causes[-1]) or type(causes[-1]).__name__)
        if isinstance(error, openai.APITimeoutError) or kinds & {"ReadTimeout", "WriteTimeout", "ConnectTimeout"}:
            return self._too_slow()
        if "ConnectError" in kinds:
            return _Failure(
                f"Cannot reach {self.address} ({reason}). Is the server running, and is the address right? "
                "It usually ends in /v1.",
                retry=True,
            )
        if isinstance(error, openai.APIConnectionError) or kinds & {"RemoteProtocolError", "ReadError", "WriteError"}:
            return _Failure(
                f"{self.address} dropped the connection before it had answered ({reason}). Look at the server's own "
                "log: it may have run out of memory.",
                retry=True,
            )
        return _Failure(
            f"The request to {self.name} failed ({type(error).__name__}: {_shorten(str(error))}). "
            f"If the openai client is old: {INSTALL}"
        )

    def _explain_status(self, error: Any) -> Exception:
        status, said = error.status_code, _server_message(error)
        if status in (400, 422):
            for option in ("max_tokens", "seed"):
                if re.search(rf"\b{option}\b", said):
                    return _UnknownOption(option, status, said)
        quoted = f' The server says: "{said}"' if said else ""
        key = f"the key in {self.key_variable}" if self.key_variable else "no key (key_variable is empty)"
        messages = {
            401: f"{self.address} did not accept {key} (401). Check the key, or name the right variable.",
            402: f"{self.address} wants to be paid (402). Check the account that the key belongs to.",
            403: f"{self.address} does not allow {self.model} with {key} (403).",
            404: f'{self.address} does not know the model "{self.model}", or the address is wrong (404). Type the '
            "model as the server lists it (Ollama: ollama list); the address usually ends in /v1.",
            413: f"The images are too large for {self.address} (413). Lower image_size.",
            429: f"{self.address} takes no more requests for now (429). Wait, or check the account's limits.",
        }
        if status in messages:
            text = messages[status]
        elif status >= 500:
            text = f"{self.name} failed while it answered ({status}). Look at the server's own log."
        else:
            text = (
                f"{self.name} refused the request ({status}). A model that cannot look at images refuses them: take "
                "one that can."
            )
        return _Failure(text + quoted, retry=status in WORTH_A_RETRY, wait=_retry_after(error))

    def _read_reply(self, body: bytes) -> str:
        expected = f"{self.address} did not answer like an OpenAI-compatible server"
        try:
            answer = json.loads(body)
        except (ValueError, RecursionError):
            start = _shorten(body[:200].decode("utf-8", "replace"), 60)
            raise _Failure(
                f"{expected}: its answer is not JSON (it begins with {start!r}). "
                "Check the address: it usually ends in /v1."
            ) from None
        if isinstance(answer, dict) and answer.get("error"):  # some servers report errors as success
            raise _Failure(f'{self.name} reports an error: "{_shorten(_message_of(answer))}"')
        try:
            choice = answer["choices"][0]
            message = choice["message"]
            text, finish = message.get("content"), choice.get("finish_reason")
            refusal, thoughts = message.get("refusal"), message.get("reasoning_content") or message.get("reasoning")
        except (KeyError, IndexError, TypeError, AttributeError):
            raise _Failure(
                f"{expected}: its answer has no choices[0].message. Check the address: it usually ends in /v1."
            ) from None
        if isinstance(text, list):  # in parts
            text = "".join(
                part["text"] for part in text if isinstance(part, dict) and isinstance(part.get("text"), str)
            )
        if isinstance(text, str) and text.strip():
            return text.strip()
        if isinstance(refusal, str) and refusal.strip():
            raise _Failure(f'{self.name} refused: "{_shorten(refusal)}"')
        if finish == "length" or thoughts:
            raise _Failure(
                f"{self.name} used up its tokens before it wrote an answer, probably on thinking. Raise the maximum "
                "length, or take a model that does not think."
            )
        raise _Failure(f"{self.name} sent an empty reply. Try another seed or another model.")


class _Failure(Exception):
    """An attempt failed: the message for the person, whether another attempt may help, seconds to wait before it."""

    def __init__(self, message: str, retry: bool = False, wait: float | None = None):
        super().__init__(message)
        self.retry, self.wait = retry, wait


class _UnknownOption(Exception):
    """The server does not take one of the options that are good to have, and said which."""

    def __init__(self, option: str, status: int, said: str):
        super().__init__(option)
        self.option, self.status, self.said = option, status, said

    def remaining(self, options: dict) -> dict:
        fewer = {name: value for name, value in options.items() if name != self.option}
        if self.option == "max_tokens" and "max_completion_tokens" in self.said:
            fewer["max_completion_tokens"] = options[self.option]  # OpenAI's newer models
        return fewer


class _Connection:
    """One request through the openai client: at most LARGEST_REPLY bytes, and it can be cut off from another thread."""

    def __init__(self, openai: Any, address: str, key: str | None, timeout: float):
        self._sockets: list[socket.socket] = []
        self._closed = False
        # The client adds what OPENAI_ORG_ID and the like say, whatever the server.
        self._unwanted = ["OpenAI-Organization", "OpenAI-Project"] + (["Authorization"] if key is None else [])
        self._client = openai.OpenAI(
            base_url=address,
            api_key=key or "none",  # else it would take OPENAI_API_KEY
            timeout=timeout,
            max_retries=0,  # ours can be interrupted
            default_headers={"Accept-Encoding": "identity"},
            http_client=openai.DefaultHttpxClient(
                trust_env=not is_nearby(address),  # no proxy to the next room
                follow_redirects=False,  # nor the key to another door
                event_hooks={"request": [self._prepare], "response": [self._check]},
            ),
        )

    def post(self, request: dict) -> bytes:
        with self._client.chat.completions.with_streaming_response.create(**request) as response:
            return response.read()

    def close(self) -> None:
        self._closed = True
        for connected in self._sockets:
            try:
                connected.shutdown(socket.SHUT_RDWR)  # wakes the thread that reads from it
            except OSError:
                pass  # it is closed already
        self._client.close()

    def _prepare(self, request: Any) -> None:
        for header in self._unwanted:
            request.headers.pop(header, None)
        request.extensions = {**request.extensions, "trace": self._keep_socket}

    def _keep_socket(self, event: str, info: dict) -> None:
        if event in ("connection.connect_tcp.complete", "connection.start_tls.complete"):
            connected = info["return_value"].get_extra_info("socket")
            if connected is not None:
                self._sockets.append(connected)
                if self._closed:
                    raise ConnectionAbortedError("nobody waits for the answer any more")

    def _check(self, response: Any) -> None:
        """Refuse what no such server sends, and stop in the middle of an endless body, an error's too."""
        if response.is_redirect:
            raise _Failure(
                f"The server sends the request on to {without_login(response.headers.get('location', 'nowhere'))!r}. "
                "Type the address that it really has."
            )
        if response.headers.get("content-encoding", "identity") != "identity":  # a few bytes could unpack to gigabytes
            raise _Failure("The server's answer is compressed, although that was not asked for. Check the address.")
        response.stream = _capped(response.stream)


def _capped(stream: Any) -> Any:
    """The same stream of bytes, which raises _Failure once it has given more than LARGEST_REPLY of them."""

    class Capped(type(stream)):
        def __init__(self):  # nothing of its own: it only stands before the other
            pass

        def __iter__(self):
            given = 0
            for chunk in stream:
                given += len(chunk)
                if given > LARGEST_REPLY:
                    raise _Failure(
                        f"The server's answer is larger than {LARGEST_REPLY // 2**20} MiB, which no text is. "
                        "Check the address and the model."
                    )
                yield chunk

        def close(self):
            stream.close()

    return Capped()


def _import_openai() -> Any:
    try:
        import openai
    except ImportError:
        raise LanguageModelError(
            "VLM from Server needs the openai client, the optional part if-edit[server] of this pack. Install it into "
            f"ComfyUI's Python and start ComfyUI again:\n    {INSTALL}"
        ) from None
    return openai


def _sleep(seconds: float, check_interrupt: Callable[[], None]) -> None:
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        check_interrupt()
        time.sleep(min(POLL, left))


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def _shorten(text: str, length: int = 200) -> str:
    text = " ".join(text.split())
    return text if len(text) <= length else text[: length - 3] + "..."


def _message_of(answer: Any) -> str:
    """The words in {"error": {"message": ...}}, {"error": ...}, {"detail": ...} or {"message": ...}."""
    for name in ("error", "detail", "message"):
        if isinstance(answer, dict) and answer.get(name):
            return _message_of(answer[name])
    return answer if isinstance(answer, str) else json.dumps(answer)


def _server_message(error: Any) -> str:
    text = error.response.text
    try:
        return _shorten(_message_of(json.loads(text)))
    except (ValueError, RecursionError):
        return _shorten(re.sub(r"<[^>]*>", " ", text[:2000]))


def _retry_after(error: Any) -> float | None:
    try:
        seconds = float(error.response.headers.get("retry-after", ""))
    except ValueError:
        return None
    return seconds if seconds > 0 else None  # also refuses NaN
