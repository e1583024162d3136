// The panel beside the picture: the posterior as distributions, and what the biopsy already said, which moves it.

import { DensityChart, ProbabilityBar } from "./charts.js";
import { byId, el, put } from "./dom.js";
import { NAMES, percent, sentence } from "./words.js";

const RECEPTORS = ["er", "pr", "her2", "hr"];
const PLACEHOLDERS = { er: "95%, neg", pr: "<1%, pos", her2: "2+/ISH-, 3+", hr: "pos, neg", ki67: "18, >=20%, 10-15" };
const SUBTYPE_COLOURS = ["#4aa8df", "#9ad2f3", "#33b894", "#e69f00", "#e8743b", "#6b7580"];

export class Panel {
  constructor({ about, give, save, handOver, close }) {
    this.about = about;
    this.give = give;
    this.inputs = {};
    this.bars = {};
    this.values = {};
    this.tables = {};
    this.revealed = false;
    this.title = el("h2", { id: "case" });
    this.where = el("p", { class: "where", id: "where" });
    this.warnings = el("div", { class: "warnings", id: "warnings" });
    this.given = el("div", { class: "given", id: "given", role: "status" });
    this.problem = el("p", { class: "problem", id: "problem", role: "alert", hidden: true });
    this.density = new DensityChart();
    this.subtypes = el("div", { class: "subtypes", id: "subtypes" });
    this.policy = el("select", { id: "policy", "aria-label": "Rule that parts the subtypes", onchange: () => this.tell() },
      Object.entries(about.policies).map(([name, words]) => el("option", { value: name }, words)));
    this.reveal = el("button", { type: "button", id: "reveal", class: "plain", onclick: () => this.showRecorded(!this.revealed) });
    this.byOutline = el("span", { id: "by-outline", hidden: true }, el("span", { class: "key spread" }), "by outline");
    this.parts = [
      el("div", { class: "head" }, this.title,
        el("div", { class: "saves" },
          about.node ? el("button", { type: "button", id: "hand-over", title: "Hand this box to the node, which predicts with it and sends the result", onclick: handOver }, "To node") : null,
          el("button", { type: "button", class: "plain", title: "Save the report of what stands now", onclick: () => save("report.html") }, "Report"),
          el("button", { type: "button", class: "plain", title: "Save what stands now as JSON", onclick: () => save("prediction.json") }, "JSON"),
          el("button", { type: "button", class: "plain", id: "close", title: "Close this case and forget it", onclick: close }, "Close"))),
      this.where,
      this.warnings,
      el("div", { class: "columns-head" }, el("h3", {}, "Probability of positive"), el("h3", {}, "What the biopsy said"), this.reveal),
      ...RECEPTORS.map((name) => this.receptor(name)),
      el("div", { class: "row ki67" }, el("h3", {}, "Ki-67"), this.field("ki67")),
      this.density.element,
      el("div", { class: "subtype-head" }, el("h3", {}, "Subtype"), this.policy),
      this.subtypes,
      this.problem,
      this.given,
      el("p", { class: "legend" },
        el("span", { class: "key now" }), "now", el("span", { class: "key alone" }), "image alone",
        el("span", { class: "key prior" }), "training cohort", this.byOutline),
    ];
  }

  receptor(name) {
    const bar = new ProbabilityBar();
    this.bars[name] = bar;
    this.values[name] = el("output", { class: "value", id: `value-${name}` });
    const sign = (text, words) => el("button", { type: "button", class: "sign", "data-sign": words, title: `${NAMES[name]} ${words}`,
      "aria-label": `${NAMES[name]} ${words}`, onclick: () => this.set(name, this.inputs[name].value === words ? "" : words) }, text);
    return el("div", { class: "row", id: `row-${name}` },
      el("span", { class: "name", title: name === "hr" ? "hormone receptors: ER or PR" : null }, NAMES[name]),
      el("div", { class: "bar-place" }, bar.elements), this.values[name],
      el("div", { class: "signs" }, sign("\u2212", "negative"), sign("+", "positive")), this.field(name));
  }

  field(name) {
    const input = el("input", { type: "text", id: `given-${name}`, maxlength: 60, autocomplete: "off", spellcheck: "false",
      placeholder: PLACEHOLDERS[name], "aria-label": `${NAMES[name]} as pathology wrote it`,
      title: `Understood: ${this.about.accepted[name]}`, onchange: () => this.tell() });
    this.inputs[name] = input;
    this.tables[name] = el("button", { type: "button", class: "recorded", hidden: true, onclick: (event) => this.set(name, event.target.dataset.text) });
    return el("div", { class: "field" }, input, this.tables[name]);
  }

  set(name, text) {
    this.inputs[name].value = text;
    this.tell();
  }

  clear() {
    for (const input of Object.values(this.inputs)) input.value = "";
    this.tell();
  }

  async tell() {
    const texts = Object.fromEntries(Object.entries(this.inputs).map(([name, input]) => [name, input.value.trim()]));
    const problem = await this.give({ ...texts, policy: this.policy.value });
    this.problem.hidden = !problem;
    this.problem.textContent = problem ? sentence(problem) : "";
    for (const [name, input] of Object.entries(this.inputs)) {
      input.classList.toggle("refused", Boolean(problem) && problem.startsWith(`given: ${name} `));
    }
  }

