// The picture, drawn once; a step changes classes and texts only.

import {$, D, FLAGS, INTO, isBackward, isForward, make, N, plain, S, SEED} from "./data.js";
import {grads, known, now, shown, stage, summands} from "./state.js";
import {drawFrames, lidOf, onToggle, writeLids} from "./frames.js";
import {coloured} from "./words.js";

export const boxes = [];
export const arrows = [];
export const lens = make("svg");

const TRAY = 21; // height of the strip that holds the gradient
const MOST_SUMMANDS = 3; // as in layout.py

export function drawGraph(choose, trace) {
  const [frames, lids] = [make("g"), make("g")];
  drawFrames(frames, lids);
  const ends = make("g");
  const middles = make("g");
  const labels = make("g");
  S.forEach((s, n) => {
    if (!isBackward(s) || !D.arrows[n - SEED - 1].length) return;
    const parallel = INTO[s.to].some(other => other < n && S[other].node === s.node);
    arrows[n] = arrow(D.arrows[n - SEED - 1], parallel);
    ends.append(arrows[n].g);
    labels.append(arrows[n].label);
  });
  N.forEach((v, i) => {
    boxes[i] = box(v, i, choose, trace);
    middles.append(boxes[i].g);
  });
  lens.append(frames, ends, lids, middles, labels);
  lens.setAttribute("width", D.size[0] + 30);
  lens.setAttribute("height", D.size[1] + 30);
  $("graph").append(lens);
  for (const text of lens.querySelectorAll("[data-room]")) squeeze(text);
  onToggle(cover);
}

// Hide the values under a lid, and the arrows between them.
function cover() {
  boxes.forEach(({g}, i) => {
    g.classList.toggle("covered", lidOf(i) !== null);
  });
  arrows.forEach(({g, label}, n) => {
    const covered = lidOf(S[n].node) !== null && lidOf(S[n].node) === lidOf(S[n].to);
    for (const element of [g, label]) element.classList.toggle("covered", covered);
  });
}

function arrow(points, below) {
  let d = `M${points[0]} ${points[1]}`;
  for (let k = 2; k + 5 < points.length; k += 6) d += `C${points.slice(k, k + 6).join(" ")}`;
  const [bx, by] = points.slice(-2);
  const half = 6 * Math.floor(points.length / 12);
  const y = points.length > 8 ? points[half + 1] : (points[1] + by) / 2;
  return {
    g: make(
      "g",
      {},
      make("path", {d, class: "arrow"}),
      make("path", {d: head(...points.slice(-4)), class: "head"}),
      make("path", {d: head(...points.slice(2, 4), ...points.slice(0, 2)), class: "home"}),
    ),
    label: make("text", {class: "local", x: (points[0] + bx) / 2, y: below ? y + 14 : y - 6}),
  };
}

// A triangle at (bx, by) that points away from (ax, ay).
function head(ax, ay, bx, by) {
  const angle = Math.atan2(by - ay, bx - ax);
  const corner = t => `${(bx - 7 * Math.cos(angle + t)).toFixed(1)} ${(by - 7 * Math.sin(angle + t)).toFixed(1)}`;
  return `M${bx} ${by}L${corner(0.45)}L${corner(-0.45)}z`;
}

function box(v, i, choose, trace) {
  const g = make("g", {class: `node ahead${v.op ? "" : " leaf"}`, tabindex: "-1", role: "img"});
  const [left, top, high] = [v.x - v.width / 2, v.y - D.height / 2, D.height];
  const bottom = top + high - TRAY;
  const tray = `M${left} ${bottom}h${v.width}v${TRAY - 7}a7 7 0 0 1-7 7h${14 - v.width}a7 7 0 0 1-7-7z`;
  const lines = {
    title: make("text", {class: "title", x: v.x, y: top + 15}, ...coloured(v.title, "tspan")),
    data: make("text", {class: "data", x: v.x, y: top + 33}),
    tray: make("text", {class: "g", x: v.x, y: top + high - 6.5}),
    mark: make("text", {class: "mark", x: left + v.width - 4, y: top - 3}),
  };
  for (const line of [lines.title, lines.data, lines.tray]) line.dataset.room = v.width - 10;
  const shape = {x: left, y: top, width: v.width, height: high, rx: 7};
  g.append(
    make("rect", {...shape, class: "back"}),
    make("path", {class: "tray", d: tray}),
    make("rect", {...shape, class: "edge"}),
    ...Object.values(lines),
  );
  g.addEventListener("click", () => choose(i));
  for (const name of ["pointerenter", "focus"]) g.addEventListener(name, () => trace(i));
  for (const name of ["pointerleave", "blur"]) g.addEventListener(name, () => trace(null));
  return {g, data: lines.data, g_: lines.tray, mark: lines.mark};
}

