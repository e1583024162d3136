// What is drawn over the planes: the tumour's outline, the borders of its regions, and the box.

import { contour, planeThrough } from "./contours.js";
import { axisAlong, edgeOf, fractionOf, NORMAL_OF, AXES } from "./voxels.js";
import { REGION_COLOURS } from "./words.js";

const OUTLINE = "#ffffff";
const BOX = "#f0e442";

export class Lines {
  constructor(canvas, view) {
    this.canvas = canvas;
    this.view = view;
    this.strength = { outline: 1, regions: 1 };
    this.clear();
  }

  clear() {
    this.distance = null;
    this.crop = null;
    this.radii = null;
    this.box = null;
  }

  // Planes on the screen, each with the linear map from fractions to pixels.
  tiles() {
    const { nv } = this.view;
    return nv.screenSlices.filter((tile) => tile.axCorSag <= 2).map((tile) => ({ tile, normal: NORMAL_OF[tile.axCorSag] }));
  }

  paint() {
    const { nv, axes } = this.view;
    const { canvas } = this;
    if (canvas.width !== nv.canvas.width || canvas.height !== nv.canvas.height) {
      canvas.width = nv.canvas.width;
      canvas.height = nv.canvas.height;
    }
    const pen = canvas.getContext("2d");
    pen.clearRect(0, 0, canvas.width, canvas.height);
    if (!axes || !nv.volumes.length) return;
    for (const { tile, normal } of this.tiles()) {
      pen.save();
      pen.beginPath();
      pen.rect(...frameOf(tile));
      pen.clip();
      if (this.distance) this.paintDistance(pen, tile, normal);
      if (this.box) this.paintBox(pen, tile, normal);
      pen.restore();
    }
  }

  paintDistance(pen, tile, normal) {
    const { nv, axes } = this.view;
    const axis = axisAlong(axes, normal);
    const start = [...this.crop.start].reverse();
    const index = edgeOf(nv.scene.crosshairPos[normal], axes[axis]) - 0.5 - start[axis];
    const plane = planeThrough(this.distance, this.crop.shape, axis, index);
    if (!plane) return;
    const place = ([x, y]) => {
      const fractions = [0, 0, 0];
      for (const [along, at] of [[plane.across, x], [plane.down, y]]) {
        fractions[axes[along].ras] = fractionOf(at + start[along] + 0.5, axes[along]);
      }
      return pixelOf(nv, tile, fractions);
    };
    const draw = (millimetres, colour, strength, width) =>
      stroke(pen, contour(plane, millimetres / this.crop.step_mm).map((pair) => pair.map(place)), colour, strength, width);
    const { regions, outline } = this.strength;
    draw(this.radii.shell_reach, REGION_COLOURS.shell, regions, 1.3);
    draw(this.radii.rim_reach, REGION_COLOURS.rim, regions, 1.3);
    draw(-this.radii.core_depth, REGION_COLOURS.core, regions, 1.3);
    draw(0, OUTLINE, outline, 1.6);
  }

  paintBox(pen, tile, normal) {
    const { nv, axes } = this.view;
    const [x0, y0, x1, y1] = rectangleOf(nv, axes, tile, normal, this.box);
    const axis = axisAlong(axes, normal);
    const at = edgeOf(nv.scene.crosshairPos[normal], axes[axis]);
    const [start, stop] = this.box[AXES[axis]];
    pen.strokeStyle = BOX;
    pen.lineWidth = 1.6 * devicePixelRatio;
    pen.setLineDash(at >= start && at <= stop ? [] : [5 * devicePixelRatio, 4 * devicePixelRatio]);
    pen.strokeRect(Math.min(x0, x1), Math.min(y0, y1), Math.abs(x1 - x0), Math.abs(y1 - y0));
    pen.setLineDash([]);
  }
}

export function rectangleOf(nv, axes, tile, normal, box) {
  const low = [0, 0, 0];
  const high = [0, 0, 0];
  axes.forEach((axis, number) => {
    if (axis.ras === normal) return;
    [low[axis.ras], high[axis.ras]] = box[AXES[number]].map((edge) => fractionOf(edge, axis));
  });
  return [...pixelOf(nv, tile, low), ...pixelOf(nv, tile, high)];
}

export function frameOf(tile) {
  const [left, top, width, height] = tile.leftTopWidthHeight;
  return [Math.min(left, left + width), top, Math.abs(width), height];
}

// The same way as the viewer's own frac2canvasPos, for one plane and without its limits.
export function pixelOf(nv, tile, fractions) {
  const world = nv.frac2mm(fractions);
  const [across, up] = [[0, 1], [0, 2], [1, 2]][tile.axCorSag];
  const x = (world[across] - tile.leftTopMM[0]) / tile.fovMM[0];
  const y = (world[up] - tile.leftTopMM[1]) / tile.fovMM[1];
  const [left, top, width, height] = tile.leftTopWidthHeight; // a mirrored plane has a negative width
  return [left + x * width, top + (1 - y) * height];
}

function stroke(pen, segments, colour, strength, width) {
  if (strength <= 0 || !segments.length) return;
  const path = new Path2D();
  for (const [from, to] of segments) {
    path.moveTo(...from);
    path.lineTo(...to);
  }
  pen.lineCap = "round";
  pen.globalAlpha = 0.55 * strength;
  pen.strokeStyle = "#000000";
  pen.lineWidth = (width + 1.8) * devicePixelRatio;
  pen.stroke(path);
  pen.globalAlpha = strength;
  pen.strokeStyle = colour;
  pen.lineWidth = width * devicePixelRatio;
  pen.stroke(path);
  pen.globalAlpha = 1;
}
