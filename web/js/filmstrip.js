// The filmstrip as a piece of the page: frames with their numbers, the measured curves below them, the choice framed.
//
// It knows nothing of ComfyUI's graph. It shows what it is told and reports what a person does:
//   onChoose(number)   a frame was chosen (-1: automatic)
//   onQueue()          double click or Enter: take it now
//   onFixSeeds()       the button beside the line about seeds
//   onMissing()        a picture is no longer on the server
//   onLook()           the pointer or the keyboard comes in, a good moment to look whether the graph has changed
//   onEditOn(place)    the frame at this place becomes the source of the next edit

import { panThrough, takeWheel } from "./canvas_pointer.js";
import { addStyleOnce, drawn, element } from "./elements.js";
import { compare } from "./frame_comparison.js";
import { FrameMenu } from "./frame_menu.js";
import { FramePreview } from "./frame_preview.js";

export const AUTOMATIC = -1;

const MIN_FRAME = 84; // px; smaller ones show too little to choose by
const TALL_FRAME = 128; // px; where the node is tall, but not wide enough for all frames
const NUMBER_HEIGHT = 18;
const MIN_CURVES = 52;
const PREVIEW_DELAY = 150; // ms, so that a pointer that passes by opens nothing
const PLAYING_TIME = 4000; // ms for all frames, within the limits below
const FASTEST = 120; // ms a frame
const SLOWEST = 600;
const PAUSE_AT_END = 900; // ms, before it plays again
const SAVING_TIME = 60_000; // ms that the browser has to save a frame
const MARKED = 1 / 3; // of the frames, at most: dots on nearly all of them would say nothing
const SCROLLBAR = 10;

// Colors that stay apart for color-blind eyes (after Okabe and Ito), and dashes for print.
const CURVES = {
  change: { label: "still to change", color: "#56b4e9", dash: "", hint: "difference from the last frame" },
  motion: { label: "motion", color: "#e69f00", dash: "6 3", hint: "movement from frame to frame" },
  sharpness: { label: "sharpness", color: "#2fc08f", dash: "2 3", hint: "against the sharpest frame" },
  drift: { label: "drift", color: "#cc79a7", dash: "8 3 2 3", hint: "change of what should stay: camera, exposure" },
};
const OTHER_CURVE = { color: "#999999", dash: "", hint: "" };

