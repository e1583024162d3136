// Beneath the picture: what was measured, what each region weighed, and training cases that look alike.

import { byId, el, put } from "./dom.js";
import { fixed, millilitres, millimetres, NAMES, percent, REGION_COLOURS, REGIONS } from "./words.js";

export function showFacts(lesion, similar) {
  const place = byId("facts");
  if (!lesion?.prediction) return put(place);
  put(place, measured(lesion), regions(lesion), alike(similar));
}

function measured({ prediction, grid }) {
  const { measurements, semi_automatic, spread } = prediction.outline;
  const rows = [
    ["Volume", millilitres(measurements.volume_ml)],
    ["Longest", millimetres(measurements.longest_mm)],
    ["Height", millimetres(measurements.height_mm)],
    ["Depth", millimetres(measurements.depth_mm)],
    ["Width", millimetres(measurements.width_mm)],
  ];
  const spacing = [...grid.spacing_mm].reverse().map((value) => value.toPrecision(2)).join(" × ");
  return el("section", { class: "measured" }, el("h3", {}, "The lesion"),
    el("dl", {}, rows.flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)])),
    el("p", { class: "quiet" }, semi_automatic ? "outlined by program" : "outline as given", el("br"),
      spread ? [`${spread.outlines} outlines, ${fixed(spread.volume_ml.lowest, 2)} to ${millilitres(spread.volume_ml.highest)}`, el("br")] : null, `voxels ${spacing} mm`));
}

function regions({ prediction, attention_is_even: even }) {
  const tasks = Object.keys(prediction.regions[0].weights);
  const head = el("tr", {}, el("th", {}, ""), el("th", {}, "ml"), el("th", { title: "attention per volume; 1 is the average" }, "att."),
    tasks.map((task) => el("th", {}, NAMES[task])));
  const rows = prediction.regions.map((region) => el("tr", {},
    el("th", {}, swatch(region.name), REGIONS[region.name]),
    el("td", {}, fixed(region.volume_ml, region.volume_ml < 10 ? 2 : 1)),
    el("td", {}, region.attention_ratio === null ? "–" : `× ${fixed(region.attention_ratio, 2)}`),
    tasks.map((task) => weight(region, task))));
  return el("section", { class: "regions" }, el("h3", {}, "What each region weighed"),
    el("table", {}, el("thead", {}, head), el("tbody", {}, rows)),
    el("p", { class: "quiet" }, even ? "Attention is even over the regions: its picture is no finding. " : "",
      "Weights and attention describe the network, not the disease."));
}

function swatch(name) {
  const mark = el("i", { class: "swatch" });
  mark.style.background = REGION_COLOURS[name];
  return mark;
}

function weight(region, task) {
  const value = region.weights[task];
  const bar = el("i", { class: "weight" });
  bar.style.width = `${Math.round(34 * value)}px`;
  bar.style.background = REGION_COLOURS[region.name];
  return el("td", { class: "weighed", title: `${NAMES[task]}: ${percent(value)} on the ${REGIONS[region.name]}` }, bar, percent(value).replace(/\u00a0%/, ""));
}

function alike(similar) {
  const cards = (similar ?? []).map((one) => el("li", {},
    el("img", { src: one.picture, alt: "middle slice", width: 64, height: 64 }),
    el("div", {}, el("strong", {}, one.case_id, one.provenance === "simulated" ? el("span", { class: "quiet" }, " simulated") : ""),
      el("span", { class: "labels" }, Object.entries(one.recorded).map(([name, text]) => `${NAMES[name] ?? name} ${text}`).join(" · ") || "no label recorded"),
      el("span", { class: "quiet" }, `${millilitres(one.facts.volume_ml)}, distance ${fixed(one.distance, 1)}`))));
  const words = similar === null
    ? el("p", { class: "quiet" }, "Start the reader with --prepared to see training cases that look alike.")
    : el("p", { class: "quiet" }, "Nearest by descriptors; a distance of 1 is usual between neighbours.");
  return el("section", { class: "alike" }, el("h3", {}, "Similar training cases"), words, el("ol", { id: "similar" }, cards));
}
