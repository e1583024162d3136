// The work list: cases to open, with what came out of those that were.

import { byId, el, put } from "./dom.js";
import { percent } from "./words.js";

export class WorkList {
  constructor(open) {
    this.open = open;
    this.entries = [];
    this.current = null;
    byId("search").addEventListener("input", () => this.draw());
  }

  show(entries) {
    this.entries = entries;
    this.draw();
  }

  mark(key) {
    this.current = key;
    this.draw();
    byId("cases").querySelector("[aria-current]")?.scrollIntoView({ block: "nearest" });
  }

  shown() {
    const wanted = byId("search").value.trim().toLowerCase();
    return this.entries.filter((entry) => `${entry.case_id} ${entry.site} ${entry.group} ${entry.split}`.toLowerCase().includes(wanted));
  }

  // The next or previous case of the list.
  go(step) {
    const shown = this.shown();
    const at = shown.findIndex((entry) => entry.key === this.current);
    const next = shown[at < 0 ? 0 : at + step];
    if (next) this.open(next.key);
  }

  draw() {
    const shown = this.shown();
    const read = this.entries.filter((entry) => entry.answer).length;
    put(byId("cases"), shown.map((entry) => this.line(entry)));
    byId("count").textContent = this.entries.length
      ? `${shown.length === this.entries.length ? "" : `${shown.length} of `}${this.entries.length} cases, ${read} opened`
      : "No work list: start with --cohort, or drop files.";
  }

  line(entry) {
    const { answer } = entry;
    const learned = entry.split === "train" || entry.split === "validation";
    const about = [entry.site || entry.group, entry.region === "mask" ? null : entry.region, learned ? "learned from" : entry.split].filter(Boolean);
    return el("li", {}, el("button", { type: "button", class: answer ? "read" : "", "data-key": entry.key,
      "aria-current": entry.key === this.current ? "true" : null, onclick: () => this.open(entry.key) },
      el("span", { class: "case" }, entry.case_id),
      el("span", { class: "about" }, about.join(" · ")),
      answer ? el("span", { class: "answer" }, `${answer.subtype} ${percent(answer.probability)}`) : null));
  }
}
