// How numbers and names are written; the same rules as the report (reports/style.py).

const SPACE = "\u00a0";
const CERTAIN = 1e-9;

export const NAMES = { er: "ER", pr: "PR", her2: "HER2", hr: "HR", ki67: "Ki-67" };
export const REGIONS = { core: "core", rim: "rim", shell: "shell", whole: "whole patch" };

// Okabe and Ito's palette, told apart with any colour vision.
export const REGION_COLOURS = { core: "#56b4e9", rim: "#e69f00", shell: "#009e73", whole: "#cc79a7" };

// A half goes to the even digit, as in the report, which Python writes; toFixed alone takes it up.
export function fixed(value, digits) {
  const up = value.toFixed(digits);
  const halfway = (value * 2 ** (digits + 1)) % 2 === 1;
  return halfway && up.at(-1) % 2 ? (value - 0.5 / 10 ** digits).toFixed(digits) : up;
}

export function percent(probability) {
  const whole = Number(fixed(100 * probability, 0));
  const settled = probability <= CERTAIN || probability >= 1 - CERTAIN;
  if (settled) return `${whole}${SPACE}%`;
  if (whole === 0) return `<1${SPACE}%`;
  if (whole === 100) return `>99${SPACE}%`;
  return `${whole}${SPACE}%`;
}

export const perCent = (value) => `${fixed(value, 0)}${SPACE}%`;

export const millimetres = (value) => `${fixed(value, value < 100 ? 1 : 0)}${SPACE}mm`;

export const millilitres = (value) => `${fixed(value, value < 10 ? 2 : 1)}${SPACE}ml`;

export const sentence = (words) => words.charAt(0).toUpperCase() + words.slice(1).replace(/\.$/, "") + ".";
