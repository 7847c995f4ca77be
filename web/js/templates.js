// Two things that the pack's templates need in today's browsers.
//
// example_workflows/index.json tells template browsers titles and descriptions. Those that do not know it (frontends up
// to 1.58 at least) take every .json there for a workflow, so "index" goes out of their list. Nothing that ComfyUI
// offers can do that: its entry does not say in the page of which pack it is, and the number of entries is shown, too.
//
// A template opens on its note, the photo and the instruction, large enough to read. Newer frontends show a template
// whole instead, so the view to open with stands in the workflow a second time, and is used once.

import { api } from "../../../scripts/api.js";
import { app } from "../../../scripts/app.js";

const PACK = decodeURIComponent(new URL(import.meta.url).pathname.split("/extensions/").at(-1).split("/")[0]);
const VIEW = "ifEditOpensAt"; // in the workflow's extra: { scale, offset }
const CORNER = [68, 110]; // pixels of the window: where the note's upper left corner goes
const LATER = 300; // ms; the frontend shows the whole graph some moments after it was loaded

app.registerExtension({
  name: "ifedit.Templates",

  init() {
    const list = api.getWorkflowTemplates;
    if (!list) return;
    api.getWorkflowTemplates = async function (...given) {
      const templates = await list.apply(this, given);
      const ours = templates?.[PACK];
      return Array.isArray(ours) ? { ...templates, [PACK]: ours.filter((name) => name !== "index") } : templates;
    };
  },

  afterConfigureGraph() {
    const { extra } = app.rootGraph ?? app.graph;
    const view = extra?.[VIEW];
    if (!view) return;
    delete extra[VIEW]; // what is saved from now on opens where it was left
    requestAnimationFrame(() => requestAnimationFrame(() => look(view)));
    setTimeout(() => look(view), LATER);
  },
});

function look({ scale, offset }) {
  const note = app.graph.nodes.find((node) => node.type === "MarkdownNote");
  const { ds } = app.canvas;
  ds.changeScale(scale);
  // By where the note really is: frontend 1.32.9 moves Vue nodes apart.
  const place = note ? CORNER.map((pixels, axis) => pixels / scale - note.pos[axis]) : offset;
  [ds.offset[0], ds.offset[1]] = place;
  app.canvas.setDirty(true, true);
}
