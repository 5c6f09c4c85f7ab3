// The texts of a step, the table of values, and the value that was chosen.

import {$, counted, D, INTO, isBackward, isForward, make, N, ORDER, PATHS, plain, S, SEED, target} from "./data.js";
import {arrows, boxes, marksOf, queue, route, writeBox} from "./graph.js";
import {lidOf} from "./frames.js";
import {keepInside, showProgram} from "./program.js";
import {grads, known, now, seek, shown, summands, within} from "./state.js";
import {follow} from "./view.js";
import {worded} from "./words.js";

export const rows = [];
export const watched = [];
export let chosen = null;
export let hidden = false; // a contribution is to be predicted

export function drawTable() {
  const body = $("table").tBodies[0];
  let scope = "";
  for (const i of ORDER) {
    const v = N[i];
    if (v.scope !== scope)
      body.append(make("tr", {}, make("th", {colspan: 3, scope: "rowgroup"}, v.scope || "outside")));
    scope = v.scope;
    const cells = [v.short, "–", "–"].map(text => make("td", {}, text));
    if (v.op && v.expression !== v.name) cells[0].append(make("span", {}, ` = ${v.formula}`));
    cells[0].title = v.name;
    const row = make("tr", {class: "ahead"}, ...cells);
    row.addEventListener("click", () => choose(i));
    rows[i] = {row, data: cells[1], grad: cells[2]};
    body.append(row);
  }
  $("names").append(...N.map(v => make("option", {value: v.name})));
}

export function write(i) {
  const exactly = $("exactly").checked;
  writeBox(i, exactly);
  rows[i].data.textContent = !known(i) ? "–" : exactly ? plain(N[i].data) : N[i].digits;
  rows[i].grad.textContent = exactly && grads[i] !== null ? plain(grads[i]) : shown[i];
  rows[i].row.classList.toggle("ahead", !known(i));
  rows[i].row.classList.toggle("bad", marksOf(i).length > 0);
}

let fresh = null; // the value whose tray shows its newest summand
export function go(n, ask = true) {
  const touched = seek(within(n));
  if (fresh !== null) touched.add(fresh);
  fresh = isForward(S[now]) ? null : target(S[now]);
  touched.forEach(write);
  hidden = ask && $("predicting").checked && isBackward(S[now]);
  if (hidden) {
    boxes[S[now].to].g_.textContent = "grad ?";
    rows[S[now].to].grad.textContent = "?";
  }
  show();
}

export function reveal() {
  hidden = false;
  write(S[now].to);
}

let lit = [];
function light(element, name) {
  element.classList.add(name);
  lit.push([element, name]);
}

export function show() {
  const s = S[now];
  for (const [element, name] of lit) element.classList.remove(name);
  lit = [];
  light(boxes[s.node].g, isForward(s) ? "active" : "giver");
  light(rows[s.node].row, "active");
  for (const lid of [s.node, target(s)].map(lidOf)) if (lid) light(lid.lid, "active");
  if (isBackward(s)) {
    light(boxes[s.to].g, "target");
    light(rows[s.to].row, "target");
  }
  showArrow(s);
  showTexts(s);
  if (chosen !== null) showChosen();
  showWatched();
  showProgram();
  $("explain").scrollTop = 0; // from here on positions are read: the page is laid out once
  follow();
  if (chosen === null) keepInside(rows[target(s)].row, $("values"));
  try {
    history.replaceState(null, "", `#step=${now + 1}`);
  } catch {
    // a sandboxed frame has no address
  }
}

let labelled = null;
function showArrow(s) {
  if (labelled) labelled.textContent = "";
  labelled = null;
  if (!isBackward(s) || !arrows[now]) return;
  light(arrows[now].g, "hot");
  labelled = arrows[now].label;
  labelled.textContent = hidden ? "?" : `× ${s.localDigits}`;
}