// The reel is laid out for the room it has and asks for none (contain: size). Otherwise it makes Vue nodes of frontend
// 1.32.9 swell and shrink for a second after each run, sizes that ComfyUI takes for changes to undo.
// .image-preview is the chosen picture, which Vue nodes make as wide as the node, so perhaps higher than the screen.
const STYLE = `
.ifedit-strip { box-sizing: border-box; display: flex; flex-direction: column; gap: 4px; width: 100%; height: 100%;
  min-height: 240px; contain: inline-size; padding: 2px; overflow: hidden; font: 12px/1.3 sans-serif;
  color: var(--input-text, #ddd); user-select: none; --accent: #ffb000; }
section > .ifedit-strip { height: 320px; padding: 8px 12px; }
.ifedit-strip [hidden] { display: none !important; }
.ifedit-line { display: flex; align-items: center; gap: 8px; min-height: 22px; flex: none; }
.ifedit-line > span { flex: 1; min-width: 0; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.ifedit-line > .ifedit-status, .ifedit-seeds > span { white-space: normal; overflow-wrap: anywhere; }
.ifedit-line > .ifedit-status { max-height: 6.5em; overflow-y: auto; }
.ifedit-seeds { padding: 3px 6px; border-radius: 4px; border-left: 3px solid var(--accent);
  background: rgba(255, 176, 0, 0.14); }
.ifedit-line button { flex: none; padding: 2px 9px; border-radius: 4px; cursor: pointer; font: inherit; color: inherit;
  background: var(--comfy-input-bg, #222); border: 1px solid var(--border-color, #555); }
.ifedit-line button:hover:not(:disabled) { border-color: var(--accent); }
.ifedit-line button[aria-pressed="true"] { border: 1px dashed var(--accent); color: var(--accent); }
.ifedit-line button:disabled { opacity: 0.5; cursor: default; }
.ifedit-warn { color: var(--accent); }
.ifedit-reel { position: relative; flex: 1; min-height: 0; overflow-x: auto; overflow-y: hidden; border-radius: 4px;
  background: var(--comfy-input-bg, #1b1b1b); scrollbar-width: thin; contain: size; }
.ifedit-inner { margin: 0 auto; }
.ifedit-frames { display: flex; }
.ifedit-frame { position: relative; flex: none; box-sizing: border-box; padding: 1px; cursor: pointer; outline: none; }
.ifedit-frame img { display: block; width: 100%; object-fit: contain; background: #0008; border-radius: 2px;
  -webkit-user-drag: none; }
.ifedit-number { display: flex; justify-content: center; align-items: center; gap: 3px; height: ${NUMBER_HEIGHT}px;
  font-variant-numeric: tabular-nums; white-space: nowrap; }
.ifedit-tag { padding: 0 3px; border-radius: 3px; font-size: 9px; line-height: 12px; color: var(--accent);
  border: 1px dashed var(--accent); }
.ifedit-frame.candidate .ifedit-number::before { content: ""; width: 5px; height: 5px; border-radius: 50%;
  background: currentColor; opacity: 0.8; }
.ifedit-frame.choice::after { content: ""; position: absolute; inset: 0; border-radius: 4px; pointer-events: none;
  border: 3px solid var(--accent); }
.ifedit-frame.choice.by-method::after { border-style: dashed; border-width: 2px; }
.ifedit-frame.choice.by-hand .ifedit-number { background: var(--accent); color: #000; font-weight: bold;
  border-radius: 0 0 3px 3px; }
.ifedit-frame:hover img { filter: brightness(1.15); }
.ifedit-frame:focus-visible::before { content: ""; position: absolute; inset: 3px; border: 2px solid #fff;
  outline: 2px solid #000; border-radius: 3px; pointer-events: none; z-index: 1; }
.ifedit-line button:focus-visible { outline: 2px solid #fff; outline-offset: 1px; }
.ifedit-strip.linked .ifedit-frame { cursor: default; }
.ifedit-curves { display: block; cursor: pointer; }
.ifedit-curves polyline { fill: none; stroke-width: 1.6; vector-effect: non-scaling-stroke; stroke-linejoin: round; }
.ifedit-legend { display: flex; flex-wrap: wrap; gap: 2px 12px; flex: none; font-size: 11px; opacity: 0.9; }
.ifedit-legend svg { width: 20px; height: 8px; margin-right: 4px; vertical-align: middle; }
.ifedit-empty { flex: 1; display: flex; align-items: center; justify-content: center; text-align: center; padding: 8px;
  border: 1px dashed var(--border-color, #555); border-radius: 4px; opacity: 0.85; }
.lg-node:has(.ifedit-strip) .image-preview img { max-height: 260px; object-fit: contain; }
.ifedit-frame.playing { box-shadow: inset 0 0 0 2px var(--input-text, #ddd); border-radius: 4px; }
`;

export class Filmstrip {
  constructor(handlers) {
    addStyleOnce(STYLE);
    this.handlers = handlers;
    this.strip = null; // what the last run has shown, see frame_selector.js
    this.value = AUTOMATIC;
    this.linked = false;
    this.frames = [];
    this.aspect = 16 / 9; // of the frames, until one of them is there
    this.build();
    this.observer = new ResizeObserver(() => {
      this.layOut();
      this.scrollToChoice();
    });
    this.observer.observe(this.reel);
  }

  // --- what the outside tells ----------------------------------------------------------------------------------------

