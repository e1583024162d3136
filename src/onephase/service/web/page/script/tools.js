// The row of tools over the picture: layout, box, and how strongly each overlay is seen.

import { byId, el, put } from "./dom.js";
import { LAYOUTS } from "./viewer.js";
import { AXES } from "./voxels.js";

const LAYOUT_NAMES = { all: "All", axial: "Ax", coronal: "Cor", sagittal: "Sag", solid: "3-D" };
const LONG_NAMES = { all: "Three planes and 3-D", axial: "Axial", coronal: "Coronal", sagittal: "Sagittal", solid: "3-D" };
const OVERLAYS = { outline: "Outline", regions: "Regions", attention: "Attention" };

export class Tools {
  constructor(viewer, actions) {
    this.viewer = viewer;
    this.actions = actions;
    this.remembered = {};
    this.sliders = {};
    this.place = byId("tools");
    this.hint = byId("hint");
    this.showUsual();
  }

  showUsual() {
    this.hint.hidden = true;
    const layouts = Object.keys(LAYOUTS).map((name, number) =>
      el("button", { type: "button", class: "part", "data-layout": name, title: `${LONG_NAMES[name]} (${number + 1})`,
        "aria-pressed": String(name === (this.layout ?? "all")), onclick: () => this.choose(name) }, LAYOUT_NAMES[name]));
    put(this.place,
      el("div", { class: "parts", role: "group", "aria-label": "Planes" }, layouts),
      el("button", { type: "button", id: "zoom", title: "Magnify the lesion, or show the whole volume (Z)", "aria-pressed": String(Boolean(this.zoomed)), onclick: () => this.actions.zoom() }, "Zoom"),
      el("button", { type: "button", id: "draw", title: "Draw or correct the box around the tumour (B)", onclick: () => this.actions.draw() }, "Box"),
      el("button", { type: "button", id: "point", title: "Outline the lesion under the crosshair (S)", onclick: () => this.actions.point() }, "At crosshair"),
      el("div", { class: "sliders" }, Object.keys(OVERLAYS).map((name) => this.slider(name))));
  }

  slider(name) {
    const input = el("input", { type: "range", min: 0, max: 100, value: Math.round(100 * this.viewer.strength[name]),
      id: `dim-${name}`, oninput: (event) => this.viewer.dim(name, event.target.value / 100) });
    this.sliders[name] = input;
    return el("label", { class: `slider ${name}`, title: `${OVERLAYS[name]}: key ${name[0].toUpperCase()} hides and shows` },
      el("span", {}, OVERLAYS[name]), input);
  }

  choose(name) {
    this.layout = name;
    this.viewer.layout(name);
    for (const button of this.place.querySelectorAll("[data-layout]")) {
      button.setAttribute("aria-pressed", String(button.dataset.layout === name));
    }
  }

  magnified(now) {
    this.zoomed = now;
    byId("zoom")?.setAttribute("aria-pressed", String(now));
  }

  toggle(name) {
    const now = this.viewer.strength[name];
    if (now > 0) this.remembered[name] = now;
    this.set(name, now > 0 ? 0 : (this.remembered[name] ?? 0.6));
  }

  set(name, value) {
    this.viewer.dim(name, value);
    if (this.sliders[name]) this.sliders[name].value = Math.round(100 * value);
  }

  // While a box is drawn: its edges in voxels, for the keyboard, and what to do with it.
  showBox() {
    this.hint.hidden = false;
    this.fields = {};
    const pair = (name) => el("fieldset", {}, el("legend", {}, `${name}s`), [0, 1].map((side) => {
      const input = el("input", { type: "number", min: 0, step: 1, "aria-label": `${name} ${side ? "stop" : "start"}`,
        onchange: () => this.actions.typed(this.typed()) });
      this.fields[`${name}${side}`] = input;
      return input;
    }));
    put(this.place,
      AXES.map(pair),
      el("span", { class: "gap" }),
      el("button", { type: "button", id: "apply", class: "main", onclick: () => this.actions.apply() }, "Outline and predict"),
      el("button", { type: "button", id: "cancel", onclick: () => this.actions.cancel() }, "Cancel"));
  }

  typed() {
    const value = (name) => Number.parseFloat(this.fields[name].value);
    const box = Object.fromEntries(AXES.map((name) => [name, [value(`${name}0`), value(`${name}1`)]]));
    return AXES.every((name) => box[name].every(Number.isFinite)) ? box : null;
  }

  tell(box) {
    if (!this.fields) return;
    for (const name of AXES) for (const side of [0, 1]) {
      this.fields[`${name}${side}`].value = box ? Math.round(box[name][side]) : "";
    }
    byId("apply")?.toggleAttribute("disabled", !box);
  }
}
