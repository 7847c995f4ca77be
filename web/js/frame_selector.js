// The Frame Selector in the browser: a filmstrip of what the last run has shown, and a click that writes `frame`.
//
// The graph needs none of this: `frame` is an ordinary INT widget (-1: automatic), which this file reads and writes.
// The node's output message brings the frames (if_edit_filmstrip, see nodes/progress.py); pictures are small files in
// ComfyUI's temp folder, fetched from its own /view. Their names are kept in the browser's session, so that the strip
// is still there after a reload, an undo or a change of tabs, as long as the files are. They are not kept in the
// workflow: it would go to other people with names of files that they do not have, and each run could be undone.

import { api } from "../../../scripts/api.js";
import { app } from "../../../scripts/app.js";
import { AUTOMATIC, Filmstrip } from "./filmstrip.js";
import { executionId, holderOf, placesOf, upstreamSeeds } from "./upstream_seeds.js";

const NODE = "IFEdit_FrameSelector";
const MEMORY = "IFEdit.filmstrip:"; // prefix in sessionStorage
const MIN_HEIGHT = 260;
const START_SIZE = [520, 620];
const ATTEMPTS = 5; // to read the history of a run that has just ended
const PAUSE = 250; // ms between them
const OPENED = Date.now(); // when this page was opened

const RUN_ONCE = "Run once to see the frames.";
const GONE = `The pictures of the last run are gone (ComfyUI empties its temp folder when it starts). ${RUN_ONCE}`;

const selectors = new Set(); // those on the page
const prompts = new Map(); // executed prompts by their id
let runningPrompt = null;

app.registerExtension({
  name: "IFEdit.FrameSelector",

  setup() {
    api.addEventListener("execution_start", ({ detail }) => (runningPrompt = detail?.prompt_id ?? null));
    for (const end of ["execution_success", "execution_error", "execution_interrupted"]) {
      api.addEventListener(end, () => {
        runningPrompt = null;
        refreshAll();
      });
    }
    api.addEventListener("graphChanged", () => refreshAll());
  },

  beforeRegisterNodeDef(nodeType, nodeData) {
    if (nodeData.name !== NODE) return;
    chain(nodeType.prototype, "onNodeCreated", function () {
      this.ifEditSelector = new Selector(this);
    });
    chain(nodeType.prototype, "onConfigure", function () {
      this.ifEditSelector?.restore();
    });
    chain(nodeType.prototype, "onExecuted", function (output) {
      this.ifEditSelector?.receive(output?.if_edit_filmstrip?.[0]);
    });
    chain(nodeType.prototype, "onAdded", function () {
      this.ifEditSelector?.added();
    });
    chain(nodeType.prototype, "onRemoved", function () {
      this.ifEditSelector?.removed();
    });
    chain(nodeType.prototype, "onWidgetChanged", function () {
      this.ifEditSelector?.refresh();
    });
    chain(nodeType.prototype, "onConnectionsChange", function () {
      this.ifEditSelector?.refresh();
    });
  },
});

function chain(prototype, name, extra) {
  const before = prototype[name];
  prototype[name] = function (...given) {
    const result = before?.apply(this, given);
    extra.apply(this, given);
    return result;
  };
}

function refreshAll() {
  for (const selector of selectors) selector.refresh();
}

class Selector {
  constructor(node) {
    this.node = node;
    this.view = new Filmstrip({
      onChoose: (number) => this.choose(number),
      onQueue: () => app.queuePrompt(0, 1),
      onFixSeeds: () => this.fixSeeds(),
      onMissing: () => this.lose(),
      onLook: () => this.refresh(),
    });
    const widget = node.addDOMWidget("filmstrip", "if_edit_filmstrip", this.view.root, {
      serialize: false, // not part of the prompt
      hideOnZoom: false,
      selectOn: [], // a click on a frame would otherwise lift the node above its neighbours
      getMinHeight: () => MIN_HEIGHT,
    });
    widget.serialize = false; // nor of the saved workflow's widget values
    chain(frameWidget(node) ?? {}, "callback", () => this.refresh());
    const size = node.computeSize();
    node.setSize([Math.max(size[0], START_SIZE[0]), Math.max(size[1], START_SIZE[1])]);
    selectors.add(this);
    this.show(null, RUN_ONCE);
  }

