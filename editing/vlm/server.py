"""A language model behind any server that speaks OpenAI's chat completions: Ollama, LM Studio, vLLM, llama.cpp, ..."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any

from . import LanguageModel, LanguageModelError, jpeg_data_url
from .address import check_address, check_key_may_go, check_key_variable, hide_login, is_nearby, read_key

if TYPE_CHECKING:
    import torch

OLDEST_CLIENT = "1.52.1"  # earlier asynchronous clients retry a dropped connection never, or without end
INSTALL = f'pip install "openai>={OLDEST_CLIENT}"'


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
        client = _import_client()
        key = read_key(self.key_variable, self.address)
        content: list[dict] = [
            {"type": "image_url", "image_url": {"url": jpeg_data_url(image, self.max_side)}} for image in images
        ]
        content.append({"type": "text", "text": prompt})
        messages = [{"role": "user", "content": content if images else prompt}]
        if system:
            messages.insert(0, {"role": "system", "content": system})
        # Servers keep seeds in 32 or 64 bits, with and without sign; ComfyUI's have 64.
        request = {"model": self.model, "messages": messages, "max_tokens": max_tokens, "seed": seed % 2**31}

        while True:
            http = client.HttpClient(key, self.timeout, use_proxies=not is_nearby(self.address))
            asked = client.finish(client.ask_server(http, self.address, self.retries, request), check_interrupt)
            error = asked.exception()
            if error is None:
                return self._read_answer(asked.result(), key)
            simpler = _without_refused_option(request, error)
            if simpler is None:
                tried = f" Tried {http.attempts} times." if http.attempts > 1 else ""
                raise LanguageModelError(self._explain(error, key) + tried)
            request = simpler

    def _explain(self, error: BaseException, key: str | None) -> str:
        """What the client's error means for a person."""
        from openai import APIStatusError

        from .openai_client import GivenUp, TooSlow

        if isinstance(error, TooSlow):
            return (
                f"{self.name} gave no complete answer within {self.timeout:g} seconds. A model that is being loaded "
                "may need longer: raise timeout, or take a smaller model."
            )
        if isinstance(error, GivenUp):
            return str(error)
        if isinstance(error, APIStatusError):
            return self._explain_status(error, key)
        cause = error.__cause__ or error  # the HTTP library's, which is httpx or httpx2
        kind, reason = type(cause).__name__, _quote(_reason(cause), key)
        if kind == "ConnectError":
            return (
                f"Cannot reach {self.address} ({reason}). Is the server running, and is the address right? "
                "It usually ends in /v1."
            )
        if kind in ("RemoteProtocolError", "ReadError", "WriteError"):
            return (
                f"{self.address} dropped the connection before it had answered ({reason}). Look at the server's own "
                "log: it may have run out of memory."
            )
        return f"The request to {self.name} failed ({kind}: {reason}). If it always does, update the client: {INSTALL}"

    def _explain_status(self, error: Any, key: str | None) -> str:
        status = error.status_code
        if 300 <= status < 400:
            target = hide_login(error.response.headers.get("location", "nowhere"))
            return f"The server redirects the request to {_quote(target, key)!r}. Type the address that it really has."
        said = _quote(_server_message(error), key)
        quoted = f' The server says: "{said}"' if said else ""
        credentials = f"the key in {self.key_variable}" if self.key_variable else "no key (key_variable is empty)"
        messages = {
            401: f"{self.address} did not accept {credentials} (401). Check the key, or name the right variable.",
            402: f"{self.address} requires payment (402). Check the account that the key belongs to.",
            403: f"{self.address} does not allow {self.model} with {credentials} (403).",
            404: f'{self.address} does not know the model "{self.model}", or the address is wrong (404). Type the '
            "model as the server lists it (Ollama: ollama list); the address usually ends in /v1.",
            413: f"The images are too large for {self.address} (413). Lower image_size.",
            429: f"{self.address} accepts no more requests for now (429). Wait, or check the account's limits.",
        }
        if status in messages:
            return messages[status] + quoted
        if status >= 500:
            return f"{self.name} failed while it answered ({status}). Look at the server's own log." + quoted
        return (
            f"{self.name} refused the request ({status}). A model that cannot look at images refuses them: take one "
            "that can." + quoted
        )

    def _read_answer(self, body: bytes, key: str | None) -> str:
        unlike = f"{self.address} did not answer like an OpenAI-compatible server"
        try:
            answer = json.loads(body)
        except (ValueError, RecursionError):
            start = _quote(body.decode("utf-8", "replace"), key, 60)
            raise LanguageModelError(
                f"{unlike}: its answer is not JSON (it begins with {start!r}). "
                "Check the address: it usually ends in /v1."
            ) from None
        if isinstance(answer, dict) and answer.get("error"):  # some servers report errors as success
            raise LanguageModelError(f'{self.name} reports an error: "{_quote(_message_of(answer), key)}"')
        try:
            choice = answer["choices"][0]
            message = choice["message"]
            text, finish = message.get("content"), choice.get("finish_reason")
            refusal, thoughts = message.get("refusal"), message.get("reasoning_content") or message.get("reasoning")
        except (KeyError, IndexError, TypeError, AttributeError):
            raise LanguageModelError(
                f"{unlike}: its answer has no choices[0].message. Check the address: it usually ends in /v1."
            ) from None
        if isinstance(text, list):  # in parts
            text = "".join(
                part["text"] for part in text if isinstance(part, dict) and isinstance(part.get("text"), str)
            )
        if isinstance(text, str) and text.strip():
            return _hide_key(text.strip(), key)
        if isinstance(refusal, str) and refusal.strip():
            raise LanguageModelError(f'{self.name} refused: "{_quote(refusal, key)}"')
        if finish == "length" or thoughts:
            raise LanguageModelError(
                f"{self.name} used up its tokens before it wrote an answer, probably on thinking. Turn thinking off on "
                "the server, or take a model that does not think."
            )
        raise LanguageModelError(f"{self.name} sent an empty reply. Try another seed or another model.")