// Keep a text within its room, whatever letters the reader's machine has. Measured beside the page, which then need
// not be laid out for each text.
const scale = document.createElement("canvas").getContext("2d");
const WEIGHTS = {data: "bold 15px", g: "11px", module: "11px", title: "bold 11px", named: "bold 11px"};
function squeeze(text) {
  const room = Number(text.dataset.room);
  const font = WEIGHTS[text.getAttribute("class")];
  scale.font = `${text.style.fontSize ? `bold ${text.style.fontSize}` : font} Helvetica, Arial, sans-serif`;
  const wide = scale.measureText(text.textContent).width * 1.02 > room;
  if (wide) text.setAttribute("lengthAdjust", "spacingAndGlyphs");
  if (wide) text.setAttribute("textLength", room);
  else text.removeAttribute("textLength");
}

// What the tray says: grad 2 + – of a value used twice, reached once.
export function trayed(i) {
  const parts = summands(i);
  if (parts.length < 2) return [`grad ${shown[i]}`];
  if (parts.length > MOST_SUMMANDS) {
    const there = parts.filter(part => part.text !== "–").length;
    return [`grad ${shown[i]} (${there} of ${parts.length})`];
  }
  const said = ["grad "];
  parts.forEach(({text, step}, k) => {
    const summand = make(
      "tspan",
      {class: step === now ? "summand new" : "summand"},
      text.startsWith("-") && k ? `(${text})` : text,
    );
    summand.dataset.step = step;
    said.push(k ? " + " : "", summand);
  });
  if (parts.every(part => part.text !== "–")) said.push(` = ${shown[i]}`);
  return said;
}

// Marks of a value: nan, inf, dead, saturated, as far as the steps have shown them.
const MARKS = ["nan", "inf", "dead", "saturated"].filter(name => FLAGS.some(flag => flag.name === name));
const marks = N.map(() => []);
S.forEach((s, n) => {
  for (const name of MARKS) {
    if (!s.flags.includes(name)) continue;
    const ofGradient = ["nan", "inf"].includes(name) && !isForward(s);
    const text = ofGradient ? `grad ${name}` : name;
    const i = ofGradient ? s.to : s.node;
    if (i !== undefined && !marks[i].some(mark => mark.text === text)) marks[i].push({text, from: n});
  }
});
export const marksOf = i => marks[i].filter(mark => mark.from <= now).map(mark => mark.text);

export function writeBox(i, exactly) {
  const v = N[i];
  const there = known(i);
  const {g, data, g_, mark} = boxes[i];
  data.textContent = there ? v.digits : "–";
  g_.replaceChildren(...trayed(i));
  mark.textContent = marksOf(i).join(", ");
  squeeze(data);
  squeeze(g_);
  g.classList.toggle("ahead", !there);
  g.classList.toggle("bad", marksOf(i).length > 0);
  writeLids(i, squeeze);
  for (const name of ["waits", "ready", "done"]) g.classList.toggle(name, stage(i) === name);
  const grad = grads[i] === null ? "not there yet" : exactly ? plain(grads[i]) : shown[i];
  const told = [`${v.name}: data ${there ? (exactly ? plain(v.data) : v.digits) : "–"}, grad ${grad}`, ...marksOf(i)];
  g.setAttribute("aria-label", told.join(", "));
}

// The uses by which the output depends on a value: the arrows of all its paths, for a summand those through one use.
export function route(i, only = null) {
  const found = new Set();
  const waiting = [];
  const follow = n => {
    if (found.has(n)) return;
    found.add(n);
    waiting.push(S[n].node);
  };
  if (only === null) INTO[i].forEach(follow);
  else follow(only);
  while (waiting.length) INTO[waiting.pop()].forEach(follow);
  return found;
}

// Values ready to pass their gradient on, and those that wait for more, in the order of the sweep.
export function queue() {
  const ready = [];
  const waits = [];
  for (let i = SEED - 1; i >= 0; i--) {
    const at = stage(i);
    if (at === "ready") ready.push(N[i].short);
    if (at === "waits") waits.push(`${N[i].short} (${INTO[i].filter(n => n <= now).length} of ${INTO[i].length})`);
  }
  return {ready, waits};
}