  added() {
    selectors.add(this);
  }

  removed() {
    selectors.delete(this);
    this.view.hidePreview();
  }

  // --- the frames ----------------------------------------------------------------------------------------------------

  receive(payload) {
    const strip = asStrip(payload, runningPrompt);
    if (!strip) return;
    remember(this.node, strip);
    this.seedNote = "";
    this.show(strip);
  }

  restore() {
    this.show(recall(this.node), RUN_ONCE);
    setTimeout(() => this.takePlace(), 300);
  }

  // Frontend 1.32.9 with Vue nodes goes on showing the element of a node that undo has just replaced by a new one.
  takePlace() {
    if (!this.node.graph || !selectors.has(this)) return;
    const root = this.view.root;
    const key = keyOf(this.node);
    if (!root.isConnected) {
      const old = [...document.querySelectorAll(".ifedit-strip")].find((each) => each.dataset.node === key);
      old?.replaceWith(root);
    }
    root.dataset.node = key;
  }

  lose() {
    remember(this.node, null);
    this.show(null, GONE);
  }

  show(strip, emptyText) {
    this.strip = strip;
    this.view.showStrip(strip ? withAddresses(strip) : null, emptyText);
    this.refresh();
  }

  refresh() {
    if (!this.node.graph) return; // it is being made, or was removed
    this.takePlace();
    const holder = this.frameHolder();
    const value = Number(holder?.widget.value ?? AUTOMATIC);
    this.view.showChoice(value < 0 ? AUTOMATIC : value, !holder);
    this.refreshSeeds();
  }

  // --- the choice ----------------------------------------------------------------------------------------------------

  frameHolder() {
    const place = placesOf(this.node.graph)[0] ?? { graph: this.node.graph, hosts: [] };
    return holderOf(place, this.node, "frame");
  }

  choose(number) {
    if (!this.node.graph) return;
    const holder = this.frameHolder();
    if (holder) asOneChange(() => write(holder, number));
    this.refresh();
  }

  // --- seeds upstream ------------------------------------------------------------------------------------------------

  refreshSeeds() {
    if (!this.strip) return this.view.showSeeds("", "");
    this.fetchPrompt();
    const { changing, changed } = this.seedsOfConcern();
    if (changing.length) {
      const names = titles(changing);
      const verb = changing.length > 1 ? "change" : "changes";
      this.seedNote = "";
      this.view.showSeeds(`Seed of ${names} ${verb} each time: everything runs again.`, fixLabel(changing));
    } else if (changed.length) {
      const names = titles(changed);
      const text = `Seed of ${names} is no longer that of these frames: everything runs again.`;
      this.view.showSeeds(text, "Take their seed again");
    } else {
      this.view.showSeeds(this.seedNote ?? "", "");
    }
  }

  seedsOfConcern() {
    const seeds = upstreamSeeds(this.node);
    const used = prompts.get(this.strip?.prompt);
    const changing = seeds.filter((seed) => seed.changes);
    const changed = seeds.filter((seed) => {
      const value = usedValue(used, seed);
      return value !== undefined && value !== seed.holder.widget.value;
    });
    return { changing, changed: changed.filter((seed) => !changing.includes(seed)) };
  }

  async fixSeeds() {
    await this.fetchPrompt();
    const { changing, changed } = this.seedsOfConcern();
    const used = prompts.get(this.strip?.prompt);
    const unknown = [];
    asOneChange(() => {
      for (const seed of [...changing, ...changed]) {
        if (seed.control.value !== "fixed") write({ node: seed.holder.node, widget: seed.control }, "fixed");
        const value = usedValue(used, seed);
        if (value === undefined) unknown.push(seed);
        else if (value !== seed.holder.widget.value) write(seed.holder, value);
      }
    });
    this.seedNote = unknown.length
      ? `Fixed, but the seed of these frames is not known any more: the next run makes a new video, then it stays.`
      : "Seed fixed as in these frames: only this node and what follows run again.";
    this.refresh();
  }