  // strip: { numbers, thumbnails, large, curves, chosen, automatic, candidates, reason, batch } with picture addresses,
  // or null with a text that says why there is none.
  showStrip(strip, emptyText = "") {
    this.stop();
    this.hidePreview();
    this.notice = "";
    this.isFirst = !this.strip; // a later one stays where a person has scrolled it
    this.strip = strip;
    this.empty.textContent = emptyText;
    this.empty.hidden = Boolean(strip);
    this.reel.hidden = this.legend.hidden = !strip;
    this.playButton.hidden = !(strip?.numbers.length > 1);
    const hadFocus = this.list.contains(document.activeElement);
    this.frames = (strip?.numbers ?? []).map((number, place) => this.makeFrame(number, place));
    this.list.replaceChildren(...this.frames.map((frame) => frame.box));
    this.showLegend();
    this.layOut();
    this.showChoice(this.value, this.linked);
    this.scrollToChoice(this.isFirst);
    if (hadFocus) this.frames[this.current()]?.box.focus({ preventScroll: true });
  }

  // value: the frame widget's; linked: it comes through a link, so that nothing can be chosen here
  showChoice(value, linked) {
    this.value = value;
    this.linked = linked;
    this.root.classList.toggle("linked", linked);
    this.auto.setAttribute("aria-pressed", String(value === AUTOMATIC && !linked));
    this.auto.disabled = linked;
    const current = this.current();
    this.frames.forEach((frame, place) => {
      const chosen = place === current;
      const automatic = frame.number === this.strip.automatic;
      frame.box.classList.toggle("choice", chosen);
      frame.box.classList.toggle("by-hand", chosen && value !== AUTOMATIC);
      frame.box.classList.toggle("by-method", chosen && value === AUTOMATIC);
      frame.box.tabIndex = place === Math.max(current, 0) ? 0 : -1;
      frame.box.setAttribute("aria-selected", String(chosen));
      const notes = [`Frame ${frame.number}`];
      if (chosen) notes.push(value === AUTOMATIC ? "chosen automatically" : "chosen by hand");
      else if (automatic) notes.push("the automatic choice");
      else if (this.marked().includes(frame.number)) notes.push("among the best");
      frame.box.setAttribute("aria-label", notes.join(", "));
    });
    this.drawCurves();
    this.showStatus();
  }

  // text: "" hides the line; button: its label, "" for none
  showSeeds(text, button) {
    this.seeds.hidden = !text;
    this.seedsText.textContent = text;
    this.seedsButton.hidden = !button;
    this.seedsButton.textContent = button;
  }

  // text: what a person is told about something just done; it stays until the next choice or run
  showNotice(text) {
    this.notice = text;
    this.showStatus();
  }

  hide() {
    this.stop();
    this.hidePreview();
    this.menu.close();
  }

  remove() {
    this.hide();
    this.observer.disconnect();
  }

  // --- the page ------------------------------------------------------------------------------------------------------

