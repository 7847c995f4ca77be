// Fit Image for Wan in the browser: the region to edit as a box on the photo.
//
// The graph needs none of this: the box is four ordinary INT widgets, which this file reads and writes. ComfyUI's own
// box (BOUNDING_BOX) came after 0.3.75, is drawn by its newer Vue nodes only, and cannot stand in the panel of an app.
// The photo is known before the first run where it comes from Load Image, also through reroutes and subgraphs.

import { api } from "../../../scripts/api.js";
import { app } from "../../../scripts/app.js";
import { chain } from "./elements.js";
import { write } from "./graph_changes.js";
import { forwardToCanvas, takePlace } from "./page.js";
import { RegionBox } from "./region_box.js";
import { feedersOf, holderOf, placesOf } from "./upstream_seeds.js";

const NODE = "IFEdit_FitImageForWan";
const METHOD = "region"; // the only one that knows a box
const SIDES = { x: "region_x", y: "region_y", width: "region_width", height: "region_height" };
const MIN_HEIGHT = 220;
const SHOWN_HEIGHT = 320;
const NO_PHOTO = "Here you can draw a box on the photo if it comes from Load Image. Else set region_x to region_height.";

const regions = new Set(); // those on the page

app.registerExtension({
  name: "ifedit.FitRegion",

  setup() {
    api.addEventListener("graphChanged", () => refreshAll());
  },

  beforeRegisterNodeDef(nodeType, nodeData) {
    if (nodeData.name !== NODE) return;
    chain(nodeType.prototype, "onNodeCreated", function () {
      this.ifEditRegion = new Region(this);
    });
    chain(nodeType.prototype, "onConfigure", function () {
      this.ifEditRegion?.refresh();
      setTimeout(() => this.ifEditRegion?.refresh(), 300); // all links are there
    });
    chain(nodeType.prototype, "onAdded", function () {
      if (this.ifEditRegion) regions.add(this.ifEditRegion);
    });
    chain(nodeType.prototype, "onRemoved", function () {
      regions.delete(this.ifEditRegion);
    });
    chain(nodeType.prototype, "onWidgetChanged", function () {
      this.ifEditRegion?.refresh();
    });
    chain(nodeType.prototype, "onConnectionsChange", function () {
      setTimeout(() => this.ifEditRegion?.refresh()); // the link is there
    });
  },
});

function refreshAll() {
  for (const region of regions) region.refresh();
}

class Region {
  constructor(node) {
    this.node = node;
    this.view = new RegionBox({
      onStart: () => app.canvas?.emitBeforeChange?.(),
      onEnd: () => app.canvas?.emitAfterChange?.(),
      onChange: (box) => this.write(box),
      onLook: () => this.refresh(),
    });
    this.widget = node.addDOMWidget("region", "if_edit_region", this.view.root, {
      serialize: false, // not part of the prompt
      hideOnZoom: false,
      selectOn: [], // a click on the photo would otherwise lift the node above its neighbours
      getMinHeight: () => (this.shown ? MIN_HEIGHT : 0),
      getMaxHeight: () => (this.shown ? undefined : 0),
    });
    this.widget.serialize = false; // nor of the saved workflow's widget values
    this.widget.label = "region"; // in the panel of an app
    const below = node.widgets.indexOf(named(node, SIDES.height)) + 1; // where the style sheet looks, see region_box.js
    node.widgets.splice(below, 0, node.widgets.pop());
    forwardToCanvas(this.view.root);
    for (const widget of [named(node, "method"), ...Object.values(SIDES).map((side) => named(node, side))]) {
      chain(widget, "callback", () => this.refresh());
    }
    regions.add(this);
    this.show(false);
  }

  refresh() {
    if (!this.node.graph || this.writing) return; // it is being made or changed, or was removed
    takePlace(this.view.root, [this.node.graph.id, this.node.id].join("/"));
    const place = placesOf(this.node.graph)[0] ?? { graph: this.node.graph, hosts: [] };
    this.holders = Object.entries(SIDES).map(([side, name]) => [side, holderOf(place, this.node, name)]);
    const method = holderOf(place, this.node, "method");
    const shown = !method || method.widget.value === METHOD; // it may be, if it comes through a link
    if (shown !== this.shown) this.show(shown);
    if (!shown) return;
    const fixed = this.holders.some(([, holder]) => !holder);
    const box = Object.fromEntries(this.holders.map(([side, holder]) => [side, Number(holder?.widget.value ?? 0)]));
    const masked = this.node.inputs?.find((input) => input.name === "mask")?.link != null;
    const notes = [fixed && "It comes through a link.", masked && "A painted mask has priority."];
    this.view.showPhoto(photoAddress(feedersOf(this.node, "image")), NO_PHOTO);
    this.view.showBox(box, notes.filter(Boolean).join(" "), fixed);
  }

  // The numbers stand below the photo only where they mean something.
  show(shown) {
    const grown = shown && this.shown === false && this.node.graph;
    this.shown = shown;
    this.view.root.hidden = !shown;
    const numbers = Object.values(SIDES).map((side) => named(this.node, side));
    // Not in their options: Vue nodes of frontend 1.32.9 keep a copy of those, and would never show them again.
    for (const widget of [this.widget, ...numbers]) widget.hidden = !shown;
    if (grown) {
      const needed = this.node.computeSize()[1] - MIN_HEIGHT + SHOWN_HEIGHT;
      if (this.node.size[1] < needed) this.node.setSize([this.node.size[0], needed]);
    }
    this.node.setDirtyCanvas?.(true, true);
  }

  write(box) {
    this.writing = true;
    for (const [side, holder] of this.holders ?? []) {
      if (holder && holder.widget.value !== box[side]) write(holder, box[side]);
    }
    this.writing = false;
    this.refresh();
  }
}

function named(node, name) {
  return node.widgets.find((widget) => widget.name === name);
}

// The file that a Load Image node shows: "folder/name.png", perhaps with " [output]" behind it; null for other nodes.
function photoAddress(nodes) {
  const loader = nodes.find((node) => (node.comfyClass ?? node.type ?? "").startsWith("LoadImage"));
  const value = loader?.widgets?.find((widget) => widget.name === "image")?.value;
  if (typeof value !== "string" || !value) return null;
  const [, path, type = "input"] = value.match(/^(.*?)(?: \[(input|output|temp)\])?$/);
  const slash = path.lastIndexOf("/");
  const query = { filename: path.slice(slash + 1), subfolder: path.slice(0, Math.max(0, slash)), type };
  return api.apiURL(`/view?${new URLSearchParams(query)}`);
}
