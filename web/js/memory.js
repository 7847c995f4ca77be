// What the browser keeps of a run for as long as its tab is open: the names of files in ComfyUI's temp folder, texts.
//
// So they are still there after a reload, an undo or a change of tabs, as long as the files are. They are not kept in
// the workflow: it would go to other people with names of files that they do not have, and each run could be undone.

import { api } from "../../../scripts/api.js";

const PREFIX = "ifedit.";
const OPENED = Date.now(); // when this page was opened

// value: anything that JSON holds; null: to forget it
export function remember(key, value) {
  try {
    if (value === null) sessionStorage.removeItem(PREFIX + key);
    else sessionStorage.setItem(PREFIX + key, JSON.stringify(value));
  } catch (error) {
    console.warn("IF-Edit: what was shown will not survive a reload", error); // no room, or no storage allowed
  }
}

// null: nothing is known
export function recall(key) {
  try {
    return JSON.parse(sessionStorage.getItem(PREFIX + key));
  } catch {
    return null;
  }
}

// An address of its own for each opening of the page: the browser may keep a picture that the server no longer has.
export function pictureAddress({ filename, subfolder = "", type = "temp" }) {
  return api.apiURL(`/view?${new URLSearchParams({ filename, subfolder, type, opened: OPENED })}`);
}
