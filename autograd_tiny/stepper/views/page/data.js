// What the page is about: the nodes and steps of stepper/trace_json.py, with the texts and places of page/__init__.py.

export const D = JSON.parse(document.getElementById("data").textContent);
export const $ = id => document.getElementById(id);

const SVG = "http://www.w3.org/2000/svg";
const DRAWN = ["svg", "g", "rect", "text", "tspan", "path", "line", "title", "circle"];
const NUMBERS = ["data", "upstream", "local", "contribution", "before", "after"];

function unpacked({fields, rows}) {
  const read = (name, x) => (NUMBERS.includes(name) ? real(x) : x);
  return rows.map(row => Object.fromEntries(fields.map((name, k) => [name, read(name, row[k])])));
}

export const N = unpacked(D.nodes);
export const S = unpacked(D.steps);
export const FLAGS = unpacked(D.flags);
export const SEED = N.length;
export const LAST = S.length - 1;

// Nodes in the order in which the code ran, and the place of each.
export const ORDER = S.slice(0, SEED).map(s => s.node);
export const AT = [];
ORDER.forEach((i, n) => {
  AT[i] = n;
});

export const isBackward = s => s.kind === "backward";
export const isForward = s => s.kind === "forward";
export const target = s => (isBackward(s) ? s.to : s.node);

// Numbers of the backward steps that reach a value, and of those that leave it.
export const INTO = N.map(() => []);
export const OUT_OF = N.map(() => []);
S.forEach((s, n) => {
  if (!isBackward(s)) return;
  INTO[s.to].push(n);
  OUT_OF[s.node].push(n);
});

// Number of paths from the output to each value.
export const PATHS = N.map(() => 0);
PATHS[SEED - 1] = 1;
S.forEach(s => {
  if (isBackward(s)) PATHS[s.to] += PATHS[s.node];
});

function real(x) {
  return typeof x === "string" ? {nan: NaN, inf: Infinity, "-inf": -Infinity}[x] : x;
}

// A number with all its digits.
export function plain(x) {
  if (Object.is(x, -0)) return "-0";
  return Number.isFinite(x) ? String(x) : Number.isNaN(x) ? "nan" : x > 0 ? "inf" : "-inf";
}

export function counted(n, noun) {
  return `${n < 1e15 ? n.toLocaleString("en") : `about ${n.toExponential(2)}`} ${noun}${n === 1 ? "" : "s"}`;
}

export function make(tag, attributes = {}, ...children) {
  const element = DRAWN.includes(tag) ? document.createElementNS(SVG, tag) : document.createElement(tag);
  for (const [name, item] of Object.entries(attributes)) element.setAttribute(name, item);
  element.append(...children);
  return element;
}
