// Before and After in the browser: the pictures of the last run with a slider between them.
//
// ComfyUI's own slider (its ImageCompare) is drawn by its newer Vue nodes only, on the canvas it is a line of text, and
// no key moves it; so this one is ours, and the same everywhere. The node's message brings the names of files in
// ComfyUI's temp folder (if_edit_comparison, see nodes/compare.py).

import { app } from "../../../scripts/app.js";
import { Comparison } from "./comparison.js";
import { chain } from "./elements.js";
import { pictureAddress, recall, remember } from "./memory.js";
import { forwardToCanvas, takePlace } from "./page.js";

const NODE = "IFEdit_CompareImages";
const MIN_HEIGHT = 220;
const START_SIZE = [460, 420];

const RUN_ONCE = "Run once to see before and after.";
const GONE = `The pictures of the last run are gone (ComfyUI empties its temp folder when it starts). ${RUN_ONCE}`;

app.registerExtension({
  name: "ifedit.BeforeAndAfter",

  beforeRegisterNodeDef(nodeType, nodeData) {
    if (nodeData.name !== NODE) return;
    nodeType.prototype.onDrawBackground = () => {}; // which would show the edit once more, below the slider
    chain(nodeType.prototype, "onNodeCreated", function () {
      this.ifEditComparison = new Slider(this);
    });
    chain(nodeType.prototype, "onConfigure", function () {
      this.ifEditComparison?.restore();
    });
    chain(nodeType.prototype, "onExecuted", function (output) {
      this.ifEditComparison?.receive(output?.if_edit_comparison?.[0]);
    });
  },
});

class Slider {
  constructor(node) {
    this.node = node;
    node.hideOutputImages = true; // in newer Vue nodes
    this.view = new Comparison({ onMissing: () => this.lose() });
    const widget = node.addDOMWidget("comparison", "if_edit_comparison", this.view.root, {
      serialize: false, // not part of the prompt
      hideOnZoom: false,
      selectOn: [], // a click on the slider would otherwise lift the node above its neighbours
      getMinHeight: () => MIN_HEIGHT,
    });
    widget.serialize = false; // nor of the saved workflow's widget values
    widget.label = "before and after"; // in the panel of an app
    forwardToCanvas(this.view.root);
    const size = node.computeSize();
    node.setSize([Math.max(size[0], START_SIZE[0]), Math.max(size[1], START_SIZE[1])]);
    this.view.showPairs([], RUN_ONCE);
  }

  receive(files) {
    if (!files?.before?.length || !files.after?.length) return;
    remember(keyOf(this.node), files);
    this.show(files);
  }

  restore() {
    const files = recall(keyOf(this.node));
    if (files) this.show(files);
    setTimeout(() => this.takePlace(), 300);
  }

  show(files) {
    const count = Math.max(files.before.length, files.after.length);
    const pair = (place) => [files.before, files.after].map((some) => pictureAddress(some[some.length > 1 ? place : 0]));
    this.view.showPairs(Array.from({ length: count }, (_, place) => pair(place)));
    this.takePlace();
  }

  lose() {
    remember(keyOf(this.node), null);
    this.view.showPairs([], GONE);
  }

  takePlace() {
    if (this.node.graph) takePlace(this.view.root, keyOf(this.node)); // else it was removed
  }
}

// Workflows and subgraphs have ids of their own, so this names a node the same way each time its workflow is loaded.
function keyOf(node) {
  return "comparison:" + [node.graph?.rootGraph?.id, node.graph?.id, node.id].join("/");
}
