// Lines of equal distance through a plane of voxels (marching squares), as pairs of points.

// Corners of a cell are numbered 1 2 / 8 4; each case names the edges that a line joins: top, right, bottom, left.
const JOINED = [
  [], ["LT"], ["TR"], ["LR"], ["RB"], ["LT", "RB"], ["TB"], ["LB"],
  ["BL"], ["TB"], ["TR", "BL"], ["RB"], ["LR"], ["TR"], ["LT"], [],
];

// A plane at a fractional index along one axis of a block, linear between its slices: {values, columns, rows}.
export function planeThrough(block, shape, axis, index) {
  const [slices, rows, columns] = shape;
  const sizes = [columns, rows, slices];
  if (index < -0.5 || index > sizes[axis] - 0.5) return null;
  const inside = Math.min(Math.max(index, 0), sizes[axis] - 1);
  const low = Math.floor(inside);
  const high = Math.min(low + 1, sizes[axis] - 1);
  const share = inside - low;
  const steps = [1, columns, columns * rows];
  const [across, down] = [0, 1, 2].filter((other) => other !== axis);
  const values = new Float32Array(sizes[across] * sizes[down]);
  for (let y = 0; y < sizes[down]; y += 1) {
    for (let x = 0; x < sizes[across]; x += 1) {
      const at = x * steps[across] + y * steps[down];
      values[y * sizes[across] + x] = (1 - share) * block[at + low * steps[axis]] + share * block[at + high * steps[axis]];
    }
  }
  return { values, columns: sizes[across], rows: sizes[down], across, down };
}

export function contour(plane, level) {
  const { values, columns, rows } = plane;
  const segments = [];
  for (let y = 0; y + 1 < rows; y += 1) {
    for (let x = 0; x + 1 < columns; x += 1) {
      const at = y * columns + x;
      const corners = [values[at], values[at + 1], values[at + columns + 1], values[at + columns]];
      const kind = corners.reduce((sum, value, corner) => sum | (value < level ? 1 << corner : 0), 0);
      for (const [from, to] of JOINED[kind]) {
        segments.push([pointOn(from, x, y, corners, level), pointOn(to, x, y, corners, level)]);
      }
    }
  }
  return segments;
}

function pointOn(edge, x, y, [a, b, c, d], level) {
  const share = (from, to) => (level - from) / (to - from);
  if (edge === "T") return [x + share(a, b), y];
  if (edge === "R") return [x + 1, y + share(b, c)];
  if (edge === "B") return [x + share(d, c), y + 1];
  return [x, y + share(a, d)];
}
