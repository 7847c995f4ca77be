// What a node of ours says while it runs and when it has ended, as text under it, until it says something else.
//
// ComfyUI has such texts too, but Nodes 2.0 takes them away when the run has ended. So these come as a message of our
// own (see nodes/progress.py), into a widget that is there from the beginning: frontend 1.32.9 with Vue nodes misses
// what is added later. memory.js keeps the texts for a reload.

import { api } from "../../../scripts/api.js";
import { app } from "../../../scripts/app.js";
import { takeWheel, panThrough } from "./canvas_pointer.js";
import { addStyleOnce, chain, element } from "./elements.js";
import { keepFromPromotion } from "./graph_changes.js";
import { recall, remember } from "./memory.js";
import { executionId, findExecuted, placesOf } from "./upstream_seeds.js";

const EVENT = "if_edit.text";
const NODES = new Set([
  "IFEdit_EditSampler",
  "IFEdit_FitImageForWan",
  "IFEdit_RestoreEdit",
  "IFEdit_StartImageToVideo",
  "IFEdit_StillVideoRefiner",
  "IFEdit_TemporalCaption",
  "IFEdit_TemporalLatentDropout",
]);
const WARNING_STAYS = 15000; // ms
const MARGIN = 6; // px of the graph, around the text on a canvas node
const LINE = 16; // px, height of one
const LETTER = 6.2; // px, width of one on average
const MOST_LINES = 7; // more can be scrolled to
const STYLE = `
.ifedit-report { box-sizing: border-box; width: 100%; max-height: ${MOST_LINES * LINE + 10}px; padding: 4px 6px;
  overflow-y: auto; white-space: pre-wrap; overflow-wrap: anywhere; contain: inline-size; border-radius: 4px;
  font: 12px/${LINE}px sans-serif; color: var(--input-text, #ddd); background: var(--comfy-input-bg, #1b1b1b);
  user-select: text; scrollbar-width: thin; }
.ifedit-report:empty { display: none; }
`;

app.registerExtension({
  name: "ifedit.NodeReports",

  setup() {
    api.addEventListener(EVENT, ({ detail }) => show(detail));
  },

  beforeRegisterNodeDef(nodeType, nodeData) {
    if (!NODES.has(nodeData.name)) return;
    chain(nodeType.prototype, "onNodeCreated", function () {
      this.ifEditReport = new Report(this);
    });
    chain(nodeType.prototype, "onConfigure", function () {
      this.ifEditReport?.restore();
    });
  },
});

function show({ node: id, text, warning }) {
  if (warning) {
    app.extensionManager.toast.add({ severity: "warn", summary: "IF-Edit", detail: text, life: WARNING_STAYS });
  }
  const root = app.rootGraph ?? app.graph;
  const node = findExecuted(root, id)?.node;
  if (node?.ifEditReport) node.ifEditReport.show(text, id);
  else node?.ifEditSelector?.tell(text); // the Frame Selector has a line of its own
}

class Report {
  constructor(node) {
    addStyleOnce(STYLE);
    this.node = node;
    this.text = element("div", { className: "ifedit-report", role: "status" });
    takeWheel(this.text, (event) => this.turn(event));
    panThrough(this.text);
    this.widget = node.addDOMWidget("if_edit_report", "if_edit_report", this.text, {
      serialize: false, // not part of the prompt
      hideOnZoom: false,
      hideInPanel: true,
      margin: MARGIN,
      selectOn: [],
    });
    this.widget.serialize = false; // nor of the saved workflow's widget values
    this.widget.computeLayoutSize = undefined; // it takes no share of spare room
    this.widget.computeSize = (width) => [width ?? 0, this.height()];
    keepFromPromotion(this.widget, node);
  }

  show(text, id) {
    this.put(text);
    remember(this.key(id), text);
  }

  restore() {
    const place = this.node.graph && placesOf(this.node.graph)[0];
    if (place) this.put(recall(this.key(executionId(place, this.node))) ?? "");
  }

  put(text) {
    this.text.textContent = text;
    const [, height] = this.node.computeSize();
    if (this.node.size[1] < height) this.node.setSize([this.node.size[0], height]);
    this.node.setDirtyCanvas?.(true, true);
  }

  key(id) {
    const graph = this.node.graph;
    return `report:${(graph?.rootGraph ?? graph)?.id}/${id}`;
  }

  // On a canvas node, which is not laid out by the page: so much as the text needs.
  height() {
    const text = this.text.textContent;
    if (!text) return 0;
    const letters = Math.max(10, (this.node.size[0] - 2 * MARGIN - 16) / LETTER);
    const lines = text.split("\n").reduce((sum, line) => sum + Math.max(1, Math.ceil(line.length / letters)), 0);
    return Math.min(lines, MOST_LINES) * LINE + 10 + 2 * MARGIN;
  }

  turn(event) {
    if (this.text.scrollHeight <= this.text.clientHeight + 1) return false;
    this.text.scrollTop += event.deltaY;
    return true;
  }
}
