// The program beside the picture, and the line or the part of a line that was just run.

import {$, D, isForward, make, S} from "./data.js";
import {now} from "./state.js";
import {coloured} from "./words.js";

const lines = [];

export function drawProgram() {
  $("program").hidden = !D.program.lines.length;
  document.body.classList.toggle("programmed", !$("program").hidden);
  const list = $("program").querySelector("ol");
  for (const [at, texts] of D.program.lines) {
    const parts = texts.map(text => make("span", {}, ...coloured(text)));
    const line = make("li", {}, make("span", {class: "at"}, at), make("code", {}, ...parts));
    lines.push({line, parts});
    list.append(line);
  }
}

let marked = [];
export function showProgram() {
  for (const element of marked) element.classList.remove("run", "back");
  marked = [];
  const span = D.program.spans[S[now].node];
  if (!span) return;
  const [at, start, end] = span;
  const {line, parts} = lines[at];
  marked = [line, ...(end - start < parts.length ? parts.slice(start, end) : [])];
  for (const element of marked) element.classList.add(isForward(S[now]) ? "run" : "back");
  keepInside(line, $("program"));
}

// Scroll a list so that its row is seen; the page itself stays.
export function keepInside(row, list) {
  const [a, b] = [row.getBoundingClientRect(), list.getBoundingClientRect()];
  if (a.top < b.top) list.scrollTop -= b.top - a.top + 4;
  else if (a.bottom > b.bottom) list.scrollTop += a.bottom - b.bottom + 4;
}
