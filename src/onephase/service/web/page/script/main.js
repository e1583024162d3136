// The page: work list, picture and panel, held together by the one lesion that is open.

import * as api from "./api.js";
import { BoxTool } from "./box.js";
import { byId, put } from "./dom.js";
import { showFacts } from "./facts.js";
import { listen, teach } from "./keys.js";
import { WorkList } from "./list.js";
import { Panel } from "./panel.js";
import { Tools } from "./tools.js";
import { Upload } from "./upload.js";
import { Viewer } from "./viewer.js";
import { sentence } from "./words.js";

const EVEN_ATTENTION = 0; // its picture would be no finding
const ATTENTION = 0.55;

const state = { lesion: null, similar: null, even: null, opening: false, drawing: false };
const about = await api.about().catch((problem) => {
  toast(problem.message);
  throw problem;
});
const viewer = new Viewer(byId("volume"), byId("lines"));
await viewer.start();
const tools = new Tools(viewer, { zoom, draw, point, apply, cancel, typed: (box) => box && boxTool.set(box) });
const boxTool = new BoxTool(byId("lines"), viewer, { changed: (box) => tools.tell(box) });
const panel = new Panel({ about, give, save: (name) => api.save(state.lesion, name).catch(refused), handOver, close });
const list = new WorkList((key) => open(() => api.open(key), key));
const upload = new Upload(about, (lesion) => open(async () => lesion, null));

byId("bundle").textContent = `${about.bundle} · ${about.bundle_sha256.slice(0, 12)} · learned from ${about.training_cases} ${about.trained_on} cases`;
byId("research").textContent = about.research_use.split(". ")[0] + ": not a diagnosis";
byId("research").title = about.research_use;
byId("simulated").hidden = !about.training_caution;
byId("simulated").title = about.training_caution;
byId("open-files").addEventListener("click", () => upload.show());
byId("help").addEventListener("click", teach);
listen({
  j: () => list.go(1), k: () => list.go(-1), u: () => upload.show(), "?": teach, g: () => byId("given-er")?.focus(),
  1: () => tools.choose("all"), 2: () => tools.choose("axial"), 3: () => tools.choose("coronal"), 4: () => tools.choose("sagittal"), 5: () => tools.choose("solid"),
  o: () => tools.toggle("outline"), r: () => tools.toggle("regions"), a: () => tools.toggle("attention"),
  b: draw, s: point, c: () => state.lesion && viewer.centre(state.lesion), z: zoom, p: () => panel.showRecorded(!panel.revealed),
  Enter: () => state.drawing && apply(), Escape: () => state.drawing && cancel(),
  ArrowLeft: () => viewer.step(1, 0, 0), ArrowRight: () => viewer.step(-1, 0, 0), // the patient's right is on the left
  ArrowUp: () => viewer.step(0, 1, 0), ArrowDown: () => viewer.step(0, -1, 0),
  PageUp: () => viewer.step(0, 0, 1), PageDown: () => viewer.step(0, 0, -1),
});
addEventListener("pagehide", () => state.lesion && api.close(state.lesion));
list.show(await api.cases());
document.body.dataset.ready = "true";

// Open a lesion in place of the one before, which is forgotten.
async function open(arrive, key) {
  if (state.opening) return;
  state.opening = true;
  if (state.drawing) cancel();
  const before = state.lesion;
  const lesion = await busy("Reading and predicting…", arrive);
  state.opening = Boolean(lesion);
  if (!lesion) return;
  if (before) api.close(before);
  Object.assign(state, { lesion, similar: null, even: null });
  byId("empty").hidden = true;
  list.mark(key);
  panel.show(lesion, { fresh: true });
  tools.magnified(false);
  await busy("Laying out the volume…", () => viewer.show(lesion));
  state.opening = false;
  settled();
  if (!lesion.prediction) draw();
}

// The outline has changed, or a case is new: what lies beneath the picture follows.
async function settled() {
  const { lesion } = state;
  if (lesion.prediction && lesion.attention_is_even !== state.even) { // else it stays as the reader has set it
    state.even = lesion.attention_is_even;
    tools.set("attention", state.even ? EVEN_ATTENTION : ATTENTION);
  }
  showFacts(lesion, about.similar ? [] : null);
  list.show(await api.cases().catch(() => list.entries));
  if (!lesion.prediction || !about.similar) return;
  state.similar = await api.similar(lesion).catch(() => []);
  if (state.lesion?.key === lesion.key) showFacts(state.lesion, state.similar);
}

// Returns the sentence with which what was given is refused, or nothing.
async function give(form) {
  if (!state.lesion) return "";
  try {
    state.lesion = await api.give(state.lesion, form);
  } catch (problem) {
    return problem.message;
  }
  panel.show(state.lesion, { fresh: false });
  list.show(await api.cases().catch(() => list.entries));
  return "";
}

function zoom() {
  if (state.lesion) tools.magnified(viewer.magnify(state.lesion));
}

function draw() {
  if (!state.lesion || state.drawing) return;
  state.drawing = true;
  tools.showBox();
  boxTool.start(state.lesion.box);
}

function cancel() {
  state.drawing = false;
  boxTool.stop();
  tools.showUsual();
}

async function apply() {
  const { box } = boxTool;
  if (box && (await outlined({ box }))) cancel();
}

async function point() {
  if (state.lesion && (await outlined({ point: viewer.crosshair() })) && state.drawing) cancel();
}

async function outlined(form) {
  const lesion = await busy("Outlining and predicting…", () => api.outline(state.lesion, form));
  if (!lesion) return false;
  state.lesion = lesion;
  panel.show(lesion, { fresh: false });
  await busy("Laying out the outline…", () => viewer.lay(lesion));
  viewer.centre(lesion);
  settled();
  return true;
}

async function handOver() {
  const done = await busy("Handing the box over…", async () => Boolean(await api.handOver(state.lesion)));
  if (done) toast("the node has the box: it predicts with it and sends the result", { good: true });
  list.show(await api.cases().catch(() => list.entries));
}

function close() {
  api.close(state.lesion);
  if (state.drawing) cancel();
  Object.assign(state, { lesion: null, similar: null });
  viewer.clear();
  list.mark(null);
  put(byId("panel"));
  put(byId("facts"));
  byId("empty").hidden = false;
}

async function busy(words, work) {
  byId("busy").textContent = words;
  byId("busy").hidden = false;
  try {
    return await work();
  } catch (problem) {
    refused(problem);
    return null;
  } finally {
    byId("busy").hidden = true;
  }
}

function refused(problem) {
  toast(problem.message);
}

function toast(words, { good = false } = {}) {
  const place = byId("toast");
  place.textContent = sentence(words);
  place.classList.toggle("good", good);
  place.hidden = false;
  clearTimeout(toast.timer);
  toast.timer = setTimeout(() => { place.hidden = true; }, 9000);
}
