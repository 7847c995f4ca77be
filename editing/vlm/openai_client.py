"""One question to a server, asked with openai's asynchronous client so that it can be cancelled.

openai is an optional part of this pack: import this module no earlier than the first question.

The client brings the request, the retries and their pauses. `HttpClient` adds what it does not have: a limit to the
seconds and bytes of one answer, and that nothing of the environment travels along unasked.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Coroutine
from typing import Any

import openai

LARGEST_REPLY = 8 * 1024 * 1024  # bytes; a caption is a few hundred
POLL = 0.1  # seconds between two looks at the interrupt
# openai adds what OPENAI_ORG_ID, OPENAI_CUSTOM_HEADERS and the like say, whatever the server.
SENT_HEADERS = {"accept", "connection", "content-length", "content-type", "host", "user-agent"} | {
    "x-stainless-raw-response"  # openai looks for it when it reads the answer
}


class GivenUp(BaseException):
    """An answer that no retry makes better; says why. No Exception, because openai tries again after any of those."""


class TooSlow(GivenUp):
    """There was no complete answer in time."""


class HttpClient(openai.DefaultAsyncHttpxClient):
    """Sends requests with `key` and reads each answer to its end, in at most `seconds`; counts its `attempts`."""

    def __init__(self, key: str | None, seconds: float, use_proxies: bool):
        super().__init__(follow_redirects=False, trust_env=use_proxies)  # the key goes to no other door
        self.attempts = 0
        self._key, self._seconds = key, seconds

    async def send(self, request: Any, **options: Any) -> Any:
        self.attempts += 1
        for name in set(request.headers) - SENT_HEADERS:
            del request.headers[name]
        request.headers["Accept-Encoding"] = "identity"
        if self._key:
            request.headers["Authorization"] = f"Bearer {self._key}"
        try:
            return await asyncio.wait_for(self._receive(request, options), self._seconds)
        except asyncio.TimeoutError:
            raise TooSlow from None

    async def _receive(self, request: Any, options: dict[str, Any]) -> Any:
        response = await super().send(request, **{**options, "stream": True})
        try:
            if response.headers.get("content-encoding", "identity") != "identity":  # bytes could unpack to gigabytes
                raise GivenUp("The server's answer is compressed, although that was not asked for. Check the address.")
            body = bytearray()
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > LARGEST_REPLY:
                    raise GivenUp(
                        f"The server's answer is larger than {LARGEST_REPLY // 2**20} MiB, which no text is. "
                        "Check the address and the model."
                    )
        finally:
            await response.aclose()
        return type(response)(response.status_code, headers=response.headers, content=bytes(body), request=request)


async def ask_server(http: HttpClient, address: str, retries: int, request: dict[str, Any]) -> bytes:
    """The body of the server's answer to the chat completion `request`; raises openai's exceptions and `GivenUp`."""
    async with openai.AsyncOpenAI(
        base_url=address,
        api_key="none",  # `http` has it; without this one the client would take OPENAI_API_KEY
        http_client=http,
        max_retries=retries,
        timeout=None,  # openai's own is for every single read, and is tried again
    ) as client:
        answer = await client.chat.completions.with_raw_response.create(**request)
        return answer.content


def finish(coroutine: Coroutine[Any, Any, bytes], check_interrupt: Callable[[], None]) -> asyncio.Task[bytes]:
    """The finished task of the coroutine, which ran in an event loop of its own thread.

    ComfyUI's thread already runs a loop, and looks at the interrupt meanwhile. What `check_interrupt` raises is passed
    on and cancels the task, so that the server sees that nobody listens any more.
    """
    loop = asyncio.new_event_loop()
    task = loop.create_task(coroutine)

    def run() -> None:
        loop.run_until_complete(asyncio.wait([task]))
        if not task.cancelled():
            task.exception()  # looked at: else asyncio logs it, with what the server said, when nobody waits any more
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()

    thread = threading.Thread(target=run, name="IF-Edit language model", daemon=True)
    thread.start()
    try:
        while thread.is_alive():
            check_interrupt()
            thread.join(POLL)
    except BaseException:
        with contextlib.suppress(RuntimeError):  # the loop has just ended by itself
            loop.call_soon_threadsafe(task.cancel)
        raise
    return task
