// Small things that the pack's widgets share.

import { app } from "../../../scripts/app.js";

// An HTML element with these properties (those that start with aria, and role, are attributes) and children.
export function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    name.startsWith("aria") || name === "role" ? made.setAttribute(name, value) : (made[name] = value);
  }
  made.append(...children);
  return made;
}

export function addStyleOnce(id, style) {
  if (document.getElementById(id)) return;
  document.head.append(element("style", { id, textContent: style }));
}

// `extra` runs after what the object's function `name` has done so far.
export function chain(object, name, extra) {
  const before = object[name];
  object[name] = function (...given) {
    const result = before?.apply(this, given);
    extra.apply(this, given);
    return result;
  };
}

// On the canvas a widget's element lies over it: the wheel and the middle button are meant for the canvas below.
export function forwardToCanvas(root) {
  const onCanvas = () => app.canvas && !root.closest(".lg-node");
  root.addEventListener("wheel", (event) => onCanvas() && app.canvas.processMouseWheel(event), { passive: false });
  root.addEventListener("pointerdown", (event) => {
    if (event.button === 1 && onCanvas()) app.canvas.processMouseDown(event);
  });
  root.addEventListener("pointermove", (event) => {
    if (event.buttons & 4 && onCanvas()) app.canvas.processMouseMove(event);
  });
  root.addEventListener("pointerup", (event) => {
    if (event.button === 1 && onCanvas()) app.canvas.processMouseUp(event);
  });
}

// Frontend 1.32.9 with Vue nodes goes on showing the element of a node that undo has just replaced by a new one.
// key: names the node the same way each time its workflow is loaded.
export function takePlace(root, key) {
  if (!root.isConnected) {
    const old = [...document.getElementsByClassName(root.className)].find((each) => each.dataset.node === key);
    old?.replaceWith(root);
  }
  root.dataset.node = key;
}