function showTexts(s) {
  const [headline, equation, accumulation, code, context, source] = s.texts;
  const op = D.ops[N[s.node].op?.name];
  $("headline").replaceChildren(...worded(headline));
  $("headline").title = headline;
  $("equation").replaceChildren(...worded(hidden ? equation.replace(/\s+[=≈]\s+\S+$/, " = ?") : equation));
  $("accumulation").textContent = hidden ? "" : accumulation;
  $("code").textContent = hidden ? "" : code;
  $("habit").textContent = op && !isForward(s) && isBackward(s) ? op.habit : "";
  $("context").textContent = hidden ? "" : context;
  $("source").textContent = source;
  const {ready, waits} = queue();
  const list = (word, names) =>
    names.length ? `${word}: ${names.slice(0, 4).join(", ")}${names.length > 4 ? ", …" : ""}` : "";
  $("queue").textContent = [list("ready to pass on", ready), list("waits for more", waits)]
    .filter(Boolean)
    .join("  ·  ");
  $("exact").hidden = hidden || !$("exactly").checked;
  $("exact").textContent = exact(s, op);
  $("predict").hidden = !hidden;
  $("explain").classList.toggle("asking", hidden);
  if (hidden) $("guess").value = "";
  if (hidden || !$("verdict").dataset.keep) $("verdict").textContent = "";
  delete $("verdict").dataset.keep;
  $("live").textContent = hidden
    ? `${headline} What is upstream times local?`
    : [headline, equation, accumulation, context].filter(Boolean).join(". ");
  if (document.activeElement !== $("step")) $("step").value = now + 1;
  $("time").value = now;
  $("time").setAttribute("aria-valuetext", headline);
}

// Room for the longest text of each kind, so that no text moves another.
const SLOTS = {headline: 0, equation: 1, accumulation: 2, code: 3, context: 4};
const ruler = document.createElement("canvas").getContext("2d");
export function reserve() {
  const around = getComputedStyle($("explain"));
  const room = $("explain").clientWidth - 2 * parseFloat(around.paddingLeft);
  if (room <= 0) return;
  let total = 2 * parseFloat(around.paddingTop) + 1.6 * parseFloat(around.fontSize); // a line for digits or a verdict
  const texts = Object.entries(SLOTS).map(([id, k]) => [id, S.map(s => s.texts[k])]);
  texts.push(["habit", Object.values(D.ops).map(op => op.habit)]);
  for (const [id, all] of texts) {
    const style = getComputedStyle($(id));
    if (style.display === "none") continue;
    ruler.font = `${style.fontStyle} ${style.fontWeight} ${style.fontSize} ${style.fontFamily}`;
    const widest = all.reduce((most, text) => Math.max(most, ruler.measureText(text).width), 0);
    const most = style.whiteSpace === "nowrap" ? 1 : id === "context" ? 2 : 5; // a longer context stands last
    const lines = Math.min(most, Math.max(1, Math.ceil((widest * 1.1) / room)));
    const high = lines * parseFloat(style.lineHeight);
    $(id).style.minHeight = `${high}px`;
    total += high + 2 * parseFloat(style.marginTop);
  }
  $("explain").style.height = `${Math.ceil(total)}px`;
}

function exact(s, op) {
  if (isForward(s)) return `data ${plain(N[s.node].data)}`;
  if (!isBackward(s)) return `after ${plain(s.after)}`;
  const stable = op?.stable ? `  computed as ${op.stable}` : "";
  const parts = ["upstream", "local", "contribution", "after"].map(name => `${name} ${plain(s[name])}`);
  return parts.join("  ") + stable;
}

// The routes of a value: the arrows of its paths light up, for a summand those of its use.
let routed = [];
export function trace(i, only = null) {
  for (const element of routed) element.classList.remove("lit");
  routed = [];
  tellFull(i ?? chosen);
  if (i === null || now < SEED) return;
  for (const n of route(i, only)) {
    routed.push(boxes[S[n].node].g);
    if (arrows[n]) routed.push(arrows[n].g);
  }
  for (const element of routed) element.classList.add("lit");
}

