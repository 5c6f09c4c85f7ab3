// The view of the picture. It moves only when what a step is about is off screen, and glides.

import {$, D, N, S, target} from "./data.js";
import {lens} from "./graph.js";
import {now} from "./state.js";

const MARGIN = 15; // points around the picture
const READABLE = 0.72; // scale at which the whole picture can still be read
const CLOSE = 0.9; // scale of a part of it

export let camera = null; // [left, top, width, height] in points of the picture
export let whole = false;

// Bring the step on screen, if it is not.
export function follow() {
  const box = $("graph").getBoundingClientRect();
  const [w, h] = D.size;
  if (!box.width || !box.height || !w || !h) return;
  const all = [-MARGIN, -MARGIN, w + 2 * MARGIN, h + 2 * MARGIN];
  if (whole || Math.min(box.width / all[2], box.height / all[3]) >= readable()) {
    if (!camera || whole || !holds(camera, [0, 0, w, h])) look(all);
    return;
  }
  if (camera && holds(camera, around(S[now], 0))) {
    last = now;
    return;
  }
  const wanted = ahead(scaleOf(camera, box), box);
  const k = Math.min(scaleOf(camera, box), box.width / wanted[2], box.height / wanted[3]);
  const [ww, hh] = [box.width / k, box.height / k];
  look([centred(wanted[0], wanted[2], ww, w), centred(wanted[1], wanted[3], hh, h), ww, hh]);
}

const readable = () => (document.documentElement.classList.contains("projector") ? 2 : READABLE);

function scaleOf(view, box) {
  if (!view || readable() > READABLE) return Math.max(CLOSE, readable());
  return Math.max(0.8, Math.min(box.width / view[2], box.height / view[3]));
}

// Where a view of size `room` starts so that the wanted part is in its middle, and no empty space is shown.
function centred(at, size, room, total) {
  const start = at + size / 2 - room / 2;
  return room >= total + 2 * MARGIN ? total / 2 - room / 2 : Math.max(-MARGIN, Math.min(total + MARGIN - room, start));
}

// The boxes of this step and of those that come next, as many as the view holds: it then stays for a while.
function ahead(k, box) {
  const by = now >= last ? 1 : -1;
  last = now;
  let found = around(S[now], 12);
  for (let n = now + by; S[n]; n += by) {
    const [[a, b, w, h], [c, d, v, g]] = [found, around(S[n], 12)];
    const [left, top] = [Math.min(a, c), Math.min(b, d)];
    const both = [left, top, Math.max(a + w, c + v) - left, Math.max(b + h, d + g) - top];
    if (both[2] * k > box.width || both[3] * k > box.height) break;
    found = both;
  }
  return found;
}
let last = 0;

// The boxes of a step, with some room around them.
function around(s, room) {
  const nodes = [N[s.node], N[target(s)]];
  const left = Math.min(...nodes.map(v => v.x - v.width / 2));
  const right = Math.max(...nodes.map(v => v.x + v.width / 2));
  const [top, bottom] = [Math.min(...nodes.map(v => v.y)), Math.max(...nodes.map(v => v.y))];
  return [left - room, top - D.height / 2 - room, right - left + 2 * room, bottom - top + D.height + 2 * room];
}

function holds([x, y, w, h], [left, top, width, height]) {
  return left >= x - 0.5 && top >= y - 0.5 && left + width <= x + w + 0.5 && top + height <= y + h + 0.5;
}

// Moved by CSS: a viewBox, or a transform inside the SVG, would lay out every text again.
export function look(view, gliding = camera !== null) {
  const box = $("graph").getBoundingClientRect();
  const [x, y, w, h] = view;
  const k = Math.min(box.width / w, box.height / h);
  if (!(k > 0)) return;
  camera = [x - (box.width / k - w) / 2, y - (box.height / k - h) / 2, box.width / k, box.height / k];
  lens.classList.toggle("gliding", gliding);
  lens.style.transform = `translate(${-camera[0] * k}px, ${-camera[1] * k}px) scale(${k})`;
}

export function fit(on) {
  whole = on;
  camera = null;
  $("fit").setAttribute("aria-pressed", String(on));
  follow();
}

// The window changed: what was on screen may not be.
export function resized() {
  camera = null;
  follow();
}

export function showNode(i) {
  const v = N[i];
  if (whole || !camera || holds(camera, [v.x - v.width / 2, v.y - D.height / 2, v.width, D.height])) return;
  look([v.x - camera[2] / 2, v.y - camera[3] / 2, camera[2], camera[3]]);
}

function zoom(factor, cx, cy) {
  if (!camera) return;
  const box = $("graph").getBoundingClientRect();
  const [x, y, w, h] = camera;
  const [px, py] = [x + (w * (cx - box.left)) / box.width, y + (h * (cy - box.top)) / box.height];
  look([px - (px - x) * factor, py - (py - y) * factor, w * factor, h * factor], false);
}

export function listenToPointers(step) {
  const graph = $("graph");
  let drag = null;
  graph.addEventListener(
    "wheel",
    event => {
      event.preventDefault();
      zoom(event.deltaY > 0 ? 1.15 : 1 / 1.15, event.clientX, event.clientY);
    },
    {passive: false},
  );
  graph.addEventListener("pointerdown", event => {
    drag = [event.clientX, event.clientY, camera];
  });
  addEventListener("pointerup", () => {
    drag = null;
  });
  graph.addEventListener("pointermove", event => {
    if (!drag?.[2]) return;
    const [x, y, [left, top, width, height]] = drag;
    const k = width / graph.getBoundingClientRect().width;
    look([left - (event.clientX - x) * k, top - (event.clientY - y) * k, width, height], false);
  });
  // A finger that wipes across the texts steps.
  let touch = null;
  $("explain").addEventListener("touchstart", event => {
    touch = event.touches.length === 1 ? [event.touches[0].clientX, event.touches[0].clientY] : null;
  });
  $("explain").addEventListener("touchend", event => {
    if (!touch) return;
    const [dx, dy] = [event.changedTouches[0].clientX - touch[0], event.changedTouches[0].clientY - touch[1]];
    touch = null;
    if (Math.abs(dx) > 40 && Math.abs(dx) > 2 * Math.abs(dy)) step(dx < 0 ? 1 : -1);
  });
}
