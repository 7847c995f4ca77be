"""Graphs as ComfyUI's browser saves them (UI format 0.4, subgraphs included), put together in Python.

A node's sockets, widgets and defaults come from what a ComfyUI answers on /object_info, so that a file can only hold
what the nodes really have. Ids are unique across a workflow and its subgraphs: browsers renumber them otherwise.
"""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

WIDGETS = ("INT", "FLOAT", "STRING", "BOOLEAN", "COMBO")
VALUE_BESIDE = {"control_after_generate": "fixed", "image_upload": "image"}  # a second widget that such an input has
PANEL_INPUT, PANEL_OUTPUT = -10, -20  # the ids of a subgraph's two panels
OPTIONAL = 7  # litegraph's shape of an optional socket
NAMESPACE = uuid.UUID("6af0b593-ff99-59ec-9d4e-4ec6b34cec45")
PACK_MODULE = "custom_nodes.if-edit"
VERSIONS = {"if-edit": "0.1.0", "comfy-core": "0.3.75"}
FRONTEND = "1.32.9"

Box = tuple[float, float, float, float]  # left, top, width, height


@dataclass
class Socket:
    """An input or output slot of a node or of a subgraph's panel."""

    name: str
    type: str
    widget: bool = False
    optional: bool = False
    links: list[int] = field(default_factory=list)

    def as_input(self) -> dict:
        slot: dict = {"name": self.name, "type": self.type}
        if self.optional:
            slot["shape"] = OPTIONAL
        if self.widget:
            slot["widget"] = {"name": self.name}
        return slot | {"link": self.links[0] if self.links else None}

    def as_output(self) -> dict:
        return {"name": self.name, "type": self.type, "links": self.links or None}


@dataclass
class Node:
    id: int
    type: str
    title: str
    box: Box
    inputs: list[Socket]
    outputs: list[Socket]
    values: list
    properties: dict
    color: tuple[str, str] | None = None

    def slot(self, side: str, name: str) -> int:
        """The place of the input or output of this name; KeyError, which names those that are there."""
        names = [socket.name for socket in getattr(self, side)]
        if name not in names:
            raise KeyError(f"{self.title} has no {name} among its {side}: {', '.join(names)}")
        return names.index(name)

    def as_json(self, order: int) -> dict:
        left, top, width, height = self.box
        saved = {
            "id": self.id,
            "type": self.type,
            "pos": [left, top],
            "size": [width, height],
            "flags": {},
            "order": order,
            "mode": 0,
            "inputs": [socket.as_input() for socket in self.inputs],
            "outputs": [socket.as_output() for socket in self.outputs],
            "title": self.title,
            "properties": self.properties,
            "widgets_values": self.values,
        }
        return saved | (dict(zip(("color", "bgcolor"), self.color, strict=True)) if self.color else {})


