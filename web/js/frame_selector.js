// The Frame Selector in the browser: a filmstrip of what the last run has shown, and a click that writes `frame`.
//
// The graph needs none of this: `frame` is an ordinary INT widget (-1: automatic), which is only read and written.
// A subgraph node with a Frame Selector in it, however deep, shows a strip of its own: ComfyUI no longer lets the
// widgets of packs be promoted. Its menu hides that strip, and the workflow remembers it. An app shows it below its
// inputs, which can be promoted widgets only; the strip of a Frame Selector outside of subgraphs can be such an input.

import { api } from "../../../scripts/api.js";
import { app } from "../../../scripts/app.js";
import { chain } from "./elements.js";
import { Selector, selectors, startRun } from "./selector.js";
import { inside } from "./upstream_seeds.js";

const NODE = "IFEdit_FrameSelector";
const APP_INPUTS = '[data-testid="linear-widgets"]'; // where an app has its inputs
const APP_LOOK = 500; // ms between two looks whether an app is open: ComfyUI does not say
const HIDDEN = "if_edit_filmstrip_hidden"; // in the properties of a subgraph node

const strips = new Map(); // subgraph node -> the selectors of the strips on it

app.registerExtension({
  name: "ifedit.FrameSelector",

  setup() {
    setInterval(showInApp, APP_LOOK);
    api.addEventListener("execution_start", ({ detail }) => startRun(detail?.prompt_id ?? null));
    for (const end of ["execution_success", "execution_error", "execution_interrupted"]) {
      api.addEventListener(end, () => {
        startRun(null);
        refreshAll();
      });
    }
    api.addEventListener("executed", ({ detail }) => {
      const payload = detail?.output?.if_edit_filmstrip?.[0];
      const id = String(detail?.display_node || detail?.node);
      if (payload) for (const selector of selectors) if (selector.id() === id) selector.receive(payload);
    });
    api.addEventListener("graphChanged", () => {
      syncSoon();
      refreshAll();
    });
  },

  beforeRegisterNodeDef(nodeType, nodeData) {
    if (nodeData.name !== NODE) return;
    chain(nodeType.prototype, "onNodeCreated", function () {
      this.ifEditSelector = new Selector(this);
    });
    chain(nodeType.prototype, "onConfigure", function () {
      this.ifEditSelector?.restore();
    });
    chain(nodeType.prototype, "onAdded", function () {
      this.ifEditSelector?.added();
      syncSoon();
    });
    chain(nodeType.prototype, "onRemoved", function () {
      this.ifEditSelector?.removed();
      syncSoon();
    });
    for (const change of ["onWidgetChanged", "onConnectionsChange"]) {
      chain(nodeType.prototype, change, function () {
        for (const selector of selectors) if (selector.node === this) selector.refresh();
      });
    }
  },

  nodeCreated(node) {
    if (node.subgraph) syncSoon();
  },

  afterConfigureGraph() {
    syncHosts();
  },

  getNodeMenuItems(node) {
    if (!node.subgraph || !selectorsIn(node).length) return [];
    const hidden = node.properties[HIDDEN];
    const show = () => {
      app.canvas.emitBeforeChange?.();
      if (hidden) delete node.properties[HIDDEN];
      else node.properties[HIDDEN] = true;
      syncHosts();
      app.canvas.emitAfterChange?.();
    };
    return [{ content: hidden ? "Show the filmstrip" : "Hide the filmstrip", callback: show }];
  },
});

function refreshAll() {
  for (const selector of selectors) selector.refresh();
}

// --- strips on subgraph nodes ---------------------------------------------------------------------------------------

let waiting = false;

function syncSoon() {
  if (waiting) return;
  waiting = true;
  setTimeout(() => {
    waiting = false;
    syncHosts();
  });
}

// Gives each subgraph node the strips of the Frame Selectors that are in it now, and takes away others.
function syncHosts() {
  const hosts = app.canvas?.graph ? hostsIn(app.rootGraph ?? app.graph.rootGraph ?? app.graph) : new Set();
  for (const host of strips.keys()) {
    if (hosts.has(host)) continue;
    for (const selector of strips.get(host)) selector.removed();
    strips.delete(host);
  }
  for (const host of hosts) syncHost(host);
}

function syncHost(host) {
  const wanted = host.properties[HIDDEN] ? [] : selectorsIn(host);
  const before = strips.get(host) ?? [];
  if (!wanted.length && !before.length) return;
  const kept = before.filter((selector) => wanted.some((each) => selector.isOf(each.node, each.hosts)));
  for (const selector of before) if (!kept.includes(selector)) selector.takeOff();
  const now = wanted.map(
    ({ node, hosts }) => kept.find((selector) => selector.isOf(node, hosts)) ?? new Selector(node, hosts),
  );
  for (const selector of now) selector.putOn();
  strips.set(host, now);
}

function showInApp() {
  const inputs = document.querySelector(APP_INPUTS);
  if (!inputs) return;
  const shown = [...strips].filter(([host]) => host.graph && host.graph === host.rootGraph);
  const roots = shown.flatMap(([, selectors]) => selectors.map((selector) => selector.view.root));
  for (const other of inputs.querySelectorAll(":scope > .ifedit-strip")) if (!roots.includes(other)) other.remove();
  for (const root of roots) if (!inputs.contains(root)) inputs.append(root);
}

function hostsIn(graph, found = new Set()) {
  for (const node of graph.nodes ?? []) {
    if (!node.subgraph || found.has(node)) continue;
    found.add(node);
    hostsIn(node.subgraph, found);
  }
  return found;
}

// [{ node, hosts }]: the Frame Selectors in a subgraph node, with the subgraph nodes that lead to them, this one first.
function selectorsIn(host) {
  const walk = (place) =>
    (place.graph.nodes ?? []).flatMap((node) => {
      if (node.type === NODE) return [{ node, hosts: place.hosts }];
      return node.subgraph && !place.hosts.includes(node) ? walk(inside(place, node)) : [];
    });
  return walk(inside({ hosts: [] }, host));
}
