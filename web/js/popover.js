// What floats above the page. It stands in an element of ours, and the browser draws it in its top layer: in pixels of
// the window, whatever scales, clips or fades that element.

import { addStyleOnce } from "./elements.js";

export const POPOVER = ".ifedit-popover";

// Against what browsers give a popover by themselves, and what it would inherit.
const STYLE = `
.ifedit-popover { position: fixed; inset: auto; box-sizing: border-box; width: max-content; height: auto;
  max-width: none; margin: 0; padding: 0; overflow: visible; border: 0; cursor: default; pointer-events: auto;
  text-align: left; white-space: normal; }
.ifedit-popover:not(:popover-open) { display: none !important; }
`;

export function makePopover(root) {
  addStyleOnce(STYLE);
  root.classList.add(POPOVER.slice(1));
  root.popover = "manual";
  keepFromNode(root);
  return root;
}

export function openPopover(root, host) {
  if (root.parentNode !== host) host.append(root);
  if (!root.matches(":popover-open")) root.showPopover();
}

// A press on it is not one on the node below, which would be selected or dragged. See canvas_pointer.js for the wheel.
function keepFromNode(root) {
  let pressed = false; // the release of a press that has opened it belongs to the node
  for (const kind of ["pointermove", "click", "dblclick", "contextmenu"]) {
    root.addEventListener(kind, (event) => event.stopPropagation());
  }
  root.addEventListener("pointerdown", (event) => {
    pressed = true;
    event.stopPropagation();
  });
  root.addEventListener("pointerup", (event) => {
    if (pressed) event.stopPropagation();
    pressed = false;
  });
}