class Graph:
    """Nodes and links of one level. Nodes are added in an order in which they could run."""

    def __init__(self, name: str, object_info: Mapping[str, dict], ids: itertools.count | None = None):
        self.name = name
        self.object_info = object_info
        self.node_ids = ids or itertools.count(1)
        self.link_ids = itertools.count(1)
        self.nodes: list[Node] = []
        self.links: list[tuple[int, int, int, int, int, str]] = []  # id, origin, its slot, target, its slot, type
        self.groups: list[dict] = []
        self.subgraphs: list[Subgraph] = []

    def add(
        self,
        kind: str,
        box: Box,
        title: str = "",
        /,
        *,
        color: tuple[str, str] | None = None,
        models: Sequence[Mapping[str, str]] = (),
        **values,
    ) -> Node:
        """A node of this class; values are those of its widgets that are not the default.

        models: [{name, url, directory}] that the browser offers to download
        """
        info = self.object_info[kind]
        inputs, saved = self._read_inputs(kind, values)
        outputs = [Socket(name, carried) for name, carried in zip(info["output_name"], info["output"], strict=True)]
        pack = "if-edit" if info["python_module"] == PACK_MODULE else "comfy-core"
        properties: dict = {"cnr_id": pack, "ver": VERSIONS[pack], "Node name for S&R": kind}
        if models:
            properties["models"] = [dict(model) for model in models]
        node = Node(
            next(self.node_ids), kind, title or info["display_name"], box, inputs, outputs, saved, properties, color
        )
        self.nodes.append(node)
        return node

    def _read_inputs(self, node_kind: str, values: dict) -> tuple[list[Socket], list]:
        """The sockets, those of widgets last, and the widgets' values in order."""
        known = self.object_info[node_kind]["input"]
        sockets, widgets, saved = [], [], []
        for name, (kind, *rest) in (known.get("required", {}) | known.get("optional", {})).items():
            options = rest[0] if rest else {}
            optional = name in known.get("optional", {})
            is_list = isinstance(kind, list)
            if not (is_list or kind in WIDGETS) or options.get("forceInput"):
                sockets.append(Socket(name, kind, optional=optional))
                continue
            choices = kind if is_list else options.get("options")
            widgets.append(Socket(name, "COMBO" if is_list else kind, widget=True, optional=optional))
            saved.append(values.pop(name) if name in values else options.get("default", choices and choices[0]))
            saved += [value for option, value in VALUE_BESIDE.items() if options.get(option)]
        if values:
            raise KeyError(f"{node_kind} has no widget {', '.join(values)}")
        return sockets + widgets, ["" if value is None else value for value in saved]

    def add_note(self, box: Box, text: str, title: str, color: tuple[str, str]) -> Node:
        note = Node(next(self.node_ids), "MarkdownNote", title, box, [], [], [text], {}, color)
        self.nodes.append(note)
        return note

    def add_group(self, title: str, box: Box, color: str) -> None:
        self.groups.append(
            {
                "id": len(self.groups) + 1,
                "title": title,
                "bounding": list(box),
                "color": color,
                "font_size": 24,
                "flags": {},
            }
        )

    def add_subgraph(
        self, subgraph: Subgraph, box: Box, color: tuple[str, str] | None = None, title: str = "", **values
    ) -> Node:
        """A node that stands for the subgraph; values are those of the widgets that it shows."""
        inputs = [Socket(socket.name, socket.type, socket.widget) for socket in subgraph.inputs]
        shown = [socket.name for socket in inputs if socket.widget]
        unknown = set(values) - set(shown)
        if unknown:
            raise KeyError(f"{subgraph.name} shows no widget {', '.join(unknown)}")
        node = Node(
            next(self.node_ids),
            subgraph.id,
            title or subgraph.name,
            box,
            inputs,
            [Socket(socket.name, socket.type) for socket in subgraph.outputs],
            [values.get(name, subgraph.shown_values[name]) for name in shown],
            # -1: shown through an input of the subgraph. Frontends since 1.45 find that out by themselves.
            {"proxyWidgets": [["-1", name] for name in shown]} if shown else {},
            color,
        )
        self.nodes.append(node)
        self.subgraphs.append(subgraph)
        return node

    def link(self, origin: Node, output: str, target: Node, *inputs: str) -> None:
        """Connect the output to inputs of the target, to one of its own name if none is named."""
        for name in inputs or (output,):
            self._connect(
                origin.id,
                origin.slot("outputs", output),
                origin.outputs[origin.slot("outputs", output)],
                target.id,
                target.slot("inputs", name),
                target.inputs[target.slot("inputs", name)],
            )

    def _connect(self, origin: int, output: int, source: Socket, target: int, place: int, socket: Socket) -> None:
        if socket.links and target != PANEL_OUTPUT:
            raise ValueError(f"input {socket.name} of node {target} is connected twice")
        link = next(self.link_ids)
        source.links.append(link)
        socket.links.append(link)
        kind = socket.type if source.type == "*" else source.type
        self.links.append((link, origin, output, target, place, kind))

    def _definitions(self) -> list[dict]:
        found: dict[str, dict] = {}
        for subgraph in self.subgraphs:
            for definition in (*subgraph._definitions(), subgraph.as_definition()):
                found[definition["id"]] = definition
        return list(found.values())

    def as_workflow(self, extra: dict) -> dict:
        """The workflow's JSON; its id follows from its name."""
        inner = [node["id"] for definition in self._definitions() for node in definition["nodes"]]
        return {
            "id": str(uuid.uuid5(NAMESPACE, self.name)),
            "revision": 0,
            "last_node_id": max(inner + [node.id for node in self.nodes]),
            "last_link_id": max((link[0] for link in self.links), default=0),
            "nodes": [node.as_json(order) for order, node in enumerate(self.nodes)],
            "links": [list(link) for link in self.links],
            "groups": self.groups,
            "definitions": {"subgraphs": self._definitions()},
            "config": {},
            "extra": extra | {"frontendVersion": FRONTEND},
            "version": 0.4,
        }


