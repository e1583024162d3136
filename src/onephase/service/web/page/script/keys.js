// The keyboard: everything that the mouse can do.

import { byId, el, put } from "./dom.js";

const TAUGHT = [
  ["J, K", "next and previous case"], ["U", "open files of your own"], ["1 to 5", "all planes, axial, coronal, sagittal, 3-D"],
  ["arrows", "move the crosshair in the axial plane"], ["Page up, Page down", "move it up and down"],
  ["C, Z", "crosshair to the middle of the lesion; magnify it and back"],
  ["O, R, A", "hide and show outline, regions, attention"], ["B", "draw or correct the box; Enter predicts, Esc leaves"],
  ["S", "outline the lesion under the crosshair"], ["G", "enter what the biopsy said"], ["P", "show what the table records"], ["?", "this list"],
];

export function listen(actions) {
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const typing = event.target.closest("input:not([type=range]), select, textarea, dialog");
    if (typing && !(event.key === "Escape" && !event.target.closest("dialog"))) return;
    if (event.key === "Enter" && event.target.closest("button, summary")) return;
    const action = actions[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!action) return;
    event.preventDefault();
    event.stopPropagation(); // the viewer has keys of its own
    action();
  }, { capture: true });
}

export function teach() {
  const dialog = byId("keys");
  put(dialog, el("form", { method: "dialog" }, el("h2", {}, "Keys"),
    el("dl", {}, TAUGHT.flatMap(([key, words]) => [el("dt", {}, key), el("dd", {}, words)])),
    el("p", { class: "quiet" }, "Scroll over a plane to go through it; drag with the right button to change brightness and contrast."),
    el("div", { class: "ends" }, el("button", { class: "main" }, "Close"))));
  dialog.showModal();
}
