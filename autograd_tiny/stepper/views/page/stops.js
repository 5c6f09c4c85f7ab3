// Breakpoints: the grammar of breakpoints.py; and the marks of time.

import {$, FLAGS, isBackward, isForward, LAST, make, N, S, SEED, target} from "./data.js";
import {chosen, go} from "./panel.js";
import {now} from "./state.js";

const stops = [];
const COMPARE = {
  "<": (a, b) => a < b,
  "<=": (a, b) => a <= b,
  ">": (a, b) => a > b,
  ">=": (a, b) => a >= b,
  "==": (a, b) => a === b,
};
export function parse(text) {
  text = text.trim();
  if (FLAGS.some(flag => flag.name === text)) return s => s.flags.includes(text);
  if (text === "final") return s => isBackward(s) && s.nth === s.of;
  const [, kind, what] = /^(node|op|scope|line)\s+(.+)$/.exec(text) || [];
  if (kind) {
    const about = {
      node: i => N[i].name === what,
      op: i => Boolean(N[i].op) && (N[i].op.name === what || N[i].op.symbol === what),
      scope: i => N[i].scope.startsWith(what) && !/^[\p{L}\p{N}_]/u.test(N[i].scope.slice(what.length)),
      line: i => N[i].source === what || N[i].source.split(":").pop() === what,
    }[kind];
    if (!N.some((_, i) => about(i))) throw new Error(`there is no ${kind} ${what}`);
    return s => about(kind === "node" ? target(s) : s.node);
  }
  const match = /^(\|?)\s*(grad|data|local)\s*(\|?)\s*(<=|>=|<|>|==)\s*(\S+)$/.exec(text);
  if (match && match[1] === match[3]) {
    const limit = Number(match[5]);
    if (Number.isNaN(limit)) throw new Error(`${match[5]} is not a number`);
    return s => {
      const x = {
        data: isForward(s) ? N[s.node].data : null,
        grad: isForward(s) ? null : s.after,
        local: isBackward(s) ? s.local : null,
      }[match[2]];
      return x !== null && COMPARE[match[4]](match[1] ? Math.abs(x) : x, limit);
    };
  }
  throw new Error(`“${text}” is not a breakpoint; write one of: ${$("examples").textContent}`);
}
export function stop(text) {
  try {
    if (!stops.some(b => b.text === text)) stops.push({text, test: parse(text)});
    say("");
  } catch (error) {
    say(error.message);
    return false;
  }
  showStops();
  return true;
}
function showStops() {
  $("breaking").hidden = !stops.length;
  $("breaking")
    .querySelector("ul")
    .replaceChildren(
      ...stops.map(b => {
        const n = S.filter(b.test).length;
        const off = make("button", {type: "button", "aria-label": `Remove the breakpoint ${b.text}`}, "×");
        off.addEventListener("click", () => {
          stops.splice(stops.indexOf(b), 1);
          showStops();
        });
        return make("li", {}, `${b.text}: ${n} ${n === 1 ? "step" : "steps"} `, off);
      }),
    );
  drawTicks();
}
export function run(by) {
  let n = now + by;
  while (n >= 0 && n <= LAST && !stops.some(b => b.test(S[n]))) n += by;
  if (!stops.length) say("there are no breakpoints; b sets one");
  else if (n < 0 || n > LAST) say(`no breakpoint ${by > 0 ? "after" : "before"} this step`);
  else say("");
  go(n);
}
export function change() {
  const i = chosen ?? (isBackward(S[now]) ? S[now].to : null);
  if (i === null) return say("choose a value first, or step into the backward pass");
  const n = S.findIndex((s, n) => n > now && !isForward(s) && target(s) === i);
  if (n < 0) say(`the gradient of ${N[i].name} does not change any more`);
  else {
    say("");
    go(n);
  }
}
export function drawTicks() {
  const svg = $("ticks"),
    total = LAST + 1,
    lines = [];
  svg.setAttribute("viewBox", `0 0 ${total} 10`);
  svg.replaceChildren(
    make("rect", {class: "forward", width: SEED, height: 10}),
    make("rect", {class: "backward", x: SEED, width: total - SEED, height: 10}),
  );
  const flagged = S.flatMap((s, n) => (FLAGS.some(f => f.marked && s.flags.includes(f.name)) ? [n] : []));
  const ticks = (numbers, name, y) => {
    // one path: a thousand ticks cost as much as one
    if (numbers.length)
      lines.push(
        make("path", {
          class: name,
          "vector-effect": "non-scaling-stroke",
          d: numbers.map(n => `M${n + 0.5} ${y}V10`).join(""),
        }),
      );
  };
  ticks(flagged, "flag", 6);
  if (stops.length)
    ticks(
      S.flatMap((s, n) => (stops.some(b => b.test(s)) ? [n] : [])),
      "stop",
      0,
    );
  svg.append(...lines);
}

export function say(text) {
  $("message").textContent = text;
}