class Subgraph(Graph):
    """A graph in a node. Its inputs and outputs get an id from their name, so that they stay the same."""

    def __init__(self, parent: Graph, name: str, description: str = ""):
        super().__init__(name, parent.object_info, parent.node_ids)
        self.description = description
        self.id = str(uuid.uuid5(NAMESPACE, f"{parent.name}/{name}"))
        self.inputs: list[Socket] = []
        self.outputs: list[Socket] = []
        self.shown_values: dict = {}

    def take(self, name: str, *targets: tuple[Node, str]) -> None:
        """An input of the subgraph, connected to these inputs of nodes in it."""
        node, slot = targets[0]
        self.inputs.append(Socket(name, node.inputs[node.slot("inputs", slot)].type))
        self._feed(targets)

    def show(self, name: str, *targets: tuple[Node, str]) -> None:
        """Show the widget of a node (and of others with it) on the node that stands for the subgraph."""
        node, widget = targets[0]
        self.inputs.append(Socket(name, node.inputs[node.slot("inputs", widget)].type, widget=True))
        self.shown_values[name] = self._value_of(node, widget)
        self._feed(targets)

    def _value_of(self, node: Node, widget: str):
        if node.type not in self.object_info:  # a subgraph within this one
            return node.values[[socket.name for socket in node.inputs if socket.widget].index(widget)]
        values = iter(node.values)
        known = self.object_info[node.type]["input"]
        options = known.get("required", {}) | known.get("optional", {})
        for socket in node.inputs:
            if not socket.widget:
                continue
            value = next(values)
            if socket.name == widget:
                return value
            for option in VALUE_BESIDE:
                if (options[socket.name][1:] or [{}])[0].get(option):
                    next(values)
        raise KeyError(f"{node.title} has no widget {widget}")

    def _feed(self, targets: Sequence[tuple[Node, str]]) -> None:
        place = len(self.inputs) - 1
        for node, name in targets:
            slot = node.slot("inputs", name)
            self._connect(PANEL_INPUT, place, self.inputs[place], node.id, slot, node.inputs[slot])

    def give(self, name: str, node: Node, output: str = "") -> None:
        """An output of the subgraph: that of a node in it."""
        slot = node.slot("outputs", output or name)
        source = node.outputs[slot]
        self.outputs.append(Socket(name, source.type))
        self._connect(node.id, slot, source, PANEL_OUTPUT, len(self.outputs) - 1, self.outputs[-1])

    def as_definition(self) -> dict:
        lefts, tops = ([node.box[axis] for node in self.nodes] for axis in (0, 1))
        rights = [node.box[0] + node.box[2] for node in self.nodes]
        rows = (("inputs", self.inputs, "in"), ("outputs", self.outputs, "out"))
        panels = {
            side: [
                {
                    "id": str(uuid.uuid5(NAMESPACE, f"{self.id}/{way}/{socket.name}")),
                    "name": socket.name,
                    "type": socket.type,
                    "linkIds": socket.links,
                    "pos": [0, 0],
                }
                for socket in sockets
            ]
            for side, sockets, way in rows
        }
        fields = ("id", "origin_id", "origin_slot", "target_id", "target_slot", "type")
        definition = {
            "id": self.id,
            "version": 1,
            "state": {
                "lastGroupId": len(self.groups),
                "lastNodeId": max(node.id for node in self.nodes),
                "lastLinkId": max(link[0] for link in self.links),
                "lastRerouteId": 0,
            },
            "revision": 0,
            "config": {},
            "name": self.name,
            "inputNode": {
                "id": PANEL_INPUT,
                "bounding": [min(lefts) - 260, min(tops), 160, 40 + 20 * len(self.inputs)],
            },
            "outputNode": {
                "id": PANEL_OUTPUT,
                "bounding": [max(rights) + 100, min(tops), 140, 40 + 20 * len(self.outputs)],
            },
            **panels,
            "widgets": [],
            "nodes": [node.as_json(order) for order, node in enumerate(self.nodes)],
            "groups": self.groups,
            "links": [dict(zip(fields, link, strict=True)) for link in self.links],
            "extra": {},
        }
        return definition | ({"description": self.description} if self.description else {})
