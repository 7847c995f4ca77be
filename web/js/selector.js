// One filmstrip: what it shows of a Frame Selector, and what a click there writes.
//
// The node's output message brings the frames (if_edit_filmstrip, see nodes/progress.py); pictures are small files in
// ComfyUI's temp folder, fetched from its own /view; memory.js keeps their names.

import { api } from "../../../scripts/api.js";
import { app } from "../../../scripts/app.js";
import { editOnFrom } from "./edit_on.js";
import { chain } from "./elements.js";
import { AUTOMATIC, Filmstrip } from "./filmstrip.js";
import { asOneChange, forget, keepFromPromotion, leaveOut, write } from "./graph_changes.js";
import { pictureAddress, recall, remember } from "./memory.js";
import { takePlace } from "./page.js";
import { executionId, holderOf, placesOf, upstreamSeeds } from "./upstream_seeds.js";

const NAME = "filmstrip"; // of the widget
const MIN_HEIGHT = 260;
const START_SIZE = [520, 620];
const HOST_WIDTH = 300; // of a subgraph node, at least
const ATTEMPTS = 5; // to read the history of a run that has just ended
const PAUSE = 250; // ms between them

const RUN_ONCE = "Run once to see the frames.";
const GONE = `The pictures of the last run are gone (ComfyUI empties its temp folder when it starts). ${RUN_ONCE}`;

export const selectors = new Set(); // those on the page
const prompts = new Map(); // executed prompts by their id
let runningPrompt = null;

// id: of the prompt that runs from now on; null: none does
export function startRun(id) {
  runningPrompt = id;
}

export class Selector {
  // node: the Frame Selector. hosts: the subgraph nodes that lead to it from the one that shows the strip, that one
  // first; none for the strip on the Frame Selector itself.
  constructor(node, hosts = []) {
    this.node = node;
    this.hosts = hosts;
    this.view = new Filmstrip({
      onChoose: (number) => this.choose(number),
      onQueue: () => app.queuePrompt(0, 1),
      onFixSeeds: () => this.fixSeeds(),
      onMissing: () => this.lose(),
      onLook: () => this.refresh(),
      onEditOn: (place) => this.editOn(place),
    });
    selectors.add(this);
    if (hosts.length) return this.restore();
    this.addWidget();
    chain(frameWidget(node) ?? {}, "callback", () => this.refresh());
    const size = node.computeSize();
    node.setSize([Math.max(size[0], START_SIZE[0]), Math.max(size[1], START_SIZE[1])]);
    this.show(null, RUN_ONCE);
  }

  // The node that shows the strip.
  get holder() {
    return this.hosts[0] ?? this.node;
  }

  isOf(node, hosts) {
    const same = this.node === node && this.hosts.length === hosts.length;
    return same && hosts.every((host, place) => this.hosts[place] === host);
  }

  addWidget() {
    const taken = new Set(this.holder.widgets?.map((widget) => widget.name));
    let name = NAME;
    for (let count = 2; taken.has(name); count++) name = `${NAME} ${count}`;
    this.widget = this.holder.addDOMWidget(name, "if_edit_filmstrip", this.view.root, {
      serialize: false, // not part of the prompt
      hideOnZoom: false,
      hideInPanel: true, // the element can be in one place only
      selectOn: [], // a click on a frame would otherwise lift the node above its neighbors
      getMinHeight: () => MIN_HEIGHT,
    });
    this.widget.serialize = false; // nor of the saved workflow's widget values
    keepFromPromotion(this.widget, this.holder);
  }

  // On a subgraph node: shows the strip there, again if ComfyUI has made the node's widgets anew.
  putOn() {
    if (this.holder.widgets?.includes(this.widget)) return;
    this.widget?.onRemove?.();
    this.addWidget();
    leaveOut(this.holder, this.widget);
    const size = this.holder.computeSize();
    this.holder.setSize([
      Math.max(this.holder.size[0], HOST_WIDTH),
      Math.max(this.holder.size[1], size[1]),
    ]);
    this.holder.setDirtyCanvas?.(true, true);
  }

  takeOff() {
    this.removed();
    if (this.holder.widgets?.includes(this.widget)) {
      forget(this.widget);
      this.holder.removeWidget(this.widget);
    }
    this.holder.setDirtyCanvas?.(true, true);
  }

  added() {
    selectors.add(this);
  }

  removed() {
    selectors.delete(this);
    this.view.hide();
  }

  // Where the Frame Selector is. A subgraph can be used several times; its own strip shows the first use.
  place() {
    const outer = placesOf(this.holder.graph)[0] ?? { graph: this.holder.graph, hosts: [] };
    return { graph: this.node.graph, hosts: [...outer.hosts, ...this.hosts] };
  }

  // The id under which it runs; null while it is in no graph.
  id() {
    return this.isThere() ? executionId(this.place(), this.node) : null;
  }

  // --- the frames ----------------------------------------------------------------------------------------------------

  receive(payload) {
    const strip = asStrip(payload, runningPrompt);
    if (!strip) return;
    remember(this.key(), strip);
    this.seedNote = "";
    this.show(strip);
  }

  restore() {
    this.show(recall(this.key()) ?? this.takeOver(), RUN_ONCE);
    setTimeout(() => this.takePlace(), 300);
  }

  // What another strip shows of the same node, perhaps from before it was put into a subgraph.
  takeOver() {
    const strip = [...selectors].find((other) => other.node === this.node && other.strip)?.strip ?? null;
    if (strip) remember(this.key(), strip);
    return strip;
  }

  isThere() {
    return Boolean(this.node.graph && this.holder.graph && selectors.has(this));
  }

  // Workflows and subgraphs have ids of their own, so this names a node the same way each time its workflow is loaded.
  key() {
    return this.holder.graph ? `filmstrip:${this.holder.graph.rootGraph?.id}/${this.id()}` : "";
  }

  takePlace() {
    if (this.isThere()) takePlace(this.view.root, `${this.key()}@${this.holder.id}`);
  }

  lose() {
    remember(this.key(), null);
    this.show(null, GONE);
  }

  show(strip, emptyText) {
    this.strip = strip;
    this.view.showStrip(strip ? withAddresses(strip) : null, emptyText);
    this.refresh();
  }

  refresh() {
    if (!this.isThere()) return; // it is being made, or was removed
    this.takePlace();
    const holder = this.frameHolder();
    const value = Number(holder?.widget.value ?? AUTOMATIC);
    this.view.showChoice(value < 0 ? AUTOMATIC : value, !holder);
    this.refreshSeeds();
  }

  // --- the choice ----------------------------------------------------------------------------------------------------

  frameHolder() {
    return holderOf(this.place(), this.node, "frame");
  }

  choose(number) {
    if (!this.isThere()) return;
    const holder = this.frameHolder();
    if (holder) asOneChange(() => write(holder, number));
    for (const selector of selectors) if (selector.node === this.node) selector.refresh();
  }

  async editOn(place) {
    const number = this.strip.numbers[place];
    const address = this.view.pictureOf(place);
    const done = await editOnFrom(address, number, this.place(), this.node, this.frameHolder());
    this.view.showNotice(done);
  }

  // text: what the node says while it runs
  tell(text) {
    this.view.showNotice(text);
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
  const url = ([filename, subfolder, type]) => pictureAddress({ filename, subfolder, type });
  return { ...strip, thumbnails: strip.thumbnails.map(url), large: strip.large?.map(url) ?? null };
}
