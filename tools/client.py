"""Talk to a running ComfyUI over its HTTP and WebSocket API: upload images, run workflows, fetch the results."""

import asyncio
import json
import sys
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import aiohttp
from tqdm import tqdm

from .comfyui import ComfyUIError

MUTED, BYPASSED = 2, 4  # LiteGraph's node modes
INTERRUPT_TIMEOUT = 2.0  # seconds for telling ComfyUI to stop after Ctrl-C


class WorkflowError(RuntimeError):
    """A workflow that ComfyUI refused or could not finish; the message names each node's title, id and class.

    node_ids lists the nodes at fault, traceback is ComfyUI's own (execution errors only).
    """

    def __init__(self, message: str, node_ids: tuple[str, ...] = (), traceback: str = ""):
        super().__init__(message)
        self.node_ids = node_ids
        self.traceback = traceback


# --- prompts ("API format": {node id: {class_type, inputs, _meta}}) --------------------------------------------------


def workflow_to_prompt(workflow: dict, object_info: dict) -> dict:
    """Convert a workflow as ComfyUI's browser saves it (UI format 0.4) to an API prompt.

    object_info is what the ComfyUI that will run it answers on /object_info. comfy-cli does the work: widget order,
    seed controls, reroutes, primitives, muted and bypassed nodes, subgraphs. What it would skip over is an error here:
    WorkflowError for a node that this ComfyUI does not have, or that could not be converted.
    """
    from comfy_cli.workflow_to_api import WorkflowConversionError, convert_ui_to_api  # slow to import

    try:
        prompt = convert_ui_to_api(workflow, object_info)
    except WorkflowConversionError as error:
        raise WorkflowError(f"This is not a workflow saved by ComfyUI: {error}.") from error
    unknown = tuple(node_id for node_id, node in prompt.items() if node["class_type"] not in object_info)
    if unknown:
        classes = ", ".join(sorted({prompt[node_id]["class_type"] for node_id in unknown}))
        raise WorkflowError(f"This ComfyUI lacks the nodes {classes}. Update it, or install their pack.", unknown)
    expected = {
        str(node["id"])
        for node in workflow.get("nodes", ())
        if node["type"] in object_info and node.get("mode", 0) not in (MUTED, BYPASSED)
    }
    lost = tuple(sorted(expected - set(prompt)))
    if lost:
        raise WorkflowError(f"Could not convert the workflow's nodes {', '.join(lost)}.", lost)
    return prompt


def find_node(prompt: dict, title: str) -> str:
    """Return the id of the one node with this title; WorkflowError when there is none or more than one."""
    titles = {node_id: node_title(prompt, node_id) for node_id in prompt}
    found = [node_id for node_id, each in titles.items() if each == title]
    if len(found) != 1:
        raise WorkflowError(
            f'The workflow needs exactly one node titled "{title}", it has {len(found)}. '
            f"Its titles: {', '.join(sorted(titles.values()))}."
        )
    return found[0]


def node_title(prompt: dict, node_id: str) -> str:
    """Return the node's title, else its class, else its id (a node that was made while running)."""
    node = prompt.get(str(node_id), {})
    return node.get("_meta", {}).get("title") or node.get("class_type") or str(node_id)


def describe_node(prompt: dict, node_id: str) -> str:
    """Return e.g. '"Edit" (node 8, IFEdit_EditSampler)'."""
    class_type = prompt.get(str(node_id), {}).get("class_type", "unknown")
    return f'"{node_title(prompt, node_id)}" (node {node_id}, {class_type})'


# --- progress -------------------------------------------------------------------------------------------------------


