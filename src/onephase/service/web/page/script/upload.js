// Files of the reader's own: dropped anywhere or chosen, sorted into image and mask, sent once, kept nowhere.

import * as api from "./api.js";
import { byId, el, put } from "./dom.js";
import { sentence } from "./words.js";

const LOOKS_LIKE_MASK = /mask|seg|label|roi|outline|contour/i;

export class Upload {
  constructor(about, opened) {
    this.largest = about.largest_upload_bytes;
    this.opened = opened;
    this.files = { image: null, mask: null };
    this.dialog = byId("upload");
    this.dialog.addEventListener("close", () => this.empty());
    this.catchDrops();
  }

  catchDrops() {
    addEventListener("dragover", (event) => {
      event.preventDefault();
      document.body.classList.add("dropping");
    });
    for (const kind of ["dragleave", "drop"]) {
      addEventListener(kind, (event) => {
        if (kind === "dragleave" && event.relatedTarget) return;
        document.body.classList.remove("dropping");
      });
    }
    addEventListener("drop", (event) => {
      event.preventDefault();
      this.take([...event.dataTransfer.files]);
    });
  }

  show() {
    this.draw();
    if (!this.dialog.open) this.dialog.showModal();
  }

  empty() {
    this.files = { image: null, mask: null };
  }

  take(files) {
    const [mask] = files.filter((file) => LOOKS_LIKE_MASK.test(file.name));
    const [image] = files.filter((file) => file !== mask).sort((a, b) => b.size - a.size);
    if (image) this.files.image = image;
    if (mask) this.files.mask = mask;
    this.show();
  }

  draw(problem = "") {
    const slot = (name, words) => el("label", { class: `slot ${this.files[name] ? "full" : ""}` },
      el("strong", {}, words), el("span", {}, this.files[name]?.name ?? "drop here or choose"),
      el("input", { type: "file", id: `file-${name}`, onchange: (event) => {
        [this.files[name]] = event.target.files;
        this.draw();
      } }));
    const send = el("button", { type: "button", class: "main", id: "send", onclick: () => this.send(), disabled: !this.files.image }, "Open");
    put(this.dialog, el("form", { method: "dialog" },
      el("h2", {}, "Open files of your own"),
      el("p", { class: "quiet" }, "They are sent to the reader that runs behind this page and nowhere else, held in memory, and forgotten when you close the case."),
      el("div", { class: "slots" },
        slot("image", "Volume: NIfTI, NRRD, MetaImage, or a ZIP of DICOM"),
        slot("mask", "Tumour mask or DICOM SEG (or draw a box afterwards)")),
      el("button", { type: "button", class: "plain", id: "swap", onclick: () => {
        this.files = { image: this.files.mask, mask: this.files.image };
        this.draw();
      } }, "Swap the two"),
      el("div", { class: "more" },
        el("label", {}, "Label in the mask", el("input", { type: "text", id: "mask-label", maxlength: 60, placeholder: "where there are several" })),
        el("label", {}, "Phase", el("input", { type: "text", id: "phase", maxlength: 60, placeholder: "first-post, or its number" }))),
      el("p", { class: "problem", role: "alert", hidden: !problem }, problem ? sentence(problem) : ""),
      el("div", { class: "ends" }, el("button", { value: "cancel" }, "Cancel"), send)));
  }

  async send() {
    const { image, mask } = this.files;
    const [label, phase] = ["mask-label", "phase"].map((id) => byId(id).value);
    const size = image.size + (mask?.size ?? 0);
    if (size > this.largest) return this.draw(`these files are ${(size / 1e6).toFixed(0)} MB, more than the ${(this.largest / 1e6).toFixed(0)} MB that are taken`);
    const form = new FormData();
    form.append("image", image, "image"); // a file's own name may be a patient's
    if (mask) form.append("mask", mask, "mask");
    form.append("mask_label", label);
    form.append("phase", phase);
    byId("send").disabled = true;
    byId("send").textContent = "Reading…";
    try {
      const lesion = await api.upload(form);
      this.dialog.close();
      await this.opened(lesion);
    } catch (problem) {
      this.draw(problem.message);
      [["mask-label", label], ["phase", phase]].forEach(([id, text]) => { byId(id).value = text; });
    }
    return undefined;
  }
}
