// A small menu at the pointer. Its entries: [{ label, run }].

import { addStyleOnce, element } from "./elements.js";
import { makePopover, openPopover } from "./popover.js";

const STYLE = `
.ifedit-menu { display: flex; flex-direction: column; padding: 4px; border-radius: 6px;
  background: var(--comfy-menu-bg, #222); border: 1px solid var(--border-color, #555); box-shadow: 0 4px 18px #000a; }
.ifedit-menu button { padding: 5px 12px; border: 0; border-radius: 4px; background: none; text-align: left;
  font: 13px/1.4 sans-serif; color: var(--input-text, #ddd); cursor: pointer; }
.ifedit-menu button:hover, .ifedit-menu button:focus { background: var(--comfy-input-bg, #444); outline: none; }
`;

export class FrameMenu {
  // host: the element that it stands in
  constructor(host) {
    this.host = host;
  }

  open(x, y, label, entries) {
    this.close();
    this.before = document.activeElement;
    const buttons = entries.map((entry) =>
      element("button", {
        type: "button",
        role: "menuitem",
        textContent: entry.label,
        onclick: () => (this.close(), entry.run()),
      }),
    );
    this.root = makePopover(element("div", { className: "ifedit-menu", role: "menu", "aria-label": label }, ...buttons));
    addStyleOnce(STYLE);
    this.root.addEventListener("keydown", (event) => this.press(event, buttons));
    this.root.addEventListener("contextmenu", (event) => event.preventDefault());
    openPopover(this.root, this.host);
    const { width, height } = this.root.getBoundingClientRect();
    this.root.style.left = `${Math.max(0, Math.min(x, innerWidth - width))}px`;
    this.root.style.top = `${Math.max(0, Math.min(y, innerHeight - height))}px`;
    buttons[0].focus({ preventScroll: true });
    this.listening = new AbortController();
    const { signal } = this.listening;
    const leave = (event) => this.root?.contains(event.target) || this.close();
    window.addEventListener("pointerdown", leave, { capture: true, signal });
    window.addEventListener("wheel", leave, { capture: true, signal });
  }

  close() {
    if (!this.root) return;
    const hadFocus = this.root.contains(document.activeElement);
    this.listening.abort();
    this.root.remove();
    this.root = null;
    if (hadFocus) this.before?.focus?.({ preventScroll: true });
  }

  press(event, buttons) {
    event.stopPropagation();
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      event.preventDefault();
      const now = buttons.indexOf(document.activeElement);
      buttons[(now + step + buttons.length) % buttons.length].focus();
    } else if (event.key === "Escape" || event.key === "Tab") {
      event.preventDefault();
      this.close();
    }
  }
}