class Progress:
    """Shows each node on stderr: on a terminal a bar while it counts steps, then its title and the seconds it took."""

    def __init__(self) -> None:
        self._title = ""
        self._started = 0.0
        self._bar: tqdm | None = None

    def start(self, title: str) -> None:
        self.finish()
        self._title, self._started = title, time.monotonic()
        self._bar = tqdm(desc=title, bar_format="{desc} ...", leave=False, disable=None)

    def step(self, value: float, total: float) -> None:
        if self._bar is not None:
            self._bar.bar_format = "{desc} {bar:30} {n:.0f}/{total:.0f}  {elapsed}"
            self._bar.total, self._bar.n = total, value
            self._bar.refresh()

    def finish(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None
            print(f"{self._title}: {time.monotonic() - self._started:.1f} s", file=sys.stderr, flush=True)


# --- the client -----------------------------------------------------------------------------------------------------


@dataclass
class Outputs:
    """What the output nodes of a finished run reported, by node id: {"images": [{filename, subfolder, type}], ...}."""

    prompt: dict
    by_node: dict

    def of(self, title: str) -> dict:
        """Return the report of the node with this title; WorkflowError when it made none."""
        node_id = find_node(self.prompt, title)
        if node_id not in self.by_node:
            raise WorkflowError(f"{describe_node(self.prompt, node_id)} gave no output.", (node_id,))
        return self.by_node[node_id]

    def images(self, title: str) -> list[dict]:
        """Return the image references of the node with this title, for Client.fetch."""
        return self.of(title).get("images", [])


class Client:
    """A connection to the ComfyUI at `url`.

    check_alive is asked when the connection breaks and may raise an error that says why (Server.check_alive).
    Every method raises ComfyUIError when ComfyUI cannot be reached.
    """

    def __init__(self, url: str, check_alive: Callable[[float], None] | None = None):
        self.url = url
        self._check_alive = check_alive

    def object_info(self) -> dict:
        """Return the schema of every node class that this ComfyUI has."""
        return self._call(self._get_json("/object_info"))

    def upload_image(self, image: bytes, name: str) -> str:
        """Put an image file's bytes into ComfyUI's input folder; returns the name for a Load Image node."""
        return self._call(self._upload(image, name))

    def fetch(self, image: dict) -> bytes:
        """Return the bytes of an image that Outputs.images names."""
        return self._call(self._fetch(image))

    def run(self, prompt: dict, progress: Progress | None = None) -> Outputs:
        """Run an API prompt to its end and return what its output nodes reported.

        Raises WorkflowError when ComfyUI refuses it, a node fails, or someone interrupts it; ComfyUIError as soon as
        ComfyUI is gone. When this call itself is interrupted (Ctrl-C), ComfyUI is told to stop as well.
        """
        return self._call(self._run(prompt, progress))

    def _call(self, work: Awaitable):
        async def guarded():
            try:
                return await work
            except aiohttp.ClientError as error:
                if self._check_alive:
                    self._check_alive(INTERRUPT_TIMEOUT)
                raise ComfyUIError(f"The connection to ComfyUI at {self.url} failed: {error}") from error

        return asyncio.run(guarded())

    def _session(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(self.url, timeout=aiohttp.ClientTimeout(total=None))

    async def _get_json(self, path: str) -> dict:
        async with self._session() as session, session.get(path, raise_for_status=True) as response:
            return await response.json()

    async def _upload(self, image: bytes, name: str) -> str:
        form = aiohttp.FormData()
        form.add_field("image", image, filename=name)
        async with self._session() as session:
            async with session.post("/upload/image", data=form, raise_for_status=True) as response:
                saved = await response.json()
        return f"{saved['subfolder']}/{saved['name']}".lstrip("/")

    async def _fetch(self, image: dict) -> bytes:
        async with self._session() as session:
            async with session.get("/view", params=image, raise_for_status=True) as response:
                return await response.read()

    async def _run(self, prompt: dict, progress: Progress | None) -> Outputs:
        client_id = uuid.uuid4().hex
        async with self._session() as session:
            # Listening before submitting, so that no event is missed; no size limit, for previews of large images.
            async with session.ws_connect("/ws", params={"clientId": client_id}, max_msg_size=0) as events:
                prompt_id = str(uuid.uuid4())
                try:
                    await self._submit(session, prompt, prompt_id, client_id)
                    await self._follow(events, prompt, prompt_id, progress)
                except asyncio.CancelledError:
                    await self._interrupt(session, prompt_id)
                    raise
                finally:
                    if progress:
                        progress.finish()
            async with session.get(f"/history/{prompt_id}", raise_for_status=True) as response:
                history = await response.json()
        return Outputs(prompt, history[prompt_id]["outputs"])

    async def _submit(self, session: aiohttp.ClientSession, prompt: dict, prompt_id: str, client_id: str) -> None:
        body = {"prompt": prompt, "prompt_id": prompt_id, "client_id": client_id}
        async with session.post("/prompt", json=body) as response:
            answer = await response.json(content_type=None)
        if response.status == 200 and answer.get("node_errors"):  # it would make only some of the outputs
            await self._interrupt(session, prompt_id)
        if response.status != 200 or answer.get("node_errors"):
            raise refusal(prompt, answer)

    async def _follow(self, events, prompt: dict, prompt_id: str, progress: Progress | None) -> None:
        """Return when the prompt has finished; WorkflowError when it failed."""
        async for message in events:
            if message.type != aiohttp.WSMsgType.TEXT:  # previews
                continue
            event = json.loads(message.data)
            kind, data = event["type"], event.get("data") or {}
            if data.get("prompt_id") != prompt_id:
                continue
            if kind == "executing":
                if data["node"] is None:
                    return
                if progress:
                    progress.start(node_title(prompt, data["node"]))
            elif kind == "progress" and progress:
                progress.step(data["value"], data["max"])
            elif kind == "execution_error":
                raise execution_failure(prompt, data)
            elif kind == "execution_interrupted":
                node = describe_node(prompt, data["node_id"])
                raise WorkflowError(f"The run was interrupted at {node}.", (str(data["node_id"]),))
        raise aiohttp.ClientConnectionError("it closed the connection")

    async def _interrupt(self, session: aiohttp.ClientSession, prompt_id: str) -> None:
        timeout = aiohttp.ClientTimeout(total=INTERRUPT_TIMEOUT)
        try:
            async with session.post("/queue", json={"delete": [prompt_id]}, timeout=timeout):
                pass
            async with session.post("/interrupt", json={"prompt_id": prompt_id}, timeout=timeout):
                pass
        except (aiohttp.ClientError, TimeoutError):
            pass  # it is going away anyway; the reason for stopping is the error to show


def refusal(prompt: dict, answer: dict) -> WorkflowError:
    """Make one readable error of what POST /prompt answers when a workflow is not valid."""
    error, node_errors = answer.get("error", {}), answer.get("node_errors") or {}
    lines = [] if node_errors else [" ".join(filter(None, (error.get("message"), error.get("details"))))]
    for node_id, report in node_errors.items():
        for each in report["errors"]:
            reason = ": ".join(filter(None, (each["message"], each.get("details"))))
            lines.append(f"{describe_node(prompt, node_id)}: {reason}")
    return WorkflowError("ComfyUI refused the workflow.\n" + "\n".join(lines), tuple(node_errors))


def execution_failure(prompt: dict, data: dict) -> WorkflowError:
    node_id = str(data["node_id"])
    message = f"{describe_node(prompt, node_id)} failed: {data['exception_message'].strip()}"
    return WorkflowError(message, (node_id,), "".join(data.get("traceback") or ()))
