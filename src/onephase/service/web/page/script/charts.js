// The charts of the panel. Each is made once and then moves to every new reading, so that the eye sees what changed.

import { svg } from "./dom.js";
import { fixed, percent, perCent } from "./words.js";

const MOVE_MS = matchMedia("(prefers-reduced-motion: reduce)").matches ? 0 : 450;
const CURVE = { width: 400, height: 128, left: 8, right: 384, top: 22, base: 104 };
const LABEL_HALF = 132; // half the width of the words over the median
const CUTOFFS = [14, 20];

// A probability as a bar, with a tick at the training cohort, a mark at the image alone, and a line beneath it from the
// lowest to the highest answer where several outlines were looked at.
export class ProbabilityBar {
  constructor(colour = null) {
    this.fill = svg("rect", { class: "fill", x: 0, y: 5, width: 100, height: 12 });
    if (colour) this.fill.style.fill = colour;
    this.alone = svg("path", { class: "alone", d: "M0 1 L4 -4 L-4 -4 Z" });
    this.prior = svg("rect", { class: "prior", x: -1, y: 1, width: 2, height: 20 });
    this.spread = svg("rect", { class: "spread", y: 18.5, height: 2.5 });
    this.track = svg("svg", { class: "bar", viewBox: "0 0 100 22", preserveAspectRatio: "none", "aria-hidden": "true" },
      svg("rect", { class: "track", x: 0, y: 5, width: 100, height: 12 }), this.fill);
    this.marks = svg("svg", { class: "marks", role: "img" }, this.spread, this.prior, this.alone);
  }

  get elements() {
    return [this.track, this.marks];
  }

  show(name, { now, alone, prior, ends }) {
    this.fill.style.transform = `scaleX(${now})`;
    this.prior.setAttribute("x", `${100 * prior}%`);
    this.alone.parentNode.setAttribute("aria-label",
      `${name}: ${percent(now)}; from the image alone ${percent(alone)}; training cohort ${percent(prior)}` +
      (ends ? `; by outline ${percent(ends.lowest)} to ${percent(ends.highest)}` : ""));
    this.spread.setAttribute("x", `${100 * (ends?.lowest ?? 0)}%`);
    this.spread.setAttribute("width", ends ? `${100 * (ends.highest - ends.lowest)}%` : 0);
    this.alone.style.transform = `translate(${100 * alone}%, 4px)`;
    this.alone.style.display = Math.abs(now - alone) > 0.004 ? "" : "none";
  }
}

// Ki-67 as a density over 0 to 100 per cent.
export class DensityChart {
  constructor() {
    this.interval = svg("path", { class: "interval" });
    this.prior = svg("path", { class: "curve prior" });
    this.alone = svg("path", { class: "curve alone" });
    this.now = svg("path", { class: "curve now" });
    this.median = svg("path", { class: "median" });
    this.spread = svg("rect", { class: "spread", y: CURVE.base + 1.5, height: 2.5 });
    this.label = svg("text", { class: "median-label", y: 14, "text-anchor": "middle" });
    this.element = svg("svg", { class: "density", viewBox: `0 0 ${CURVE.width} ${CURVE.height}`, role: "img" },
      this.interval, this.prior, this.alone, this.now, ...axis(), this.spread, this.median, this.label);
    this.shown = null;
  }

  show({ now, alone, prior, ends }) {
    const target = { now: now.density, low: now.intervals[1].low_percent, high: now.intervals[1].high_percent, median: now.median_percent };
    const from = this.shown ?? target;
    const peak = Math.max(...now.density, ...prior.density, ...alone.density);
    this.element.setAttribute("aria-label", `Ki-67: median ${perCent(now.median_percent)}, 80 % interval ` +
      `${fixed(now.intervals[1].low_percent, 0)} to ${perCent(now.intervals[1].high_percent)}` +
      (ends ? `; median by outline ${fixed(ends.lowest, 0)} to ${perCent(ends.highest)}` : ""));
    this.spread.setAttribute("x", across(ends?.lowest ?? 0));
    this.spread.setAttribute("width", ends ? across(ends.highest) - across(ends.lowest) : 0);
    this.prior.setAttribute("d", curve(prior.density, peak));
    this.alone.setAttribute("d", curve(alone.density, peak));
    this.alone.style.display = alone.density.some((value, place) => Math.abs(value - now.density[place]) > 1e-6) ? "" : "none";
    glide(this, (share) => {
      const between = (a, b) => a + (b - a) * share;
      const density = target.now.map((value, place) => between(from.now[place], value));
      const [low, high, median] = ["low", "high", "median"].map((name) => between(from[name], target[name]));
      this.now.setAttribute("d", curve(density, peak));
      this.interval.setAttribute("d", area(density, peak, low, high));
      this.median.setAttribute("d", `M${across(median)} ${CURVE.top - 4}V${CURVE.base}`);
      this.label.setAttribute("x", Math.min(Math.max(across(median), LABEL_HALF), CURVE.width - LABEL_HALF));
      this.label.textContent = `median ${perCent(median)}, 80\u00a0% between ${fixed(low, 0)} and ${perCent(high)}`;
      this.shown = { now: density, low, high, median };
    });
  }
}

function glide(owner, step) {
  const begun = performance.now();
  const turn = (owner.turn ?? 0) + 1;
  owner.turn = turn;
  const tick = (time) => {
    if (owner.turn !== turn) return; // another reading came in between
    const share = MOVE_MS ? Math.min(Math.max(time - begun, 0) / MOVE_MS, 1) : 1;
    step(1 - (1 - share) ** 3);
    if (share < 1) requestAnimationFrame(tick);
  };
  tick(begun);
  requestAnimationFrame(tick);
}

const across = (value) => CURVE.left + (value / 100) * (CURVE.right - CURVE.left);
const up = (value, peak) => CURVE.base - (value / peak) * (CURVE.base - CURVE.top);
const points = (pairs) => pairs.map(([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`).join("L");

function curve(density, peak) {
  return "M" + points(density.map((value, place) => [across(place + 0.5), up(value, peak)]));
}

function area(density, peak, low, high) {
  const at = (value) => density[Math.min(Math.max(Math.floor(value), 0), 99)];
  const inside = density.map((value, place) => [place + 0.5, value]).filter(([place]) => place > low && place < high);
  const edge = [[low, at(low)], ...inside, [high, at(high)]].map(([x, y]) => [across(x), up(y, peak)]);
  return `M${across(low)} ${CURVE.base}L${points(edge)}L${across(high)} ${CURVE.base}Z`;
}

function axis() {
  const ticks = [0, 40, 60, 80, 100].map((value) => svg("text", { class: "tick", x: across(value), y: CURVE.base + 15, "text-anchor": "middle" }, String(value)));
  const cutoffs = CUTOFFS.flatMap((value) => [
    svg("path", { class: "cutoff", d: `M${across(value)} ${CURVE.top}V${CURVE.base + 4}` }),
    svg("text", { class: "tick cutoff", x: across(value), y: CURVE.base + 15, "text-anchor": "middle" }, String(value)),
  ]);
  return [svg("path", { class: "axis", d: `M${CURVE.left} ${CURVE.base}H${CURVE.right}` }), ...ticks, ...cutoffs];
}
