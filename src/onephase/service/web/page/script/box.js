// Draw or correct the box around the tumour: drag in any plane; near an edge the edge moves, elsewhere a new box begins.

import { frameOf, rectangleOf } from "./lines.js";
import { AXES, edgeOf } from "./voxels.js";

const NEAR_PIXELS = 9;
const SMALLEST = 2; // voxels; less is a click

export class BoxTool {
  constructor(canvas, viewer, { changed }) {
    this.canvas = canvas;
    this.viewer = viewer;
    this.changed = changed;
    this.drag = null;
    for (const kind of ["pointerdown", "pointermove", "pointerup"]) {
      canvas.addEventListener(kind, (event) => this[kind](event));
    }
    canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      viewer.canvas.dispatchEvent(new WheelEvent("wheel", event)); // slices go by while a box is drawn
    }, { passive: false });
  }

  get box() {
    return this.viewer.lines.box;
  }

  start(box) {
    this.viewer.lines.box = box && structuredClone(box);
    this.canvas.classList.add("drawing");
    this.told();
  }

  stop() {
    this.viewer.lines.box = null;
    this.drag = null;
    this.canvas.classList.remove("drawing");
    this.viewer.nv.drawScene();
  }

  told() {
    this.viewer.nv.drawScene();
    this.changed(this.box);
  }

  set(box) {
    this.viewer.lines.box = box;
    this.told();
  }

  // Where the pointer is: the plane under it, and the voxel edge along each of the plane's two axes.
  at(event, within = null) {
    const scale = this.canvas.width / this.canvas.clientWidth;
    const [x, y] = [event.offsetX * scale, event.offsetY * scale];
    const tiles = this.viewer.lines.tiles(); // laid out anew with every drawing, so a drag remembers its direction only
    const planes = within === null ? tiles : tiles.filter(({ normal }) => normal === within);
    for (const { tile, normal } of planes) {
      const [left, top, width, height] = frameOf(tile);
      const inside = x >= left && x <= left + width && y >= top && y <= top + height;
      if (!inside && within === null) continue;
      const fractions = this.viewer.nv.screenXY2TextureFrac(
        Math.min(Math.max(x, left), left + width), Math.min(Math.max(y, top), top + height),
        this.viewer.nv.screenSlices.indexOf(tile), true,
      );
      const edges = {};
      this.viewer.axes.forEach((axis, number) => {
        if (axis.ras === normal) return;
        edges[AXES[number]] = Math.min(Math.max(edgeOf(fractions[axis.ras], axis), 0), axis.size);
      });
      return { plane: { tile, normal }, edges, x, y };
    }
    return null;
  }

  pointerdown(event) {
    const place = this.at(event);
    if (!place) return;
    this.canvas.setPointerCapture(event.pointerId);
    this.drag = { normal: place.plane.normal, from: place.edges, moving: this.edgesNear(place), before: structuredClone(this.box) };
  }

  pointermove(event) {
    if (!this.drag) return;
    const place = this.at(event, this.drag.normal);
    if (!place) return;
    this.drag.moved = true;
    const box = structuredClone(this.drag.before) ?? this.wholeDepth(this.drag);
    const { moving, from } = this.drag;
    for (const [name, edge] of Object.entries(place.edges)) {
      if (moving.length) {
        const end = moving.find((one) => one.name === name);
        if (end) box[name][end.side] = edge;
      } else {
        box[name] = [from[name], edge];
      }
      box[name].sort((a, b) => a - b);
    }
    if (!this.drag.before && !moving.length) this.guessDepth(box, this.drag.normal);
    this.viewer.lines.box = box;
    this.told();
  }

  pointerup() {
    if (!this.drag) return;
    const { before, from, moved } = this.drag;
    this.drag = null;
    if (!moved) this.viewer.go(from);
    const tooSmall = this.box && AXES.some((name) => this.box[name][1] - this.box[name][0] < SMALLEST);
    if (tooSmall) this.set(before);
    else if (this.box) this.set(rounded(this.box, this.viewer.axes));
  }

  edgesNear({ plane, x, y }) {
    if (!this.box) return [];
    const { nv, axes } = this.viewer;
    const ends = rectangleOf(nv, axes, plane.tile, plane.normal, this.box); // x0, y0 of the starts, x1, y1 of the stops
    const within = NEAR_PIXELS * devicePixelRatio;
    const [left, right] = [Math.min(ends[0], ends[2]) - within, Math.max(ends[0], ends[2]) + within];
    const [top, bottom] = [Math.min(ends[1], ends[3]) - within, Math.max(ends[1], ends[3]) + within];
    if (x < left || x > right || y < top || y > bottom) return [];
    const across = axes.findIndex((axis) => axis.ras === (plane.normal === 0 ? 1 : 0));
    const upward = axes.findIndex((axis) => axis.ras === (plane.normal === 2 ? 1 : 2));
    const near = [];
    for (const side of [0, 1]) {
      if (Math.abs(x - ends[2 * side]) < within) near.push({ name: AXES[across], side });
      if (Math.abs(y - ends[2 * side + 1]) < within) near.push({ name: AXES[upward], side });
    }
    return near;
  }

  wholeDepth({ normal }) {
    const box = {};
    this.viewer.axes.forEach((axis, number) => {
      box[AXES[number]] = axis.ras === normal ? [0, axis.size] : [0, 0];
    });
    return box;
  }

  // A first box is as deep as it is wide, about the crosshair; another plane shows it and corrects it.
  guessDepth(box, normal) {
    const { axes, nv } = this.viewer;
    const deep = axes.findIndex((axis) => axis.ras === normal);
    const sides = AXES.map((name, number) => (box[name][1] - box[name][0]) * this.viewer.millimetresAlong(number));
    const half = Math.max(...sides.filter((_, number) => number !== deep)) / 2 / this.viewer.millimetresAlong(deep);
    const middle = edgeOf(nv.scene.crosshairPos[normal], axes[deep]);
    box[AXES[deep]] = [Math.max(middle - half, 0), Math.min(middle + half, axes[deep].size)];
  }
}

function rounded(box, axes) {
  const whole = {};
  AXES.forEach((name, number) => {
    const [start, stop] = box[name];
    whole[name] = [Math.max(Math.floor(start), 0), Math.min(Math.ceil(stop), axes[number].size)];
  });
  return whole;
}