// The full name of a value, and of the chosen one why its gradient is what it is: near the picture, for phones.
function tellFull(i) {
  const v = N[i];
  const name = v?.expression && v.expression !== v.name ? `${v.name} = ${v.expression}` : (v?.name ?? "");
  const lines = i === chosen && i !== null ? [...$("why").querySelectorAll(".line")].map(line => line.textContent) : [];
  const sums = lines.filter(line => line.startsWith("= "));
  const [first = "", counts = ""] = lines.filter(line => !line.startsWith("= "));
  $("full").textContent = [name, [first, ...sums].join(" "), counts].filter(Boolean).join(" · ");
}

export function choose(i) {
  if (chosen !== null) {
    boxes[chosen].g.classList.remove("chosen");
    rows[chosen].row.classList.remove("chosen");
  }
  chosen = chosen === i ? null : i;
  $("selected").hidden = chosen === null;
  tellFull(chosen);
  if (chosen === null) return;
  boxes[i].g.classList.add("chosen");
  rows[i].row.classList.add("chosen");
  showChosen();
  $("values").scrollTop = 0;
}

function showChosen() {
  const v = N[chosen];
  const unknown = hidden && S[now].to === chosen;
  $("chosen").textContent = `${v.name}: data ${known(chosen) ? v.digits : "–"}, grad ${unknown ? "?" : shown[chosen]}`;
  $("why").replaceChildren(...(unknown ? [] : why()));
  $("uses").hidden = !INTO[chosen].length;
  const lines = INTO[chosen].map((n, k) => {
    const arrived = n < now || (n === now && !hidden);
    const line = make("tr", {}, make("td", {}, `${k + 1}, through ${N[S[n].node].short}`));
    line.append(make("td", {}, arrived ? S[n].texts[1].split(":  ").pop() : "–"));
    hoverable(line, n);
    return line;
  });
  $("uses").tBodies[0].replaceChildren(...lines);
  tellFull(chosen);
}

function hoverable(element, n) {
  element.tabIndex = 0;
  for (const name of ["pointerenter", "focus", "click"]) element.addEventListener(name, () => trace(chosen, n));
  for (const name of ["pointerleave", "blur"]) element.addEventListener(name, () => trace(null));
}

// Why a gradient is what it is: its summands, and those of the gradients that they come from.
function why() {
  const parts = summands(chosen).filter(part => part.text !== "–");
  if (!parts.length) return ["no gradient has arrived yet"];
  const bracketed = (text, k) => (text.startsWith("-") && k ? `(${text})` : text);
  const first = [];
  const second = [];
  parts.forEach(({text, step}, k) => {
    const button = make("button", {type: "button", class: "summand"}, bracketed(text, k));
    if (step !== null) hoverable(button, step);
    first.push(k ? " + " : "", button);
    second.push(k ? " + " : "", step === null || !isBackward(S[step]) ? text : product(S[step]));
  });
  const line = (...texts) => make("span", {class: "line"}, ...texts);
  const said = [line(`${N[chosen].short}.grad = ${shown[chosen]}`)];
  if (parts.length > 1) said.push(line("= ", ...first));
  if (parts.some(({step}) => step !== null && isBackward(S[step]))) said.push(line("= ", ...second));
  const paths = PATHS[chosen];
  if (chosen !== SEED - 1) {
    said.push(line(`${counted(INTO[chosen].length, "use")}, ${counted(paths, "path")} from ${N[SEED - 1].short}`));
  }
  return said;
}

function product(s) {
  const parts = summands(s.node).map(part => part.text);
  const upstream = parts.length > 1 && parts.length < 4 ? `(${parts.join(" + ")})` : s.upstreamDigits;
  return `${upstream} × ${s.localDigits}`;
}

export function showWatched() {
  $("watching").hidden = !watched.length;
  const items = watched.map(i => {
    const off = make("button", {type: "button", "aria-label": `Stop watching ${N[i].name}`}, "×");
    off.addEventListener("click", () => {
      watched.splice(watched.indexOf(i), 1);
      showWatched();
    });
    return make("li", {}, `${N[i].name}.grad = ${hidden && S[now].to === i ? "?" : shown[i]} `, off);
  });
  $("watching")
    .querySelector("ul")
    .replaceChildren(...items);
}
