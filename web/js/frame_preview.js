// A frame, large, beside the strip: never over what stands above the strip (the status line, the node's widgets).

import { addStyleOnce, element } from "./elements.js";
import { makePopover, openPopover } from "./popover.js";

const GAP = 8; // px around it
const LARGEST = 768; // px, width of the picture
const OF_WINDOW = 0.6; // of the window's width and height, at most
const ENOUGH = 320; // px: as wide as that, it stays below the strip even where there is more room beside it
const SMALLEST = 160; // px, where there is no room anywhere
const BORDER = 10; // px, of the preview around the picture
const STYLE = `
.ifedit-preview { pointer-events: none; padding: 4px; border-radius: 6px;
  background: var(--comfy-menu-bg, #222); border: 1px solid var(--border-color, #555); color: var(--input-text, #ddd);
  box-shadow: 0 4px 18px #000a; font: 12px/1.4 sans-serif; text-align: center; }
.ifedit-preview img { display: block; margin: 0 auto; border-radius: 3px; object-fit: contain; }
`;

export class FramePreview {
  // host: the element that it stands in
  constructor(host) {
    this.host = host;
    this.image = element("img", { alt: "" });
    this.text = element("div");
    this.root = makePopover(element("div", { className: "ifedit-preview", role: "tooltip" }, this.image, this.text));
    addStyleOnce(STYLE);
    this.image.addEventListener("load", () => this.place());
  }

  // around: () => { strip, node, x }: the boxes of the strip and of its node in the window, and the middle
  show(address, text, around) {
    this.around = around;
    this.image.src = address;
    this.text.textContent = text;
    openPopover(this.root, this.host);
    this.place();
  }

  hide() {
    this.root.remove();
  }

  place() {
    if (!this.root.isConnected) return;
    const { strip, node, x } = this.around();
    const aspect = this.image.naturalWidth / this.image.naturalHeight || 16 / 9;
    const rooms = {
      below: [innerWidth - 2 * GAP, innerHeight - strip.bottom - 2 * GAP],
      left: [node.left - 3 * GAP, innerHeight - 2 * GAP],
      right: [innerWidth - node.right - 3 * GAP, innerHeight - 2 * GAP],
    };
    const caption = this.text.offsetHeight + BORDER;
    const widths = Object.entries(rooms).map(([side, [width, height]]) => {
      const tallest = Math.min(OF_WINDOW * innerHeight, height - caption);
      return [side, Math.min(LARGEST, OF_WINDOW * innerWidth, width - BORDER, tallest * aspect)];
    });
    const [, below] = widths[0];
    const [side, widest] = below >= ENOUGH ? widths[0] : widths.reduce((one, other) => (other[1] > one[1] ? other : one));
    const width = Math.max(SMALLEST, widest);
    this.image.style.width = `${width}px`;
    this.image.style.height = `${width / aspect}px`;
    this.text.style.maxWidth = `${width}px`;
    const size = this.root.getBoundingClientRect();
    const left = { below: x - size.width / 2, left: node.left - 2 * GAP - size.width, right: node.right + 2 * GAP }[side];
    const top = side === "below" ? strip.bottom + GAP : (strip.top + strip.bottom - size.height) / 2;
    this.root.style.left = `${Math.max(GAP, Math.min(left, innerWidth - size.width - GAP))}px`;
    this.root.style.top = `${Math.max(GAP, Math.min(top, innerHeight - size.height - GAP))}px`;
  }
}
