// A photo with a box on it, as a piece of the page: a person draws, moves and resizes the box.
//
// It knows nothing of ComfyUI's graph. Boxes are { x, y, width, height } in pixels of the photo; one without width or
// height is the whole photo. It shows what it is told and reports what a person does:
//   onChange(box)      the box has changed, with every movement
//   onStart(), onEnd() around what is one change for a person
//   onLook()           the pointer or the keyboard comes in, a good moment to look whether the graph has changed

import { addStyleOnce, element } from "./elements.js";

const NEAR = 9; // px on the screen between pointer and edge up to which the edge is meant
const STEP = 0.01; // of the photo's longer side, for an arrow key
const WHOLE = { x: 0, y: 0, width: 0, height: 0 };

// The two last rules are for frontend 1.32.9 with Vue nodes, which gives a widget no more height than it needs, and does
// not hide widgets: a hidden box takes its row with it, and the four rows above, which are its numbers.
const STYLE = `
.ifedit-region { box-sizing: border-box; display: flex; flex-direction: column; gap: 4px; width: 100%; height: 100%;
  min-height: 200px; container-type: inline-size; padding: 2px; overflow: hidden; font: 12px/1.3 sans-serif;
  color: var(--input-text, #ddd); user-select: none; touch-action: none; --accent: #ffb000; }
.ifedit-region[hidden], .ifedit-region [hidden] { display: none !important; }
.ifedit-region-line { display: flex; align-items: center; gap: 8px; height: 34px; overflow: hidden; flex: none; }
.ifedit-region-line > span { flex: 1; min-width: 0; }
.ifedit-region-line button { flex: none; padding: 2px 9px; border-radius: 4px; cursor: pointer; font: inherit;
  color: inherit; background: var(--comfy-input-bg, #222); border: 1px solid var(--border-color, #555); }
.ifedit-region-line button:hover { border-color: var(--accent); }
.ifedit-region-stage { flex: 1; min-height: 0; display: flex; align-items: center; justify-content: center;
  overflow: hidden; container-type: size; border-radius: 4px; background: var(--comfy-input-bg, #1b1b1b); }
.ifedit-region-photo { position: relative; aspect-ratio: var(--aspect); width: min(100cqw, 100cqh * var(--aspect));
  overflow: hidden; cursor: crosshair; outline: none; }
.ifedit-region-photo img { display: block; width: 100%; height: 100%; pointer-events: none; }
.ifedit-region-photo:focus-visible .ifedit-region-box { border-color: #fff; }
.ifedit-region-box { position: absolute; box-sizing: border-box; border: 2px solid var(--accent);
  box-shadow: 0 0 0 9999px #0009; pointer-events: none; }
.ifedit-region-box i { position: absolute; width: 8px; height: 8px; margin: -5px; background: var(--accent); }
.ifedit-region-nothing { flex: 1; display: flex; align-items: center; justify-content: center; text-align: center;
  padding: 8px; border: 1px dashed var(--border-color, #555); border-radius: 4px; opacity: 0.85; }
.lg-node div:not(.flex) > .ifedit-region .ifedit-region-stage { min-height: min(100cqw / var(--aspect), 400px); }
.lg-node-widgets:has(.ifedit-region[hidden]) > .lg-node-widget:has(.ifedit-region, + * .ifedit-region,
  + * + * .ifedit-region, + * + * + * .ifedit-region, + * + * + * + * .ifedit-region) { display: none; }
`;

export class RegionBox {
  constructor(handlers) {
    addStyleOnce(STYLE);
    this.handlers = handlers;
    this.value = WHOLE;
    this.build();
  }

  // --- what the outside tells ----------------------------------------------------------------------------------------

  // address: of the photo, or null with a text that says why there is none
  showPhoto(address, emptyText = "") {
    this.emptyText = emptyText;
    if (address !== this.address) {
      this.address = address;
      if (address) this.image.src = address;
      else this.image.removeAttribute("src");
    }
    this.refresh();
  }

  // note: what a person should know besides; fixed: the box comes through a link, so that it cannot be changed here
  showBox(box, note = "", fixed = false) {
    this.value = box;
    this.note = note;
    this.fixed = fixed;
    this.refresh();
  }