  build() {
    this.status = element("span", { className: "ifedit-status", role: "status" });
    this.playButton = element("button", { type: "button", hidden: true, onclick: () => this.togglePlay() });
    this.auto = element("button", {
      type: "button",
      textContent: "auto",
      title: "Let the method choose again (frame = -1)",
      onclick: () => this.choose(AUTOMATIC),
    });
    this.seedsText = element("span", { role: "status" });
    this.seedsButton = element("button", { type: "button", onclick: () => this.handlers.onFixSeeds() });
    this.seeds = element("div", { className: "ifedit-line ifedit-seeds", hidden: true });
    this.seeds.append(this.seedsText, this.seedsButton);
    this.list = element("div", {
      className: "ifedit-frames",
      role: "listbox",
      "aria-label": "Frames of the video. Arrow keys choose, Enter chooses and runs, the space bar plays.",
      "aria-orientation": "horizontal",
    });
    this.curves = drawn("svg", { class: "ifedit-curves", "aria-hidden": "true" });
    this.inner = element("div", { className: "ifedit-inner" }, this.list, this.curves);
    this.reel = element("div", { className: "ifedit-reel", tabIndex: -1 }, this.inner);
    this.legend = element("div", { className: "ifedit-legend" });
    this.empty = element("div", { className: "ifedit-empty" });
    this.root = element("div", { className: "ifedit-strip", role: "group", "aria-label": "Frame selector" });
    this.root.append(element("div", { className: "ifedit-line" }, this.status, this.playButton, this.auto), this.seeds);
    this.root.append(this.reel, this.legend, this.empty);

    this.menu = new FrameMenu(this.root);
    this.preview = new FramePreview(this.root);
    this.showPlayButton();
    takeWheel(this.root, (event) => this.turn(event));
    panThrough(this.root);
    this.list.addEventListener("keydown", (event) => this.press(event));
    this.root.addEventListener("keydown", (event) => keepFromCanvas(event));
    this.root.addEventListener("keyup", (event) => keepFromCanvas(event));
    for (const kind of ["copy", "cut", "paste"]) {
      this.root.addEventListener(kind, (event) => event.stopPropagation()); // the canvas takes them for its nodes
    }
    this.root.addEventListener("pointerenter", () => this.handlers.onLook());
    this.root.addEventListener("focusin", () => this.handlers.onLook());
    this.root.addEventListener("pointerdown", () => this.hidePreview());
    this.reel.addEventListener("pointerleave", () => this.hidePreview());
    this.reel.addEventListener("scroll", () => this.lookAgain());
    this.curves.addEventListener("click", (event) => this.choosePlace(this.placeAt(event)));
    this.curves.addEventListener("dblclick", () => this.queue());
    this.curves.addEventListener("pointermove", (event) => this.openPreviewSoon(this.placeAt(event)));
    this.curves.addEventListener("contextmenu", (event) => this.openMenu(event, this.placeAt(event)));
  }

  makeFrame(number, place) {
    const image = element("img", { alt: "", draggable: false, loading: "lazy" });
    image.onload = () => this.learnAspect(image);
    image.onerror = () => this.handlers.onMissing();
    image.src = this.strip.thumbnails[place];
    const label = element("div", { className: "ifedit-number" }, String(number));
    if (number === this.strip.automatic) {
      label.append(element("span", { className: "ifedit-tag", textContent: "auto", title: this.strip.reason }));
    }
    const box = element("div", { className: "ifedit-frame", role: "option" }, image, label);
    box.classList.toggle("candidate", this.marked().includes(number));
    box.addEventListener("click", () => this.choosePlace(place));
    box.addEventListener("dblclick", () => this.queue());
    box.addEventListener("pointermove", () => this.openPreviewSoon(place));
    box.addEventListener("contextmenu", (event) => this.openMenu(event, place));
    return { number, box, image };
  }

  learnAspect(image) {
    const aspect = image.naturalWidth / image.naturalHeight;
    if (!(aspect > 0) || Math.abs(aspect - this.aspect) < 0.01) return;
    this.aspect = aspect;
    this.layOut();
    this.drawCurves();
    this.scrollToChoice(this.isFirst);
  }

  // All frames in the width if they stay large enough, else a strip that scrolls; spare height goes to the curves.
  layOut() {
    const count = this.frames.length;
    if (!count || !this.reel.clientWidth) return;
    const height = this.reel.clientHeight - NUMBER_HEIGHT - MIN_CURVES - SCROLLBAR;
    const widest = Math.max(MIN_FRAME, height * this.aspect);
    const tall = Math.min(TALL_FRAME, 0.4 * height * this.aspect);
    const width = Math.min(widest, Math.max(MIN_FRAME, tall, this.reel.clientWidth / count));
    const imageHeight = Math.round((width - 2) / this.aspect);
    for (const frame of this.frames) {
      frame.box.style.width = `${width}px`;
      frame.image.style.height = `${imageHeight}px`;
    }
    this.frameWidth = width;
    this.inner.style.width = `${width * count}px`;
    const overflow = width * count > this.reel.clientWidth + 1 ? SCROLLBAR : 2;
    this.curvesHeight = Math.max(MIN_CURVES, this.reel.clientHeight - imageHeight - NUMBER_HEIGHT - overflow - 4);
    this.drawCurves();
  }

