// How an element of ours takes its place in ComfyUI's page.

import { app } from "../../../scripts/app.js";
import { panThrough } from "./canvas_pointer.js";

// On the canvas a widget's element lies over it: the wheel and the middle button are meant for the canvas below.
// Vue nodes hand both on by themselves, and in an app there is no canvas: its page scrolls.
export function forwardToCanvas(root) {
  const zoom = (event) => root.closest(".dom-widget") && app.canvas.processMouseWheel(event);
  root.addEventListener("wheel", zoom, { passive: false });
  panThrough(root);
}

// Frontend 1.32.9 with Vue nodes goes on showing the element of a node that undo has just replaced by a new one.
// key: names the node the same way each time its workflow is loaded.
export function takePlace(root, key) {
  if (!root.isConnected) {
    const old = [...document.getElementsByClassName(root.classList[0])].find((each) => each.dataset.node === key);
    old?.replaceWith(root);
  }
  root.dataset.node = key;
}