  refresh() {
    const [width, height] = [this.image.naturalWidth, this.image.naturalHeight];
    const ready = Boolean(this.address && width && height);
    this.stage.hidden = !ready;
    this.nothing.hidden = ready;
    this.nothing.textContent = this.address ? "The photo cannot be shown." : (this.emptyText ?? "");
    const { x, y, width: wide, height: high } = this.value;
    const whole = wide <= 0 || high <= 0;
    this.box.hidden = whole;
    this.clear.hidden = whole || this.fixed;
    const text = whole ? "The whole photo: draw a box around what to edit." : `${wide} x ${high} px at x ${x}, y ${y}`;
    this.status.textContent = [text, this.note].filter(Boolean).join(" ");
    if (!ready) return;
    this.root.style.setProperty("--aspect", String(width / height));
    const percent = (part, all) => `${(100 * part) / all}%`;
    this.box.style.left = percent(x, width);
    this.box.style.top = percent(y, height);
    this.box.style.width = percent(wide, width);
    this.box.style.height = percent(high, height);
  }

  // --- the page ------------------------------------------------------------------------------------------------------

  build() {
    this.image = element("img", { alt: "the photo", draggable: false });
    this.image.onload = this.image.onerror = () => this.refresh();
    this.box = element("div", { className: "ifedit-region-box" });
    for (const [across, down] of [["left", "top"], ["right", "top"], ["left", "bottom"], ["right", "bottom"]]) {
      const corner = element("i");
      corner.style[across] = corner.style[down] = "0";
      this.box.append(corner);
    }
    this.photo = element("div", {
      className: "ifedit-region-photo",
      role: "group",
      tabIndex: 0,
      "aria-label": "Box on the photo. Arrow keys move it, with Shift they change its size, Delete takes the whole photo.",
    });
    this.photo.append(this.image, this.box);
    this.stage = element("div", { className: "ifedit-region-stage" }, this.photo);
    this.nothing = element("div", { className: "ifedit-region-nothing" });
    this.status = element("span", { role: "status" });
    this.clear = element("button", { type: "button", textContent: "whole photo" });
    this.clear.onclick = () => this.changeAtOnce(WHOLE);
    this.clear.addEventListener("pointerdown", (event) => event.stopPropagation()); // the node is not meant
    this.root = element("div", { className: "ifedit-region", role: "group", "aria-label": "Region to edit" });
    this.root.append(element("div", { className: "ifedit-region-line" }, this.status, this.clear));
    this.root.append(this.stage, this.nothing);

    this.photo.addEventListener("pointerdown", (event) => this.grab(event));
    this.photo.addEventListener("pointermove", (event) => this.drag(event));
    this.photo.addEventListener("lostpointercapture", () => this.drop());
    this.photo.addEventListener("keydown", (event) => this.press(event));
    this.root.addEventListener("pointerenter", () => this.handlers.onLook());
    this.root.addEventListener("focusin", () => this.handlers.onLook());
  }

  // --- the pointer ---------------------------------------------------------------------------------------------------

  // Where the pointer is, in pixels of the photo, and how many of them are one of the screen.
  locate(event) {
    const shown = this.photo.getBoundingClientRect(); // on the screen, so after any zoom of the canvas
    const scale = this.image.naturalWidth / shown.width;
    return { x: (event.clientX - shown.left) * scale, y: (event.clientY - shown.top) * scale, scale };
  }

  // What a pointer there would take hold of: sides of the box, all of it ("move"), or a new box ("draw").
  gripAt({ x, y, scale }) {
    const { x: left, y: top, width, height } = this.value;
    const near = NEAR * scale;
    const within = x > left - near && x < left + width + near && y > top - near && y < top + height + near;
    if (width <= 0 || height <= 0 || !within) return { draw: true };
    const side = (place, low, high) => {
      if (Math.min(Math.abs(place - low), Math.abs(place - high)) > near) return 0;
      return Math.abs(place - low) < Math.abs(place - high) ? -1 : 1;
    };
    const [across, down] = [side(x, left, left + width), side(y, top, top + height)];
    return across || down ? { across, down } : { move: true };
  }