  drawCurves() {
    const count = this.frames.length;
    if (!count || !this.frameWidth) return;
    const [width, height] = [this.frameWidth * count, this.curvesHeight];
    const middle = (place) => (place + 0.5) * this.frameWidth;
    this.curves.setAttribute("width", width);
    this.curves.setAttribute("height", height);
    this.curves.setAttribute("viewBox", `0 0 ${width} ${height}`);
    const parts = [];
    const current = this.current();
    if (current >= 0) {
      const band = { x: middle(current) - this.frameWidth / 2 + 1.5, y: 0, width: this.frameWidth - 3, height };
      parts.push(drawn("rect", { ...band, fill: "var(--accent)", "fill-opacity": 0.16 }));
    }
    const automatic = this.strip.numbers.indexOf(this.strip.automatic);
    if (automatic >= 0) {
      const line = { x1: middle(automatic), x2: middle(automatic), y1: 0, y2: height };
      parts.push(drawn("line", { ...line, stroke: "var(--accent)", "stroke-dasharray": "3 3", "stroke-width": 1 }));
    }
    for (const [name, values] of Object.entries(this.strip.curves)) {
      const { color, dash } = CURVES[name] ?? OTHER_CURVE;
      const rows = values.map((value) => height - 5 - Math.min(1, Math.max(0, value)) * (height - 10));
      const points = rows.map((row, place) => `${middle(place).toFixed(1)},${row.toFixed(1)}`).join(" ");
      parts.push(drawn("polyline", { points, stroke: color, "stroke-dasharray": dash, "data-curve": name }));
      if (current >= 0) parts.push(drawn("circle", { cx: middle(current), cy: rows[current], r: 3, fill: color }));
    }
    this.curves.replaceChildren(...parts);
  }

  showLegend() {
    const items = Object.keys(this.strip?.curves ?? {}).map((name) => {
      const { label, color, dash, hint } = CURVES[name] ?? OTHER_CURVE;
      const sample = drawn("svg", { viewBox: "0 0 20 8", "aria-hidden": "true" });
      const line = { x1: 0, x2: 20, y1: 4, y2: 4, stroke: color, "stroke-width": 2, "stroke-dasharray": dash };
      sample.append(drawn("line", line));
      return element("span", { title: hint }, sample, label ?? name);
    });
    if (this.marked().length) items.push(element("span", { textContent: "\u2022 among the best" }));
    this.legend.replaceChildren(...items);
  }

  showStatus() {
    let text = "";
    let warn = false;
    const strip = this.strip;
    if (this.linked) {
      text = "The frame's number comes through a link.";
    } else if (this.value === AUTOMATIC) {
      const taken = strip && strip.chosen === strip.automatic;
      text = strip ? `Automatic: ${taken && strip.reason ? strip.reason : `frame ${strip.automatic}`}` : "Automatic";
    } else if (strip && !strip.numbers.includes(this.value)) {
      text = `Frame ${this.value} is not among these frames.`;
      warn = strip.batch === 1; // of a batch, it may be a frame of another video
    } else {
      text = `Frame ${this.value}, chosen by hand`;
    }
    if (this.current() >= 0 && !this.linked && strip.chosen !== this.wanted()) text += " - press Run to take it";
    if (strip?.batch > 1) text = `Video 1 of ${strip.batch}: ${text}`;
    this.status.textContent = this.notice || text;
    this.status.classList.toggle("ifedit-warn", warn);
  }

  // The best frames besides the automatic choice, as few as help.
  marked() {
    const others = (this.strip?.candidates ?? []).filter((number) => number !== this.strip.automatic);
    return others.slice(0, Math.floor(MARKED * this.strip?.numbers.length || 0));
  }

