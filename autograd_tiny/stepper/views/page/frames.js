// Frames around modules. A closed one is a filter: what it gives out stands on its lid, in letters for the whole picture.

import {D, isBackward, make, N, S, SEED} from "./data.js";
import {known, shown} from "./state.js";

const frames = D.frames.map(([name, left, top, right, bottom, path]) => {
  const within = N.map(v => v.scope === path || v.scope.startsWith(`${path}.`));
  const leaves = S.flatMap(s => (isBackward(s) && within[s.to] && !within[s.node] ? [s.to] : []));
  const out = leaves[0] ?? (within[SEED - 1] ? SEED - 1 : null);
  return {name, left, top, width: right - left, height: bottom - top, path, within, out, closed: false};
});

export function drawFrames(below, above) {
  for (const frame of frames) {
    const {left, top, width, height} = frame;
    const shape = {x: left, y: top, width, height, rx: 9};
    frame.title = make("text", {class: "module", x: left + 6, y: top + 11, tabindex: 0, role: "button"}, frame.name);
    frame.title.dataset.room = width - 12;
    const size = Math.min(44, height / 5);
    frame.texts = ["named", "data", "g"].map((kind, k) => {
      const text = make("text", {class: kind, x: left + width / 2, y: top + height / 2 + size * (1.3 * k - 0.95)});
      text.style.fontSize = `${size}px`;
      text.dataset.room = width - 24;
      return text;
    });
    frame.lid = make("g", {class: "lid"}, make("rect", shape), ...frame.texts);
    frame.title.addEventListener("click", () => toggleFrames([frame]));
    frame.lid.addEventListener("click", () => toggleFrames([frame]));
    frame.title.addEventListener("keydown", event => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      event.stopPropagation();
      toggleFrames([frame]);
    });
    below.append(make("rect", {...shape, class: "frame"}));
    above.append(frame.lid, frame.title);
  }
}

const listeners = [];
// What to do when frames were closed or opened.
export const onToggle = f => listeners.push(f);

function toggleFrames(chosen) {
  for (const frame of chosen) frame.closed = !frame.closed;
  for (const frame of frames) {
    const inner = frames.some(other => other.closed && other !== frame && frame.path.startsWith(`${other.path}.`));
    frame.lid.classList.toggle("closed", frame.closed && !inner);
    frame.title.classList.toggle("covered", inner);
    frame.title.setAttribute("aria-expanded", String(!frame.closed));
    frame.title.setAttribute("aria-label", `${frame.path}: ${frame.closed ? "open" : "close"}`);
  }
  for (const told of listeners) told();
}

// The outermost closed frame over a value.
export const lidOf = i => frames.find(frame => frame.closed && frame.within[i]) ?? null;

// Close the innermost frames, or open all.
export function toggleAll() {
  const closed = frames.filter(frame => frame.closed);
  const innermost = frames.filter(frame => !frames.some(other => other.path.startsWith(`${frame.path}.`)));
  toggleFrames(closed.length ? closed : innermost);
}

export function writeLids(i, squeeze) {
  for (const {out, texts, path} of frames) {
    if (out !== i) continue;
    const lines = [path, `${N[i].short} = ${known(i) ? N[i].digits : "–"}`, `grad ${shown[i]}`];
    texts.forEach((text, k) => {
      text.textContent = lines[k];
      squeeze(text);
    });
  }
}
