// What a pointer does over an element of ours that lies on the canvas: the wheel turns the element and not the canvas,
// and the middle button pans, as it does beside the element.

import { app } from "../../../scripts/app.js";
import { POPOVER } from "./popover.js";

const ON_CANVAS = ".dom-widget, .lg-node"; // what holds the element of a widget there; in an app, nothing does
const MIDDLE = 1; // event.button
const MIDDLE_HELD = 4; // in event.buttons
const turned = new WeakMap(); // element -> what a turn of the wheel does there

// turn(event) says whether it has used the event. One that it has not used does nothing on the canvas either.
export function takeWheel(element, turn) {
  element.dataset.ifeditWheel = "";
  turned.set(element, turn);
}

// In the capture phase and at the window: ComfyUI too listens in that phase, above all that lies on the canvas, and
// newer frontends heed data-capture-wheel only while the focus is inside.
window.addEventListener(
  "wheel",
  (event) => {
    if (popoverOf(event)) return event.stopPropagation();
    const element = event.target instanceof Element ? event.target.closest("[data-ifedit-wheel]") : null;
    if (!element || event.ctrlKey || event.metaKey) return; // a pinch zooms
    if (!turned.get(element)?.(event) && !element.closest(ON_CANVAS)) return; // an app's page scrolls
    event.preventDefault();
    event.stopPropagation();
  },
  { capture: true, passive: false },
);

// What floats above the canvas has nothing to do with it.
for (const kind of ["pointerdown", "pointermove", "pointerup"]) {
  const hold = (event) => {
    const isMiddle = event.button === MIDDLE || event.buttons & MIDDLE_HELD;
    if (isMiddle && popoverOf(event)) event.stopPropagation();
  };
  window.addEventListener(kind, hold, { capture: true });
}

function popoverOf(event) {
  return event.target instanceof Element ? event.target.closest(POPOVER) : null;
}

// Vue nodes hand the middle button on by themselves. An element above the canvas has to.
export function panThrough(element) {
  const onCanvas = () => element.closest(".dom-widget");
  element.addEventListener("pointerdown", (event) => {
    if (event.button === MIDDLE && onCanvas()) app.canvas.processMouseDown(event);
  });
  element.addEventListener("pointermove", (event) => {
    if (event.buttons & MIDDLE_HELD && onCanvas()) app.canvas.processMouseMove(event);
  });
  element.addEventListener("pointerup", (event) => {
    if (event.button === MIDDLE && onCanvas()) app.canvas.processMouseUp(event);
  });
}
