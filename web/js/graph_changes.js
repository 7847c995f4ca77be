// Changes of the graph as a person would make them, and widgets of ours that stay out of it.

import { app } from "../../../scripts/app.js";
import { chain } from "./elements.js";

// As if the person had typed it: other extensions, undo and both kinds of nodes take notice.
export function write({ node, widget }, value) {
  const before = widget.value;
  widget.value = value;
  widget.callback?.(value, app.canvas, node);
  node.onWidgetChanged?.(widget.name, value, before, widget);
  node.setDirtyCanvas?.(true, true);
}

export function asOneChange(work) {
  app.canvas?.emitBeforeChange?.();
  try {
    work();
  } finally {
    app.canvas?.emitAfterChange?.();
  }
}

// ComfyUI offers all widgets in a subgraph for promotion, except disabled ones. Ours cannot be promoted; nobody sees
// that it is disabled, because that is so only while another graph is open.
export function keepFromPromotion(widget, node) {
  Object.defineProperty(widget, "computedDisabled", {
    get: () => Boolean(node.graph && app.canvas?.graph && node.graph !== app.canvas.graph),
    set: () => {},
    configurable: true,
  });
}

// Frontend 1.32.9 lists all widgets of a subgraph node, in the saved workflow too, as if each came from a node in it.
export function leaveOut(host, widget) {
  const listed = Object.getOwnPropertyDescriptor(host.properties, "proxyWidgets");
  if (!listed?.get) return;
  const others = () => listed.get().filter(([id, name]) => id !== "-1" || name !== widget.name);
  Object.defineProperty(host.properties, "proxyWidgets", { ...listed, get: others });
  chain(host, "onSerialize", ({ widgets_values: values }) => {
    const place = host.widgets.indexOf(widget);
    if (place >= 0 && place < values?.length) values.splice(place, 1);
  });
}

// To be called before a widget is removed. Frontend 1.58.1 draws Vue nodes by a list of all widgets and takes removed
// ones out of it, but not those of subgraph nodes: they stay in sight until something else about the node changes.
export function forget(widget) {
  widget.releaseRegisteredState?.();
}
