// The volume in three linked planes and in 3-D (NiiVue), with regions and attention laid over it.

import * as api from "./api.js";
import { Lines } from "./lines.js";
import { axesOf, axisAlong, fractionOf, AXES } from "./voxels.js";

/* global niivue */

const FILL = 0.25; // how opaque regions are at full strength, so that the picture stays seen
const REGION_LABELS = {
  R: [0, 86, 230, 0], G: [0, 180, 159, 158], B: [0, 233, 0, 115], A: [0, 255, 255, 255],
  I: [0, 1, 2, 3], labels: ["", "core", "rim", "shell"],
};
const SURROUNDINGS = 2.4; // magnified, a plane is so many times as wide as the lesion
const SMALLEST_FIELD_MM = 44;
const CROSSHAIR_PERCENT = 0.45;
const FROM_THE_SIDE = [270, 0]; // azimuth and elevation of the cut that lays the lesion open in 3-D
export const LAYOUTS = { all: 3, axial: 0, coronal: 1, sagittal: 2, solid: 4 };

export class Viewer {
  constructor(canvas, lines) {
    this.canvas = canvas;
    this.axes = null;
    this.lesion = null;
    this.strength = { outline: 1, regions: 0.6, attention: 0 };
    this.nv = new niivue.Niivue({
      backColor: [0.02, 0.027, 0.035, 1],
      crosshairColor: [0.94, 0.89, 0.26, 0.5],
      clipPlaneColor: [0, 0, 0, 0],
      crosshairWidth: CROSSHAIR_PERCENT,
      crosshairWidthUnit: "percent",
      crosshairGap: 8,
      fontColor: [0.93, 0.95, 0.97, 1],
      fontSizeScaling: 0.45,
      fontMinPx: 13,
      showAllOrientationMarkers: true,
      show3Dcrosshair: true,
      isRadiologicalConvention: true,
      isOrientCube: false,
      multiplanarShowRender: 1,
      multiplanarLayout: 2,
      sagittalNoseLeft: true,
      multiplanarEqualSize: true,
      tileMargin: 2,
      dragAndDropEnabled: false,
      loadingText: "",
      isAntiAlias: true,
      logLevel: "error",
    });
    this.lines = new Lines(lines, this);
  }

  async start() {
    await this.nv.attachToCanvas(this.canvas);
    this.nv.setSliceType(LAYOUTS.all);
    const draw = this.nv.drawScene.bind(this.nv);
    this.nv.drawScene = () => {
      const drawn = draw();
      this.lines.paint();
      return drawn;
    };
  }

  // Show another lesion: its volume, then what lies over it.
  async show(lesion) {
    this.clear();
    const image = await api.picture(lesion, "image.nii");
    await this.nv.loadFromArrayBuffer(image, "image.nii");
    const [volume] = this.nv.volumes;
    this.axes = axesOf(volume, lesion.grid.shape);
    const [low, high] = window_(volume);
    volume.cal_min = low;
    volume.cal_max = high;
    await this.lay(lesion);
    this.centre(lesion);
  }

  // Lay outline, regions and attention over the volume that is shown.
  async lay(lesion) {
    this.lesion = lesion;
    while (this.nv.volumes.length > 1) this.nv.removeVolumeByIndex(1);
    this.lines.distance = null;
    if (lesion.prediction) {
      const names = ["regions.nii", "attention.nii", "distance"];
      const [regions, attention, distance] = await Promise.all(names.map((name) => api.picture(lesion, name)));
      await this.nv.loadFromArrayBuffer(regions, "regions.nii");
      await this.nv.loadFromArrayBuffer(attention, "attention.nii");
      this.nv.volumes[1].setColormapLabel(REGION_LABELS);
      Object.assign(this.nv.volumes[2], { colormap: "inferno", cal_min: 1, cal_max: 255 });
      this.lines.distance = new Int8Array(distance);
      this.lines.crop = lesion.crop;
      this.lines.radii = lesion.prediction.region_radii_mm;
    }
    this.nv.updateGLVolume();
    for (const [name, value] of Object.entries(this.strength)) this.dim(name, value);
  }

