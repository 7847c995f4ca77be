// Two pictures, one over the other, as a piece of the page: a slider uncovers them.
//
// It knows nothing of ComfyUI's graph. It shows what it is told and reports what it cannot show:
//   onMissing()        a picture is no longer on the server

import { addStyleOnce, element } from "./elements.js";

const STEP = 2; // percent for an arrow key
const LEAP = 10; // percent for Page Up and Page Down, and for an arrow key with Shift
const SQUEEZED = 0.03; // log of the aspects' ratio up to which a photo was squeezed into its edit (see fit.py, NEAR)

// The two last lines are for frontend 1.32.9 with Vue nodes, which gives a widget no more height than it needs, and shows
// the edit once more below it.
const STYLE = `
.ifedit-compare { box-sizing: border-box; display: flex; flex-direction: column; gap: 4px; width: 100%; height: 100%;
  min-height: 200px; container-type: inline-size; padding: 2px; overflow: hidden; font: 12px/1.3 sans-serif;
  color: var(--input-text, #ddd); user-select: none; touch-action: none; --accent: #ffb000; }
.ifedit-compare [hidden] { display: none !important; }
.ifedit-pairs { display: flex; justify-content: center; align-items: center; gap: 8px; flex: none; }
.ifedit-pairs button { padding: 2px 9px; border-radius: 4px; cursor: pointer; font: inherit; color: inherit;
  background: var(--comfy-input-bg, #222); border: 1px solid var(--border-color, #555); }
.ifedit-pairs button:hover:not(:disabled) { border-color: var(--accent); }
.ifedit-pairs button:disabled { opacity: 0.5; cursor: default; }
.ifedit-stage { flex: 1; min-height: 0; display: flex; align-items: center; justify-content: center; overflow: hidden;
  container-type: size; border-radius: 4px; background: var(--comfy-input-bg, #1b1b1b); }
.ifedit-both { position: relative; aspect-ratio: var(--aspect); width: min(100cqw, 100cqh * var(--aspect));
  overflow: hidden; cursor: ew-resize; outline: none; }
.ifedit-both img { position: absolute; inset: 0; width: 100%; height: 100%; object-fit: contain;
  pointer-events: none; }
.ifedit-both img.squeezed { object-fit: fill; }
.ifedit-before { clip-path: inset(0 calc(100% - var(--place)) 0 0); }
.ifedit-after { clip-path: inset(0 0 0 var(--place)); }
.ifedit-divider { position: absolute; top: 0; bottom: 0; left: var(--place); width: 2px; margin-left: -1px;
  background: #fff; box-shadow: 0 0 3px #000; pointer-events: none; }
.ifedit-divider::after { content: "\\2039\\a0\\203a"; position: absolute; top: 50%; left: 50%; width: 26px; height: 26px;
  transform: translate(-50%, -50%); border-radius: 50%; background: #fff; color: #222; box-shadow: 0 0 4px #000a;
  font: bold 16px/23px sans-serif; text-align: center; }
.ifedit-both:focus-visible .ifedit-divider { background: var(--accent); }
.ifedit-both:focus-visible .ifedit-divider::after { outline: 3px solid var(--accent); }
.ifedit-side { position: absolute; top: 6px; padding: 1px 6px; border-radius: 3px; background: #000a; color: #fff;
  font-size: 11px; pointer-events: none; }
.ifedit-side.left { left: 6px; }
.ifedit-side.right { right: 6px; }
.ifedit-nothing { flex: 1; display: flex; align-items: center; justify-content: center; text-align: center;
  padding: 8px; border: 1px dashed var(--border-color, #555); border-radius: 4px; opacity: 0.85; }
.lg-node div:not(.flex) > .ifedit-compare .ifedit-stage { min-height: min(100cqw / var(--aspect), 400px); }
.lg-node:has(.ifedit-compare) .lg-node-content:has(.image-preview) { display: none; }
`;

export class Comparison {
  constructor(handlers) {
    addStyleOnce(STYLE);
    this.handlers = handlers;
    this.pairs = [];
    this.shown = 0; // which pair
    this.build();
    this.moveTo(50);
  }

  // pairs: [[before, after], ...], addresses of pictures; [] with a text that says why there are none
  showPairs(pairs, emptyText = "") {
    this.pairs = pairs;
    this.nothing.textContent = emptyText;
    this.nothing.hidden = pairs.length > 0;
    this.stage.hidden = !pairs.length;
    this.showPair(Math.min(this.shown, Math.max(0, pairs.length - 1)));
  }

