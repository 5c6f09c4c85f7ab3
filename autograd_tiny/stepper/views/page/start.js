// Draw everything once, and open at the step that the address names, else where something is wrong.

import {$, D, FLAGS, LAST, make, N} from "./data.js";
import {onToggle} from "./frames.js";
import {drawGraph} from "./graph.js";
import {choose, drawTable, go, reserve, show, trace, write} from "./panel.js";
import {drawProgram} from "./program.js";
import {drawTicks} from "./stops.js";
import {listen, wanted} from "./controls.js";

function drawMuseum() {
  $("museum").hidden = !D.museum.length;
  for (const [text, step] of D.museum) {
    const see = make("button", {type: "button"}, step === null ? "no difference here" : `see step ${step + 1}`);
    see.disabled = step === null;
    see.addEventListener("click", () => go(step));
    $("museum").append(make("p", {class: "exhibit"}, text), see);
  }
}

function drawFound() {
  if (!D.found) return;
  $("found").hidden = false;
  $("found").firstElementChild.textContent = D.found.text;
  const see = make("button", {type: "button"}, `see step ${D.found.step + 1}`);
  see.addEventListener("click", () => go(D.found.step));
  $("found").append(see);
}

$("of").textContent = `of ${LAST + 1}`;
$("time").max = LAST;
$("grammar").append(
  ...FLAGS.map(({name, hint}) => make("option", {value: name, label: hint})),
  ...["final", "|grad| > 10"].map(value => make("option", {value})),
);
drawGraph(choose, trace);
drawTable();
drawProgram();
drawTicks();
drawMuseum();
drawFound();
listen();
reserve();
N.forEach((_, i) => {
  write(i);
});
onToggle(show);
go(wanted() ?? D.found?.step ?? 0);
