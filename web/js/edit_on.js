// A frame of the video becomes the source of the next edit: it is uploaded, and the node that loads the source takes it.

import { api } from "../../../scripts/api.js";
import { AUTOMATIC } from "./filmstrip.js";
import { asOneChange, write } from "./graph_changes.js";
import { holderOf, upstreamNodes } from "./upstream_seeds.js";

const LOADER = "LoadImage";

// address: of the picture. place, node: the Frame Selector and where it is. frame: { node, widget }, what holds the
// number of the chosen frame, or null. Returns what to tell the person.
export async function editOnFrom(address, number, place, node, frame) {
  let name;
  try {
    name = await upload(address, `if_edit_frame_${number}.jpg`);
  } catch (error) {
    return `Frame ${number} could not be uploaded: ${error.message}`;
  }
  const stored = `Frame ${number} is now "${name}" in ComfyUI's input folder.`;
  const loaders = upstreamNodes(place, node).filter((each) => each.node.type === LOADER);
  if (!loaders.length) return `${stored} No Load Image node feeds this node: load it where the source comes from.`;
  if (loaders.length > 1) return `${stored} ${loaders.length} Load Image nodes feed this node: choose it in the right one.`;
  const [loader] = loaders;
  const holder = holderOf(loader.place, loader.node, "image");
  if (!holder) return `${stored} The picture of ${loader.node.title} comes through a link: choose it there.`;
  asOneChange(() => {
    offer(holder.widget, name);
    write(holder, name);
    if (frame && frame.widget.value !== AUTOMATIC) write(frame, AUTOMATIC); // the number was chosen in this video
  });
  return `Frame ${number} is the source now, in ${loader.node.title}. Press Run to edit on; undo takes it back.`;
}

async function upload(address, file) {
  const picture = await fetch(address);
  if (!picture.ok) throw new Error("the picture is no longer on the server");
  const body = new FormData();
  body.append("image", await picture.blob(), file);
  const answer = await api.fetchApi("/upload/image", { method: "POST", body });
  if (!answer.ok) throw new Error(`ComfyUI answered ${answer.status}`);
  const { name, subfolder } = await answer.json();
  return subfolder ? `${subfolder}/${name}` : name;
}

// A combo takes only what is in its list.
function offer(widget, name) {
  const values = widget.options?.values;
  if (Array.isArray(values) && !values.includes(name)) values.push(name);
}