  grab(event) {
    if (event.button !== 0) return;
    event.stopPropagation(); // ComfyUI would move the node
    event.preventDefault();
    this.photo.focus({ preventScroll: true });
    if (this.fixed) return;
    this.photo.setPointerCapture(event.pointerId);
    const start = this.locate(event);
    this.held = { start, grip: this.gripAt(start), box: this.value };
    this.handlers.onStart();
  }

  drag(event) {
    if (!this.held) {
      this.photo.style.cursor = this.fixed ? "default" : cursorFor(this.gripAt(this.locate(event)));
      return;
    }
    event.stopPropagation();
    const { start, grip, box } = this.held;
    const [x, y] = [this.locate(event).x - start.x, this.locate(event).y - start.y];
    if (grip.draw) this.change(between(start.x, start.y, start.x + x, start.y + y));
    else if (grip.move) this.change(this.moved(box, x, y));
    else this.change(resized(box, grip, x, y));
  }

  drop() {
    if (!this.held) return;
    this.held = null;
    this.handlers.onEnd();
  }

  // --- the keyboard --------------------------------------------------------------------------------------------------

  press(event) {
    const turns = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const clears = event.key === "Delete" || event.key === "Backspace";
    if (event.ctrlKey || event.metaKey || event.altKey || !(event.key in turns || clears)) return;
    event.preventDefault();
    event.stopPropagation(); // ComfyUI would move or delete the node
    if (this.fixed) return;
    if (clears) return this.changeAtOnce(WHOLE);
    const [width, height] = [this.image.naturalWidth, this.image.naturalHeight];
    const step = Math.max(1, STEP * Math.max(width, height));
    const [x, y] = turns[event.key].map((turn) => turn * step);
    const box = this.value;
    if (box.width <= 0 || box.height <= 0) {
      this.changeAtOnce({ x: width / 4, y: height / 4, width: width / 2, height: height / 2 }); // something to move
    } else {
      this.changeAtOnce(event.shiftKey ? resized(box, { across: 1, down: 1 }, x, y) : this.moved(box, x, y));
    }
  }

  // --- the box -------------------------------------------------------------------------------------------------------

  moved(box, x, y) {
    const room = (place, length, all) => Math.min(Math.max(0, place), Math.max(0, all - length));
    const left = room(box.x + x, box.width, this.image.naturalWidth);
    return { ...box, x: left, y: room(box.y + y, box.height, this.image.naturalHeight) };
  }

  changeAtOnce(box) {
    this.handlers.onStart();
    this.change(box);
    this.handlers.onEnd();
  }

  // Whole pixels inside of the photo.
  change(box) {
    const cut = (place, all) => Math.min(Math.max(0, Math.round(place)), all);
    const [width, height] = [this.image.naturalWidth, this.image.naturalHeight];
    const [left, top] = [cut(box.x, width), cut(box.y, height)];
    const [right, bottom] = [cut(box.x + box.width, width), cut(box.y + box.height, height)];
    const empty = right <= left || bottom <= top;
    this.handlers.onChange(empty ? WHOLE : { x: left, y: top, width: right - left, height: bottom - top });
  }
}

function between(x0, y0, x1, y1) {
  return { x: Math.min(x0, x1), y: Math.min(y0, y1), width: Math.abs(x1 - x0), height: Math.abs(y1 - y0) };
}

// The sides of the grip moved so far; beyond the opposite side the box turns over, it is never lost.
function resized(box, { across, down }, x, y) {
  const [right, bottom] = [box.x + box.width, box.y + box.height];
  const made = between(
    across < 0 ? box.x + x : box.x,
    down < 0 ? box.y + y : box.y,
    across > 0 ? right + x : right,
    down > 0 ? bottom + y : bottom,
  );
  return { ...made, width: Math.max(1, made.width), height: Math.max(1, made.height) };
}

function cursorFor({ draw, move, across, down }) {
  if (draw) return "crosshair";
  if (move) return "move";
  if (!down) return "ew-resize";
  if (!across) return "ns-resize";
  return across === down ? "nwse-resize" : "nesw-resize";
}
