// Between the volume's voxels and the viewer's fractions. A box is {column, row, slice}, pairs of voxel edges, half-open.

export const AXES = ["column", "row", "slice"];

// For each volume axis (column, row, slice): which of right, anterior, superior it runs along, which way, how many voxels.
export function axesOf(volume, shape) {
  const sizes = [shape[2], shape[1], shape[0]];
  return sizes.map((size, axis) => {
    const ras = [...volume.permRAS].slice(0, 3).findIndex((place) => Math.abs(place) === axis + 1);
    return { ras, size, forward: volume.permRAS[ras] > 0 };
  });
}

export function fractionOf(edge, { size, forward }) {
  return forward ? edge / size : 1 - edge / size;
}

export function edgeOf(fraction, { size, forward }) {
  return (forward ? fraction : 1 - fraction) * size;
}

// The viewer's slice types: 0 axial, 1 coronal, 2 sagittal; what runs along each in right, anterior, superior.
export const NORMAL_OF = [2, 1, 0];

export function axisAlong(axes, ras) {
  return axes.findIndex((axis) => axis.ras === ras);
}
