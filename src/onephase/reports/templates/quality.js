"use strict";
(() => {
  const { cases, flags: NAMES, cohorts, pictures_at_once: PICTURES } = JSON.parse(document.getElementById("data").textContent);
  const AT_ONCE = 60;
  const EXCLUDED = ["case_id", "reason", "by", "date"], ACCEPTED = ["case_id", "flag", "reason", "by", "date"];
  const byId = (id) => document.getElementById(id);
  const ticked = new Set();
  const changed = new Set(); // files that hold new lines: "cohort number:kind"
  let flag = "", listed = [], drawn = 0, at = -1;

  const make = (name, given = {}, ...children) => {
    const node = name === "svg" || name === "path" ? document.createElementNS("http://www.w3.org/2000/svg", name) : document.createElement(name);
    for (const [key, value] of Object.entries(given)) {
      if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
      else if (value !== undefined && value !== false) node.setAttribute(key, value);
    }
    node.append(...children);
    return node;
  };
  const open = (one) => (one.out ? [] : one.flags.filter((each) => !each.accepted));

  // Pictures follow this script in the page, some cases at a time: one can sort and search while they still arrive.
  const arrived = document.getElementsByClassName("pictures"), parsed = new Map();
  const drawingOf = (one, part) => {
    const number = Math.floor(one.number / PICTURES);
    if (!parsed.has(number)) {
      if (document.readyState === "loading" && arrived.length < number + 2) return null; // the last one may be half there
      parsed.set(number, JSON.parse(arrived[number].textContent));
      arrived[number].textContent = "";
    }
    return parsed.get(number)[one.number % PICTURES][part];
  };

  const awaited = new Set(); // frames on the screen, or near it, without their picture
  let waiting = 0;
  const fill = () => {
    for (const frame of awaited) {
      const drawing = drawingOf(frame.one, frame.part);
      if (!drawing) continue;
      frame.querySelector("img").src = drawing.grey;
      for (const line of frame.querySelectorAll("path")) line.setAttribute("d", drawing.outline);
      awaited.delete(frame);
      seen.unobserve(frame);
    }
    clearTimeout(waiting);
    if (awaited.size) waiting = setTimeout(fill, 50);
  };
  const seen = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) isIntersecting ? awaited.add(target) : awaited.delete(target);
    fill();
  }, { rootMargin: "400px" });

  const picture = (one, part, given = {}) => {
    const frame = make(given.onclick ? "button" : "div", { class: "picture", type: given.onclick && "button", "aria-label": given.label, onclick: given.onclick || (() => {}) });
    if (!one.seen) { frame.append(make("span", { class: "none" }, "no picture")); return frame; }
    const drawing = make("svg", { viewBox: "0 0 112 112", "aria-hidden": "true" }, ...["under", "over"].map((layer) => make("path", { class: layer })));
    frame.append(make("img", { alt: "" }), drawing);
    Object.assign(frame, { one, part });
    seen.observe(frame);
    return frame;
  };

  const chips = (one) => {
    const list = make("ul", { class: "chips" });
    if (one.out) list.append(make("li", { class: "left" }, "left out"));
    const times = new Map();
    for (const each of one.flags) times.set(each.name, (times.get(each.name) || 0) + 1);
    for (const [name, count] of times) {
      const accepted = one.flags.every((each) => each.name !== name || each.accepted);
      list.append(make("li", { class: accepted ? "accepted" : "" }, NAMES[name] + (count > 1 ? ` × ${count}` : "")));
    }
    return list;
  };

  const card = (one, place) => {
    const box = make("input", { type: "checkbox", "aria-label": "tick " + one.id });
    box.checked = ticked.has(one);
    const node = make("article", { class: "card" },
      picture(one, byId("wide").checked ? "whole" : "close", { onclick: () => show(place), label: "open " + one.id }),
      make("label", { class: "name" }, box, one.id),
      make("p", { class: "size" }, [cohorts.length > 1 && one.cohort_name, one.site !== one.cohort_name && one.site, one.seen && `${one.seen.longest_mm.toFixed(0)} mm`].filter(Boolean).join(" · ")),
      chips(one));
    box.addEventListener("change", () => { tick(one, box.checked); node.classList.toggle("ticked", box.checked); });
    node.classList.toggle("open", open(one).length > 0);
    node.classList.toggle("ticked", ticked.has(one));
    node.classList.toggle("out", Boolean(one.out));
    return node;
  };

  const more = () => {
    const next = listed.slice(drawn, drawn + AT_ONCE);
    byId("sheet").append(...next.map((one, index) => card(one, drawn + index)));
    drawn += next.length;
    end.unobserve(byId("more")); // and look again: who scrolls fast never sees the end leave the screen
    if (drawn < listed.length) end.observe(byId("more"));
  };
  const end = new IntersectionObserver((entries) => { if (entries[0].isIntersecting) more(); }, { rootMargin: "900px" });

  const byName = new Intl.Collator(undefined, { numeric: true });
  const SORTS = {
    "most flags": (one, two) => open(two).length - open(one).length,
    "case": (one, two) => byName.compare(one.id, two.id),
    "largest": (one, two) => size(two, "volume_ml") - size(one, "volume_ml"),
    "smallest": (one, two) => size(one, "volume_ml") - size(two, "volume_ml"),
    "darkest lesion": (one, two) => size(one, "contrast") - size(two, "contrast"),
    "brightest lesion": (one, two) => size(two, "contrast") - size(one, "contrast"),
    "site": (one, two) => byName.compare(one.cohort_name + one.site, two.cohort_name + two.site),
  };
  const size = (one, name) => (one.seen ? one.seen[name] : -1);
  const FLAG_SHOWS = {
    "": () => true,
    "open": (one) => open(one).length > 0,
    "none": (one) => one.flags.length === 0 && !one.out,
    "accepted": (one) => !one.out && one.flags.some((each) => each.accepted),
    "out": (one) => Boolean(one.out),
  };
  const shows = (name) => FLAG_SHOWS[name] || ((one) => open(one).some((each) => each.name === name));

  const arrange = () => {
    const words = byId("search").value.trim().toLowerCase();
    const cohort = byId("cohort").value, site = byId("site").value, label = byId("label").value, wanted = shows(flag);
    listed = cases.filter((one) => wanted(one) && one.id.toLowerCase().includes(words) && (!cohort || one.cohort_name === cohort)
      && (!site || one.site === site) && (!label || one.labels.includes(label))).sort(SORTS[byId("sort").value]);
    byId("sheet").replaceChildren();
    byId("shown").textContent = listed.length === cases.length ? `${cases.length} lesions` : `${listed.length} of ${cases.length} lesions`;
    drawn = 0;
    more();
    navigate();
  };

  const navigate = () => {
    const entries = [["", "all"], ["open", "with a flag"], ...Object.entries(NAMES), ["accepted", "accepted"], ["out", "left out here"], ["none", "without a flag"]];
    byId("flags").replaceChildren(...entries.map(([name, words]) => [name, words, cases.filter(shows(name)).length])
      .filter(([name, , count]) => count || name === flag || name === "open")
      .map(([name, words, count]) => make("button", { type: "button", "aria-pressed": String(name === flag), onclick: () => { flag = name; arrange(); } }, words, " ", make("b", {}, String(count)))));
  };

  const options = (id, values, first) => {
    byId(id).replaceChildren(...(first === undefined ? [] : [make("option", { value: "" }, first)]), ...values.map((value) => make("option", { value }, value)));
    byId(id).addEventListener("change", arrange);
    byId(id).closest("label").hidden = first !== undefined && values.length < 2;
  };
  const distinct = (values) => [...new Set(values)].sort();

  const show = (place) => {
    at = place;
    const one = listed[place], dialog = byId("case");
    const step = (by) => () => { if (listed[place + by]) show(place + by); };
    const box = make("input", { type: "checkbox" });
    box.checked = ticked.has(one);
    box.addEventListener("change", () => { tick(one, box.checked); redraw(); });
    const reasons = one.flags.map((each) => make("li", { class: each.accepted ? "accepted" : "" }, each.reason, make("small", {}, each.accepted ? `${each.name}, accepted: ${each.accepted}` : each.name)));
    if (one.out) reasons.unshift(make("li", { class: "left" }, `Left out: ${one.out}`));
    const facts = make("dl");
    for (const [name, value] of one.facts) facts.append(make("dt", {}, name), make("dd", {}, value));
    dialog.replaceChildren(
      make("div", { class: "bar" }, make("h2", { id: "case-name" }, one.id), make("label", {}, box, " tick"), make("span", {}, `${place + 1} of ${listed.length}`),
        make("button", { type: "button", onclick: step(-1), "aria-label": "previous lesion" }, "‹"), make("button", { type: "button", onclick: step(1), "aria-label": "next lesion" }, "›"),
        make("button", { type: "button", onclick: () => dialog.close() }, "Close")),
      make("div", { class: "two" }, ...["close", "whole"].map((part) => make("figure", {}, picture(one, part),
        make("figcaption", {}, !one.seen ? "" : `${part === "close" ? "Close by" : "The whole slice"}, ${one.seen.side_mm[part].toFixed(0)} mm wide`)))),
      make("ul", { class: "why" }, ...reasons), facts);
    if (!dialog.open) dialog.showModal();
  };
  byId("case").addEventListener("keydown", (event) => {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (by && listed[at + by]) show(at + by);
  });
  byId("case").addEventListener("click", (event) => { if (event.target === byId("case")) byId("case").close(); });

  const redraw = () => {
    const count = drawn;
    byId("sheet").replaceChildren();
    drawn = 0;
    while (drawn < Math.min(count, listed.length)) more();
    navigate();
  };

  const tick = (one, on) => { if (on) ticked.add(one); else ticked.delete(one); deciding(); };
  const deciding = () => {
    byId("decide").hidden = ticked.size === 0 && changed.size === 0;
    byId("ticked").textContent = `${ticked.size} ticked`;
    const ready = ticked.size > 0 && byId("reason").value.trim() !== "";
    byId("exclude").disabled = !ready;
    byId("accept").disabled = !ready || ![...ticked].some((one) => open(one).length);
  };

  const cell = (text) => (/[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  const typed = (id) => byId(id).value.trim().replace(/^(?=[=+\-@])/, "'"); // no formula to a spreadsheet
  const csv = (columns, rows) => [columns, ...rows.map((row) => columns.map((name) => row[name] || ""))].map((row) => row.map(cell).join(",") + "\n").join("");

  const decide = (kind) => {
    const note = { reason: typed("reason"), by: typed("by"), date: new Date().toISOString().slice(0, 10) };
    for (const one of ticked) {
      const rows = cohorts[one.cohort][kind];
      if (kind === "excluded" && !one.out) { rows.push({ case_id: one.id, ...note }); one.out = note.reason; changed.add(`${one.cohort}:${kind}`); }
      if (kind === "accepted") for (const name of new Set(open(one).map((each) => each.name))) {
        rows.push({ case_id: one.id, flag: name, ...note });
        for (const each of one.flags) if (each.name === name) each.accepted = note.reason;
        changed.add(`${one.cohort}:${kind}`);
      }
    }
    ticked.clear();
    redraw();
    files();
    deciding();
  };
  const files = () => {
    byId("files").replaceChildren(...(changed.size ? ["Save beside the table, in place of the old one:"] : []), ...[...changed].sort().map((key) => {
      const [number, kind] = key.split(":"), { table, [kind]: rows, cohort } = cohorts[number];
      const text = csv(kind === "excluded" ? EXCLUDED : ACCEPTED, rows), name = `${table}.${kind}.csv`;
      const link = make("a", { href: URL.createObjectURL(new Blob([text], { type: "text/csv" })), download: name }, name + (cohorts.length > 1 ? ` (${cohort})` : ""));
      link.addEventListener("click", () => { saved.add(key + rows.length); });
      return link;
    }));
  };
  const saved = new Set();
  window.addEventListener("beforeunload", (event) => {
    if ([...changed].some((key) => { const [number, kind] = key.split(":"); return !saved.has(key + cohorts[number][kind].length); })) event.preventDefault();
  });

  cases.forEach((one, number) => Object.assign(one, { number, cohort_name: cohorts[one.cohort].cohort }));
  options("cohort", distinct(cases.map((one) => one.cohort_name)), "every");
  options("site", distinct(cases.map((one) => one.site)), "every");
  options("label", distinct(cases.flatMap((one) => one.labels)), "any");
  options("sort", Object.keys(SORTS));
  byId("search").addEventListener("input", arrange);
  byId("wide").addEventListener("change", redraw);
  byId("filters").addEventListener("submit", (event) => event.preventDefault());
  byId("reason").addEventListener("input", deciding);
  byId("accept").addEventListener("click", () => decide("accepted"));
  byId("exclude").addEventListener("click", () => decide("excluded"));
  byId("untick").addEventListener("click", () => { ticked.clear(); redraw(); deciding(); });
  arrange();
})();
