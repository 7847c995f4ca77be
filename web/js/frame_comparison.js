// Two pictures on top of each other: the pointer or the arrow keys move the line between them.

import { addStyleOnce, element } from "./elements.js";
import { makePopover, openPopover } from "./popover.js";

const STEP = 5; // percent, of an arrow key
const STYLE = `
.ifedit-frame-compare { inset: 0; width: auto; display: flex; align-items: center; justify-content: center;
  background: #000b; font: 13px/1.4 sans-serif; color: #fff; }
.ifedit-frame-compare figure { position: relative; margin: 0; cursor: ew-resize; outline: none; --cut: 50%; }
.ifedit-frame-compare img { display: block; width: min(92vw, 1200px); max-height: 88vh; object-fit: contain; }
.ifedit-frame-compare img + img { position: absolute; inset: 0; height: 100%; clip-path: inset(0 0 0 var(--cut)); }
.ifedit-frame-compare figure::after { content: ""; position: absolute; top: 0; bottom: 0; left: var(--cut); width: 2px;
  margin-left: -1px; background: #fff; box-shadow: 0 0 4px #000; }
.ifedit-frame-compare span { position: absolute; top: 8px; padding: 2px 8px; border-radius: 4px; background: #000a; }
.ifedit-frame-compare .before { left: 8px; }
.ifedit-frame-compare .after { right: 8px; }
`;

// before, after: { address, label }; host: the element that they stand in. A click beside the pictures or Escape closes them; the focus goes back.
export function compare(before, after, host) {
  const focused = document.activeElement;
  const figure = element("figure", { tabIndex: 0, role: "slider", "aria-label": "Line between before and after" });
  for (const { address, label } of [before, after]) figure.append(element("img", { src: address, alt: label }));
  figure.append(element("span", { className: "before", textContent: before.label }));
  figure.append(element("span", { className: "after", textContent: after.label }));
  const dialog = { className: "ifedit-frame-compare", role: "dialog", "aria-modal": "true" };
  const root = makePopover(element("div", dialog, figure));
  addStyleOnce(STYLE);
  root.setAttribute("aria-label", `${before.label} and ${after.label}`);

  let cut = 50;
  const moveTo = (percent) => {
    cut = Math.min(100, Math.max(0, percent));
    figure.style.setProperty("--cut", `${cut}%`);
    figure.setAttribute("aria-valuenow", String(Math.round(cut)));
  };
  const close = () => {
    root.remove();
    focused?.focus?.({ preventScroll: true });
  };
  figure.addEventListener("pointermove", (event) => {
    const box = figure.getBoundingClientRect();
    moveTo((100 * (event.clientX - box.left)) / box.width);
  });
  root.addEventListener("click", (event) => figure.contains(event.target) || close());
  root.addEventListener("keydown", (event) => {
    event.stopPropagation();
    const step = { ArrowLeft: -STEP, ArrowRight: STEP }[event.key];
    if (step) moveTo(cut + step);
    if (event.key === "Escape") close();
  });
  moveTo(50);
  openPopover(root, host);
  figure.focus({ preventScroll: true });
}