  clear() {
    while (this.nv.volumes.length) this.nv.removeVolumeByIndex(this.nv.volumes.length - 1);
    this.axes = null;
    this.lines.clear();
    this.nv.scene.pan2Dxyzmm = [0, 0, 0, 1];
    this.nv.setCrosshairWidth(CROSSHAIR_PERCENT);
  }

  dim(name, value) {
    this.strength[name] = value;
    const layer = { regions: 1, attention: 2 }[name];
    const opacity = name === "regions" ? FILL * value : value;
    if (name !== "attention") this.lines.strength[name] = value;
    if (layer && this.nv.volumes[layer]) this.nv.setOpacity(layer, opacity);
    else this.nv.drawScene();
  }

  layout(name) {
    this.nv.setSliceType(LAYOUTS[name]);
  }

  // Put the crosshair into the middle of the lesion, or of the volume where it is not outlined.
  centre(lesion) {
    const { box, grid } = lesion;
    this.axes.forEach((axis, number) => {
      const [start, stop] = box ? box[AXES[number]] : [0, grid.shape[2 - number]];
      this.nv.scene.crosshairPos[axis.ras] = fractionOf((start + stop) / 2, axis);
    });
    this.nv.setClipPlane([0.5 - this.nv.scene.crosshairPos[0], ...FROM_THE_SIDE]); // draws, too
  }

  // Fill the planes with the lesion and its surroundings, or show the whole volume again; tells which it is now.
  magnify(lesion) {
    const { scene } = this.nv;
    const magnified = scene.pan2Dxyzmm[3] > 1;
    const sides = lesion.grid.shape.map((size, axis) => size * lesion.grid.spacing_mm[axis]);
    const box = lesion.box ? AXES.map((name, number) => (lesion.box[name][1] - lesion.box[name][0]) * this.millimetresAlong(number)) : [0];
    const wanted = Math.max(SURROUNDINGS * Math.max(...box), SMALLEST_FIELD_MM);
    const zoom = magnified ? 1 : Math.max(Math.max(...sides) / wanted, 1);
    const [middle, lesionAt] = [[0.5, 0.5, 0.5], scene.crosshairPos].map((fractions) => this.nv.frac2mm(fractions));
    scene.pan2Dxyzmm = [0, 1, 2].map((axis) => (zoom > 1 ? middle[axis] - zoom * lesionAt[axis] : 0)).concat(zoom);
    this.nv.setCrosshairWidth(CROSSHAIR_PERCENT / zoom); // draws, too
    return zoom > 1;
  }

  // One voxel to the right, anterior or up; negative steps go the other way.
  step(right, anterior, up) {
    this.nv.moveCrosshairInVox(right, anterior, up);
  }

  // Put the crosshair onto voxel edges, by name; an axis that is not named stays.
  go(edges) {
    for (const [name, edge] of Object.entries(edges)) {
      const axis = this.axes[AXES.indexOf(name)];
      this.nv.scene.crosshairPos[axis.ras] = fractionOf(edge, axis);
    }
    this.nv.drawScene();
  }

  // The voxel under the crosshair, {column, row, slice}.
  crosshair() {
    const place = {};
    this.axes.forEach((axis, number) => {
      const fraction = this.nv.scene.crosshairPos[axis.ras];
      const edge = (axis.forward ? fraction : 1 - fraction) * axis.size;
      place[AXES[number]] = Math.min(Math.max(Math.floor(edge), 0), axis.size - 1);
    });
    return place;
  }

  millimetresAlong(number) {
    return this.lesion.grid.spacing_mm[2 - number];
  }

  axisOf(ras) {
    return axisAlong(this.axes, ras);
  }
}

// Grey from the 1st to the 99.9th percentile: a small lesion, the brightest of all, keeps its structure.
function window_(volume) {
  const { img, hdr } = volume;
  const step = Math.max(1, Math.floor(img.length / 200000));
  const sample = Float32Array.from({ length: Math.floor(img.length / step) }, (_, place) => img[place * step]).sort();
  const at = (share) => sample[Math.floor(share * (sample.length - 1))] * hdr.scl_slope + hdr.scl_inter;
  return [at(0.01), at(0.999)];
}