  show(lesion, { fresh }) {
    const place = byId("panel");
    if (!place.contains(this.title)) put(place, this.parts);
    place.classList.toggle("waiting", !lesion.prediction);
    this.title.textContent = lesion.case_id;
    put(this.where, provenance(lesion).map(([words, kind]) => el("span", { class: kind }, words)));
    if (fresh) {
      for (const [name, input] of Object.entries(this.inputs)) input.value = lesion.given[name] ?? "";
      this.policy.value = lesion.policy;
      this.problem.hidden = true;
      this.density.shown = null;
      this.showRecorded(false, lesion.recorded);
    }
    for (const name of RECEPTORS) this.markSigns(name);
    byId("hand-over")?.toggleAttribute("disabled", !lesion.prediction?.outline.semi_automatic); // no box was given yet
    if (lesion.prediction) this.showPrediction(lesion.prediction);
    else this.showWaiting();
  }

  showWaiting() {
    put(this.warnings, el("p", { class: "needed" }, "Nobody has said yet where the tumour lies, and the reader does not look for one: ",
      el("strong", {}, "draw a box around it"), " (B), or put the crosshair on it and press S."));
    put(this.given);
  }

  showPrediction(prediction) {
    const { result: now, image_alone: alone, prior, outline: { spread } } = prediction;
    this.byOutline.hidden = !spread;
    for (const name of RECEPTORS) {
      this.values[name].textContent = percent(now.positive[name]);
      this.bars[name].show(NAMES[name], { now: now.positive[name], alone: alone.positive[name], prior: prior.positive[name], ends: spread?.positive[name] });
    }
    this.density.show({ now: now.ki67, alone: alone.ki67, prior: prior.ki67, ends: spread?.ki67_median_percent });
    this.showSubtypes({ now: now.subtypes, alone: alone.subtypes, prior: prior.subtypes, ends: spread?.subtypes });
    const [first, ...others] = prediction.warnings;
    put(this.warnings, first ? el("details", {}, el("summary", {}, el("span", { class: "sign-of-warning", "aria-hidden": "true" }, "!"), sentence(first),
      others.length ? el("span", { class: "more" }, ` ${others.length} more`) : ""), el("ul", {}, others.map((warning) => el("li", {}, sentence(warning))))) : null);
    const { given } = prediction;
    put(this.given, given
      ? [el("p", {}, el("strong", {}, `Given: ${given.facts.join("; ")}. `), `The image alone had given this ${percent(given.probability)}.`),
         el("button", { type: "button", class: "plain", id: "forget", onclick: () => this.clear() }, "Take it back")]
      : [el("p", { class: "quiet" }, "Nothing is given: this is the image alone. Enter what the biopsy said, and the rest moves.")]);
  }

  showSubtypes({ now, alone, prior, ends }) {
    const names = Object.keys(now).filter((name) => name !== "undecided" || now[name] > 0);
    if (this.subtypeNames?.join() !== names.join()) {
      this.subtypeNames = names;
      this.subtypeRows = names.map((name) => {
        const bar = new ProbabilityBar(SUBTYPE_COLOURS[Object.keys(now).indexOf(name)]);
        const value = el("output", { class: "value" });
        return { bar, value, element: el("div", { class: "subtype" }, el("span", { class: "name" }, name), el("div", { class: "bar-place" }, bar.elements), value) };
      });
      put(this.subtypes, this.subtypeRows.map((row) => row.element));
    }
    const likeliest = Math.max(...names.map((name) => now[name]));
    names.forEach((name, place) => {
      const { bar, value, element } = this.subtypeRows[place];
      bar.show(name, { now: now[name], alone: alone[name], prior: prior[name], ends: ends?.[name] });
      value.textContent = percent(now[name]);
      element.classList.toggle("likeliest", now[name] === likeliest);
    });
  }

  markSigns(name) {
    for (const button of byId(`row-${name}`)?.querySelectorAll(".sign") ?? []) {
      button.setAttribute("aria-pressed", String(this.inputs[name].value === button.dataset.sign));
    }
  }

  // What the table records is hidden until the reader asks for it, so that a reading can stay blind.
  showRecorded(shown, recorded = this.recorded) {
    this.recorded = recorded ?? {};
    this.revealed = shown;
    const any = Object.keys(this.recorded).length > 0;
    this.reveal.hidden = !any;
    this.reveal.textContent = shown ? "Hide record" : "Show record";
    this.reveal.title = "Show or hide what the cohort table records (P)";
    for (const [name, button] of Object.entries(this.tables)) {
      const text = this.recorded[name];
      button.hidden = !(shown && text);
      button.dataset.text = text ?? "";
      button.textContent = `record: ${text}`;
      button.title = "Give this";
    }
  }
}

function provenance({ provenance: kind, split, phase, prediction }) {
  const words = [];
  if (kind === "simulated") words.push(["simulated case", "tag simulated-case"]);
  if (split === "train" || split === "validation") words.push([`the bundle has learned from it (${split})`, "tag learned"]);
  else if (split) words.push([`${split} case`, "tag"]);
  if (prediction?.outline.semi_automatic) words.push(["semi-automatic outline", "tag learned"]);
  if (phase) words.push([phase, "phase"]);
  return words;
}