  // --- the choice ----------------------------------------------------------------------------------------------------

  wanted() {
    return this.value === AUTOMATIC ? this.strip?.automatic : this.value;
  }

  current() {
    return this.strip ? this.strip.numbers.indexOf(this.wanted()) : -1;
  }

  choose(number) {
    this.notice = "";
    if (this.linked) return;
    this.handlers.onChoose(number);
  }

  choosePlace(place) {
    if (!this.frames[place]) return;
    this.frames[place].box.focus({ preventScroll: true });
    this.choose(this.frames[place].number);
  }

  queue() {
    this.hidePreview();
    if (!this.linked) this.handlers.onQueue();
  }

  press(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const last = this.frames.length - 1;
    const now = this.current();
    const places = {
      ArrowLeft: Math.max(0, now - 1),
      ArrowRight: Math.min(last, now + 1),
      Home: 0,
      End: last,
    };
    if (event.key in places) {
      event.preventDefault();
      this.choosePlace(places[event.key]);
      this.scrollToChoice();
    } else if (event.key === "Enter") {
      event.preventDefault();
      this.queue();
    } else if (event.key === " ") {
      event.preventDefault();
      this.togglePlay();
    } else if (event.key === "Escape") {
      this.stop();
      this.hidePreview();
    }
  }

  scrollToChoice(toMiddle = false) {
    const frame = this.frames[this.current()]?.box;
    if (!frame) return;
    const [left, right] = [frame.offsetLeft, frame.offsetLeft + frame.offsetWidth];
    if (toMiddle || left < this.reel.scrollLeft || right > this.reel.scrollLeft + this.reel.clientWidth) {
      this.reel.scrollLeft = left - (this.reel.clientWidth - frame.offsetWidth) / 2;
    }
  }

  turn(event) {
    if (this.reel.hidden || this.reel.scrollWidth <= this.reel.clientWidth + 1) return false;
    this.reel.scrollLeft += Math.abs(event.deltaX) > Math.abs(event.deltaY) ? event.deltaX : event.deltaY;
    return true;
  }

  placeAt(event) {
    const box = this.curves.getBoundingClientRect();
    const place = Math.floor(((event.clientX - box.left) / box.width) * this.frames.length);
    return Math.min(this.frames.length - 1, Math.max(0, place));
  }

  // --- the large preview ---------------------------------------------------------------------------------------------

  openPreviewSoon(place) {
    if (this.previewed === place || this.playing) return;
    this.hidePreview();
    this.previewed = place;
    this.timer = setTimeout(() => this.openPreview(place), PREVIEW_DELAY);
  }

  // The frames have moved, perhaps under a pointer that rests.
  lookAgain() {
    if (this.previewed === undefined) return;
    this.hidePreview();
    const place = this.frames.findIndex((frame) => frame.box.matches(":hover"));
    if (place >= 0) this.openPreviewSoon(place);
  }

  openPreview(place) {
    if (!this.frames[place]?.box.isConnected) return;
    this.preview.show(this.pictureOf(place), this.describe(place), () => this.around(place));
  }

  hidePreview() {
    if (this.playing) return;
    clearTimeout(this.timer);
    this.previewed = undefined;
    this.preview.hide();
  }

  pictureOf(place) {
    return this.strip.large?.[place] ?? this.strip.thumbnails[place];
  }

  describe(place) {
    const { change, sharpness } = this.strip.curves;
    const parts = [`frame ${this.frames[place].number}`];
    if (change) parts.push(`${Math.round(100 * change[place])} % still to change`);
    if (sharpness) {
      const most = Math.max(...sharpness);
      const share = Math.min(99, Math.round((100 * sharpness[place]) / most));
      parts.push(sharpness[place] >= most ? "sharpest of all" : `${share} % as sharp as the sharpest`);
    }
    return parts.join(", ");
  }