  // The prompt that made these frames, from the server's history, which gets it a moment after the run has ended.
  fetchPrompt() {
    const id = this.strip?.prompt;
    if (!id || prompts.has(id) || id === runningPrompt) return Promise.resolve();
    if (this.asked?.id !== id) this.asked = { id, answered: this.askForPrompt(id) };
    return this.asked.answered;
  }

  async askForPrompt(id) {
    let prompt = null;
    for (let attempt = 0; attempt < ATTEMPTS && !prompt; attempt++) {
      if (attempt) await new Promise((done) => setTimeout(done, PAUSE));
      try {
        const answer = await api.fetchApi(`/history/${id}`);
        prompt = answer.ok ? (await answer.json())[id]?.prompt?.[2] : null;
      } catch (error) {
        console.warn("IF-Edit: ComfyUI's history could not be read", error);
      }
    }
    prompts.set(id, prompt ?? null); // null: no longer known
    this.refresh();
  }
}

// --- helpers --------------------------------------------------------------------------------------------------------

function frameWidget(node) {
  return node.widgets?.find((widget) => widget.name === "frame");
}

// Workflows and subgraphs have ids of their own, so this names a node the same way each time its workflow is loaded.
function keyOf(node) {
  return MEMORY + [node.graph?.rootGraph?.id, node.graph?.id, node.id].join("/");
}

function remember(node, strip) {
  try {
    if (strip) sessionStorage.setItem(keyOf(node), JSON.stringify(strip));
    else sessionStorage.removeItem(keyOf(node));
  } catch (error) {
    console.warn("IF-Edit: the filmstrip will not survive a reload", error); // no room, or no storage allowed
  }
}

function recall(node) {
  try {
    return JSON.parse(sessionStorage.getItem(keyOf(node)));
  } catch {
    return null;
  }
}

function titles(seeds) {
  return [...new Set(seeds.map((seed) => seed.title))].join(", ");
}

function fixLabel(seeds) {
  return seeds.length > 1 ? "Fix the seeds" : "Fix the seed";
}

function usedValue(prompt, seed) {
  const values = seed.readers.map(({ id, input }) => prompt?.[id]?.inputs?.[input]);
  return values.find((value) => ["number", "string"].includes(typeof value));
}

// As if the person had typed it: other extensions, undo and both kinds of nodes take notice.
function write({ node, widget }, value) {
  const before = widget.value;
  widget.value = value;
  widget.callback?.(value, app.canvas, node);
  node.onWidgetChanged?.(widget.name, value, before, widget);
  node.setDirtyCanvas?.(true, true);
}

function asOneChange(work) {
  app.canvas?.emitBeforeChange?.();
  try {
    work();
  } finally {
    app.canvas?.emitAfterChange?.();
  }
}

// What is kept: numbers and file names, a few kilobytes; null for a message that is not complete.
function asStrip(payload, prompt) {
  const count = payload?.numbers?.length;
  if (!count || payload.thumbnails?.length !== count) return null;
  const curves = Object.entries(payload.curves ?? {}).filter(([, values]) => values?.length === count);
  const byHand = payload.chosen === payload.automatic ? null : payload.chosen; // first of the candidates, however good
  const rounded = curves.map(([name, values]) => [name, values.map((value) => Math.round(value * 1000) / 1000)]);
  return {
    prompt,
    numbers: payload.numbers,
    thumbnails: payload.thumbnails.map(asAddress),
    large: payload.large?.length === count ? payload.large.map(asAddress) : null,
    curves: Object.fromEntries(rounded),
    chosen: payload.chosen,
    automatic: payload.automatic,
    candidates: (payload.candidates ?? []).filter((number) => number !== byHand),
    reason: payload.reason ?? "",
    batch: payload.batch ?? 1,
  };
}

function asAddress({ filename, subfolder = "", type = "temp" }) {
  return [filename, subfolder, type];
}

function withAddresses(strip) {
  // An address of its own for each opening of the page: the browser may keep a picture that the server no longer has.
  const url = ([filename, subfolder, type]) =>
    api.apiURL(`/view?${new URLSearchParams({ filename, subfolder, type, opened: OPENED })}`);
  return { ...strip, thumbnails: strip.thumbnails.map(url), large: strip.large?.map(url) ?? null };
}
