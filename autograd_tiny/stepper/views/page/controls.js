// Buttons, fields and keys.

import {$, AT, LAST, N, ORDER, S, SEED} from "./data.js";
import {toggleAll} from "./frames.js";
import {boxes} from "./graph.js";
import {choose, chosen, go, reserve, reveal, rows, show, showWatched, trace, watched, write} from "./panel.js";
import {keepInside} from "./program.js";
import {now, within} from "./state.js";
import {change, run, say, stop} from "./stops.js";
import {fit, listenToPointers, resized, showNode, whole} from "./view.js";

// The step that lies one contribution, one value or one module further.
function over(level, by) {
  if (level === "step") return now + by;
  const key = n => `${S[n].kind}:${level === "node" ? S[n].node : N[S[n].node].scope}`;
  let n = now + by;
  if (n < 0 || n > LAST) return now;
  if (by > 0) while (n < LAST && key(n + 1) === key(n)) n++;
  else while (n > 0 && key(n) === key(now)) n--;
  return n;
}
const leap = by => go(over($("level").value, by));

let playing = 0;
function play(on) {
  clearInterval(playing);
  playing = on ? setInterval(() => (now < LAST ? leap(1) : play(false)), 1100) : 0;
  $("play").setAttribute("aria-pressed", String(Boolean(on)));
  $("play").setAttribute("aria-label", on ? "Stop" : "Play");
  $("play-icon").setAttribute("d", on ? "M3 2h4v12H3zM9 2h4v12H9z" : "M4 2v12l10-6z");
}

function find(name) {
  const i = N.findIndex(v => v.name === name);
  const near = i < 0 ? N.findIndex(v => v.name.includes(name) || v.expression.includes(name)) : i;
  if (!name || near < 0) return say(`no value is called ${name}`);
  say("");
  if (chosen !== near) choose(near);
  keepInside(rows[near].row, $("values"));
  showNode(near);
}

function jump(text) {
  const n = Number(text);
  if (!Number.isInteger(n) || n < 1 || n > LAST + 1) {
    say(`step ${text}: expected a number from 1 to ${LAST + 1}`);
    $("step").value = now + 1;
    return;
  }
  say("");
  go(n - 1);
}

function toggle(id) {
  $(id).checked = !$(id).checked;
  $(id).dispatchEvent(new Event("change"));
}

function chooseNext(by) {
  const i = chosen === null ? S[now].node : ORDER[(AT[chosen] + by + SEED) % SEED];
  if (i !== chosen) choose(i);
  boxes[i].g.focus({preventScroll: true});
  showNode(i);
}

function project() {
  const on = document.documentElement.classList.toggle("projector");
  $("project").setAttribute("aria-pressed", String(on));
  fitted();
}

function fitted() {
  reserve();
  resized();
}

function judge(event) {
  event.preventDefault();
  const {contribution} = S[now];
  const guess = $("guess").value.trim() === "" ? NaN : Number($("guess").value);
  const right = Math.abs(guess - contribution) <= 0.01 * Math.abs(contribution) + 1e-12;
  reveal();
  $("verdict").textContent = Number.isNaN(guess) ? "" : right ? "✓ right" : `✗ you said ${guess}`;
  $("verdict").dataset.keep = "1";
  $("guess").blur();
  show();
}

// Run an action with the text of a form's field, and leave the field.
function submitted(form, field, act) {
  $(form).onsubmit = event => {
    event.preventDefault();
    if (act($(field).value) === false) return;
    if (field === "break") $(field).value = "";
    $(field).blur();
  };
}

function listenToButtons() {
  $("first").onclick = () => go(0);
  $("last").onclick = () => go(LAST);
  $("back").onclick = () => leap(-1);
  $("next").onclick = () => leap(1);
  $("play").onclick = () => play(!playing);
  $("time").oninput = () => go(Number($("time").value));
  $("step").onchange = () => jump($("step").value);
  $("step").onkeydown = event => {
    if (event.key === "Enter") {
      jump($("step").value);
      $("step").blur();
    }
  };
  $("fit").onclick = () => fit(!whole);
  $("project").onclick = project;
  $("help-open").onclick = () => $("help").showModal();
  $("exactly").onchange = () => {
    document.body.classList.toggle("exactly", $("exactly").checked);
    N.forEach((_, i) => write(i));
    show();
  };
  $("predicting").onchange = () => go(now);
  submitted("break-form", "break", stop);
  submitted("find-form", "find", find);
  $("predict").onsubmit = judge;
  $("break-here").onclick = () => stop(`node ${N[chosen].name}`);
  $("watch-here").onclick = () => {
    if (!watched.includes(chosen)) watched.push(chosen);
    showWatched();
  };
}

const KEYS = {
  ArrowRight: event => (event.shiftKey ? go(over("node", 1)) : leap(1)),
  ArrowLeft: event => (event.shiftKey ? go(over("node", -1)) : leap(-1)),
  PageDown: () => leap(1),
  PageUp: () => leap(-1),
  Home: () => go(0),
  End: () => go(LAST),
  " ": () => play(!playing),
  g: () => $("step").select(),
  "/": () => $("find").focus(),
  b: () => $("break").focus(),
  c: () => run(1),
  C: () => run(-1),
  w: change,
  m: toggleAll,
  p: project,
  q: () => toggle("predicting"),
  x: () => toggle("exactly"),
  f: () => fit(!whole),
  "?": () => $("help").showModal(),
  Escape: () => {
    if (chosen !== null) choose(chosen);
    trace(null);
    say("");
  },
  "[": () => chooseNext(-1),
  "]": () => chooseNext(1),
};

function pressed(event) {
  if ($("help").open || event.ctrlKey || event.metaKey || event.altKey) return;
  const at = event.target;
  if (at.matches("input:not([type=range]):not([type=checkbox]), select")) {
    if (event.key === "Escape") at.blur();
    return;
  }
  if (event.key === " " && at.matches("button, input")) return;
  if (!KEYS[event.key]) return;
  event.preventDefault();
  KEYS[event.key](event);
}

// The step that the address names: #step=13.
export function wanted() {
  const match = /^#step=(\d+)$/.exec(location.hash);
  return match ? within(Number(match[1]) - 1) : null;
}

export function listen() {
  listenToButtons();
  listenToPointers(leap);
  addEventListener("keydown", pressed);
  addEventListener("hashchange", () => {
    const n = wanted();
    if (n !== null && n !== now) go(n);
  });
  addEventListener("resize", fitted);
  addEventListener("beforeprint", () => fit(true));
}