  // place: 0 shows all of the edit, 100 all of the photo
  moveTo(place) {
    this.place = Math.min(100, Math.max(0, place));
    this.both.style.setProperty("--place", `${this.place}%`);
    this.both.setAttribute("aria-valuenow", String(Math.round(this.place)));
    this.both.setAttribute("aria-valuetext", `${Math.round(this.place)} % before`);
    this.leftSide.hidden = this.place < 15; // the labels go with what they name
    this.rightSide.hidden = this.place > 85;
  }

  // --- the page ------------------------------------------------------------------------------------------------------

  build() {
    this.before = element("img", { className: "ifedit-before", alt: "before", draggable: false });
    this.after = element("img", { className: "ifedit-after", alt: "after", draggable: false });
    for (const image of [this.before, this.after]) {
      image.onload = () => this.learnAspects();
      image.onerror = () => this.handlers.onMissing();
    }
    this.leftSide = element("span", { className: "ifedit-side left", textContent: "before" });
    this.rightSide = element("span", { className: "ifedit-side right", textContent: "after" });
    this.both = element("div", {
      className: "ifedit-both",
      role: "slider",
      tabIndex: 0,
      "aria-label": "Before and after",
      "aria-valuemin": "0",
      "aria-valuemax": "100",
    });
    this.both.append(this.after, this.before, this.leftSide, this.rightSide);
    this.both.append(element("div", { className: "ifedit-divider" }));
    this.previous = element("button", { type: "button", textContent: "\u2039", "aria-label": "previous pair" });
    this.next = element("button", { type: "button", textContent: "\u203a", "aria-label": "next pair" });
    this.previous.onclick = () => this.showPair(this.shown - 1);
    this.next.onclick = () => this.showPair(this.shown + 1);
    this.count = element("span", { role: "status" });
    this.pager = element("div", { className: "ifedit-pairs" }, this.previous, this.count, this.next);
    this.stage = element("div", { className: "ifedit-stage" }, this.both);
    this.nothing = element("div", { className: "ifedit-nothing" });
    this.root = element("div", { className: "ifedit-compare", role: "group", "aria-label": "Before and after" });
    this.root.append(this.pager, this.stage, this.nothing);

    this.both.addEventListener("pointerdown", (event) => this.grab(event));
    this.both.addEventListener("pointermove", (event) => this.drag(event));
    this.both.addEventListener("keydown", (event) => this.press(event));
    for (const button of [this.previous, this.next]) {
      button.addEventListener("pointerdown", (event) => event.stopPropagation()); // the node is not meant
    }
  }

  showPair(place) {
    this.shown = place;
    this.pager.hidden = this.pairs.length < 2;
    this.count.textContent = `${place + 1} of ${this.pairs.length}`;
    this.previous.disabled = place === 0;
    this.next.disabled = place >= this.pairs.length - 1;
    const [before, after] = this.pairs[place] ?? [];
    for (const [image, address] of [[this.before, before], [this.after, after]]) {
      if (address) image.src = address;
      else image.removeAttribute("src");
    }
  }

  // Both lie in a frame of the edit's shape; a photo of nearly that shape was squeezed to it, and is here, too.
  learnAspects() {
    const [before, after] = [this.before, this.after].map((image) => image.naturalWidth / image.naturalHeight);
    if (!(before > 0 && after > 0)) return;
    this.root.style.setProperty("--aspect", String(after));
    this.before.classList.toggle("squeezed", Math.abs(Math.log(before / after)) <= SQUEEZED);
  }

  // --- the slider ----------------------------------------------------------------------------------------------------

  grab(event) {
    if (event.button !== 0) return;
    event.stopPropagation(); // ComfyUI would move the node
    event.preventDefault();
    this.both.focus({ preventScroll: true });
    this.both.setPointerCapture(event.pointerId);
    this.follow(event);
  }

  drag(event) {
    if (!this.both.hasPointerCapture(event.pointerId)) return;
    event.stopPropagation();
    this.follow(event);
  }

  follow(event) {
    const box = this.both.getBoundingClientRect(); // on the screen, so after any zoom of the canvas
    this.moveTo(((event.clientX - box.left) / box.width) * 100);
  }

  press(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const step = event.shiftKey ? LEAP : STEP;
    const places = {
      ArrowLeft: this.place - step,
      ArrowDown: this.place - step,
      ArrowRight: this.place + step,
      ArrowUp: this.place + step,
      PageDown: this.place - LEAP,
      PageUp: this.place + LEAP,
      Home: 0,
      End: 100,
    };
    if (!(event.key in places)) return;
    event.preventDefault();
    event.stopPropagation(); // ComfyUI would move the node, or go through its pictures
    this.moveTo(places[event.key]);
  }
}