def _import_client() -> ModuleType:
    try:
        import openai

        if _numbers(openai.__version__) < _numbers(OLDEST_CLIENT):
            raise ImportError
        from . import openai_client
    except ImportError:
        raise LanguageModelError(
            f"VLM from Server needs the openai client, version {OLDEST_CLIENT} or newer, the optional part "
            f"if-edit[server] of this pack. Install it into ComfyUI's Python and start ComfyUI again:\n    {INSTALL}"
        ) from None
    return openai_client


def _numbers(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", version)[:3]]


def _without_refused_option(request: dict, error: BaseException) -> dict | None:
    """The request without the option that the server says it does not know, None where it says no such thing."""
    if getattr(error, "status_code", None) not in (400, 422):
        return None
    said = _server_message(error)
    for option in ("max_tokens", "seed"):
        if option in request and re.search(rf"\b{option}\b", said):
            simpler = {name: value for name, value in request.items() if name != option}
            if option == "max_tokens" and "max_completion_tokens" in said:
                simpler["max_completion_tokens"] = request[option]  # OpenAI's newer models
            return simpler
    return None


def _reason(error: BaseException) -> str:
    """What went wrong, in a few words. asyncio hides a refused connection behind "All connection attempts failed"."""
    if any(isinstance(origin, ConnectionRefusedError) for origin in _origins(error)):
        return "connection refused"
    return str(error) or type(error).__name__


def _origins(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        # A host with several addresses fails with a group of errors, one for each.
        error = error.__cause__ or error.__context__ or next(iter(getattr(error, "exceptions", ())), None)


def _hide_key(text: str, key: str | None) -> str:
    return text.replace(key, "***") if key else text


def _quote(text: str, key: str | None, length: int = 200) -> str:
    """A server's words on one line, shortened. The key is taken out first: of one cut in half, half would be left."""
    text = " ".join(_hide_key(text, key).split())
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
        return _message_of(json.loads(text))
    except (ValueError, RecursionError):
        return re.sub(r"<[^>]*>", " ", text)