  // Where the strip and the node are in the window; x: the middle of the frame, or of all while they play.
  around(place) {
    const strip = this.root.getBoundingClientRect();
    const frame = this.playing ? strip : this.frames[place].box.getBoundingClientRect();
    const node = (this.root.closest(".lg-node, .dom-widget") ?? this.root).getBoundingClientRect();
    return { strip, node, x: (frame.left + frame.right) / 2 };
  }

  // --- the frames as a short video -----------------------------------------------------------------------------------

  togglePlay() {
    if (this.playing) this.stop();
    else this.play();
  }

  play() {
    if (this.frames.length < 2) return;
    this.hidePreview();
    const images = this.frames.map((_, place) => element("img", { src: this.pictureOf(place) })); // fetched ahead
    this.playing = { images, place: -1, listening: new AbortController() };
    const { signal } = this.playing.listening;
    const leave = (event) => this.playButton.contains(event.target) || this.stop();
    window.addEventListener("pointerdown", leave, { capture: true, signal });
    this.showPlayButton();
    this.playNext();
  }

  playNext() {
    const { images, place } = this.playing;
    const next = (place + 1) % images.length;
    if (!this.root.isConnected) return this.stop();
    const pace = Math.min(SLOWEST, Math.max(FASTEST, PLAYING_TIME / images.length));
    if (images[next].complete) {
      this.playing.place = next;
      this.frames.forEach((frame, each) => frame.box.classList.toggle("playing", each === next));
      this.preview.show(images[next].src, this.describe(next), () => this.around(next));
    }
    const atEnd = this.playing.place === images.length - 1;
    this.playing.timer = setTimeout(() => this.playNext(), atEnd ? PAUSE_AT_END : pace);
  }

  stop() {
    if (!this.playing) return;
    this.playing.listening.abort();
    clearTimeout(this.playing.timer);
    this.playing = null;
    for (const frame of this.frames) frame.box.classList.remove("playing");
    this.hidePreview();
    this.showPlayButton();
  }

  showPlayButton() {
    this.playButton.textContent = this.playing ? "\u25a0 stop" : "\u25b6 play";
    this.playButton.title = this.playing ? "Stop (space bar)" : "Play the frames in order (space bar)";
  }

  // --- what else can be done with a frame ----------------------------------------------------------------------------

  openMenu(event, place) {
    event.preventDefault();
    event.stopPropagation(); // ComfyUI would open the node's menu
    this.stop();
    this.hidePreview();
    const { number } = this.frames[place];
    this.menu.open(event.clientX, event.clientY, `Frame ${number}`, [
      { label: "Save this frame", run: () => this.save(place) },
      { label: "Compare with the source", run: () => this.compareWithSource(place) },
      { label: "Edit on from here", run: () => this.handlers.onEditOn(place) },
    ]);
  }

  // By a copy: the server would give the file its own name.
  async save(place) {
    const { number } = this.frames[place];
    const answer = await fetch(this.pictureOf(place));
    if (!answer.ok) return this.handlers.onMissing();
    const href = URL.createObjectURL(await answer.blob());
    element("a", { href, download: `frame_${number}.jpg` }).click();
    setTimeout(() => URL.revokeObjectURL(href), SAVING_TIME);
  }

  // The video begins with the source.
  compareWithSource(place) {
    const first = this.frames[0].number;
    compare(
      { address: this.pictureOf(0), label: first === 0 ? "source (frame 0)" : `first frame (${first})` },
      { address: this.pictureOf(place), label: `frame ${this.frames[place].number}` },
      this.root,
    );
  }
}

// The canvas deletes the node on Delete, and copies, pastes, mutes or collapses it on other keys.
// What concerns the whole program still gets through: run, undo, redo, save.
function keepFromCanvas(event) {
  const command = event.ctrlKey || event.metaKey;
  if (command && ["enter", "z", "y", "s"].includes(event.key.toLowerCase())) return;
  event.stopPropagation();
}
