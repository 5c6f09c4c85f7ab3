const D = JSON.parse(document.getElementById("data").textContent);
const $ = id => document.getElementById(id);
const SVG = "http://www.w3.org/2000/svg";
const NUMBERS = ["data", "upstream", "local", "contribution", "before", "after"];
// Nodes and steps with the fields of stepper/trace_json.py, and those that page/__init__.py adds.
const unpacked = ({fields, rows}) =>
  rows.map(row => Object.fromEntries(fields.map((name, k) => [name, NUMBERS.includes(name) ? real(row[k]) : row[k]])));
const N = unpacked(D.nodes),
  S = unpacked(D.steps),
  FLAGS = unpacked(D.flags),
  SEED = N.length,
  LAST = S.length - 1;
// Nodes in the order in which the code ran, and the place of each.
const ORDER = S.slice(0, SEED).map(s => s.node),
  AT = N.map((_, i) => ORDER.indexOf(i));
const isBackward = s => s.kind === "backward",
  isForward = s => s.kind === "forward",
  target = s => (isBackward(s) ? s.to : s.node);
const grads = N.map(() => null),
  shown = N.map(() => "–"); // the state after step `now`
S.slice(SEED)
  .filter(s => !N[target(s)].op && s.before !== null && !(s.nth > 1))
  .forEach(s => {
    grads[target(s)] = s.before;
    shown[target(s)] = s.digits[0];
  });
const start = {grads: [...grads], shown: [...shown]};
let now = -1,
  chosen = null,
  playing = 0,
  whole = false,
  hidden = false,
  camera = null;
const stops = [],
  watched = [];

function real(x) {
  return typeof x === "string" ? {nan: NaN, inf: Infinity, "-inf": -Infinity}[x] : x;
}
function make(tag, attributes = {}, ...children) {
  const svg = ["svg", "g", "rect", "text", "path", "line", "title"].includes(tag);
  const element = svg ? document.createElementNS(SVG, tag) : document.createElement(tag);
  for (const [name, item] of Object.entries(attributes)) element.setAttribute(name, item);
  element.append(...children);
  return element;
}
const grad = i => shown[i];

// The graph: drawn once; a step changes classes and texts only.
const boxes = [],
  arrows = [],
  rows = [],
  lens = make("svg");
function drawGraph() {
  const ends = make("g"),
    middles = make("g"),
    labels = make("g");
  S.forEach((s, n) => {
    if (!isBackward(s)) return;
    const points = D.arrows[n - SEED - 1];
    if (!points.length) return;
    const g = make("g");
    let d = `M${points[0]} ${points[1]}`;
    for (let k = 2; k + 5 < points.length; k += 6) d += `C${points.slice(k, k + 6).join(" ")}`;
    const [ax, ay, bx, by] = points.slice(-4),
      angle = Math.atan2(by - ay, bx - ax);
    const corner = t => `${(bx - 7 * Math.cos(angle + t)).toFixed(1)} ${(by - 7 * Math.sin(angle + t)).toFixed(1)}`;
    g.append(
      make("path", {d, class: "arrow"}),
      make("path", {d: `M${bx} ${by}L${corner(0.45)}L${corner(-0.45)}z`, class: "head"}),
    );
    const half = 6 * Math.floor(points.length / 12);
    const label = make("text", {
      class: "local",
      x: (points[0] + bx) / 2,
      y: (points.length > 8 ? points[half + 1] : (points[1] + by) / 2) - 5,
    });
    labels.append(label);
    arrows[n] = {g, label};
    ends.append(g);
  });
  N.forEach((v, i) => {
    const g = make("g", {class: `node ahead${v.op ? "" : " leaf"}`, tabindex: "-1", role: "img"});
    g.append(make("rect", {x: v.x - v.width / 2, y: v.y - D.height / 2, width: v.width, height: D.height, rx: 7}));
    const lines = ["title", "data", "g"].map((kind, k) => make("text", {class: kind, x: v.x, y: v.y - 11 + 15 * k}));
    lines[0].textContent = v.title;
    g.append(...lines);
    g.addEventListener("click", () => choose(i));
    boxes[i] = {g, data: lines[1], g_: lines[2]};
    middles.append(g);
  });
  lens.append(ends, middles, labels);
  lens.setAttribute("width", D.size[0] + 30);
  lens.setAttribute("height", D.size[1] + 30);
  $("graph").append(lens);
}
function drawTable() {
  const body = $("table").tBodies[0];
  ORDER.forEach(i => {
    const v = N[i],
      row = make("tr", {class: "ahead"}),
      cells = [v.name, v.expression === v.name ? "" : v.expression, "–", "–"].map(text => make("td", {}, text));
    row.append(...cells);
    row.addEventListener("click", () => choose(i));
    rows[i] = {row, data: cells[2], grad: cells[3]};
    body.append(row);
  });
  $("names").append(...N.map(v => make("option", {value: v.name})));
}
function write(i) {
  const there = AT[i] <= now,
    v = N[i],
    data = there ? ($("exactly").checked ? plain(v.data) : v.digits) : "–";
  const g = $("exactly").checked && grads[i] !== null ? plain(grads[i]) : grad(i);
  boxes[i].data.textContent = `data ${there ? v.digits : "–"}`;
  boxes[i].g_.textContent = `grad ${grad(i)}`;
  boxes[i].g.classList.toggle("ahead", !there);
  boxes[i].g.setAttribute("aria-label", `${v.name}: data ${data}, grad ${g === "–" ? "not there yet" : g}`);
  rows[i].data.textContent = data;
  rows[i].grad.textContent = g;
  rows[i].row.classList.toggle("ahead", !there);
}
function plain(x) {
  return Object.is(x, -0) ? "-0" : Number.isFinite(x) ? String(x) : Number.isNaN(x) ? "nan" : x > 0 ? "inf" : "-inf";
}

// Time.
function seek(n) {
  n = Math.max(0, Math.min(LAST, n));
  const touched = new Set();
  while (now < n) {
    const s = S[++now];
    const i = target(s);
    if (!isForward(s)) {
      grads[i] = s.after;
      shown[i] = s.digits[1];
    }
    touched.add(i);
  }
  while (now > n) {
    const s = S[now--],
      i = target(s);
    if (!isForward(s)) {
      const later = s.nth > 1;
      grads[i] = later ? s.before : start.grads[i];
      shown[i] = later ? s.digits[0] : start.shown[i];
    }
    touched.add(i);
  }
  touched.forEach(write);
}
function go(n, ask = true) {
  seek(n);
  hidden = ask && $("predicting").checked && isBackward(S[now]);
  if (hidden) {
    const i = S[now].to;
    boxes[i].g_.textContent = "grad ?";
    rows[i].grad.textContent = "?";
  }
  show();
}
let lit = [],
  labelled = null;
function light(element, name) {
  element.classList.add(name);
  lit.push([element, name]);
}
function show() {
  const s = S[now];
  lit.forEach(([element, name]) => element.classList.remove(name));
  lit = [];
  if (labelled) labelled.textContent = "";
  labelled = null;
  light(boxes[s.node].g, "active");
  light(rows[s.node].row, "active");
  if (isBackward(s)) {
    light(boxes[s.to].g, "target");
    light(rows[s.to].row, "target");
    if (arrows[now]) {
      light(arrows[now].g, "hot");
      labelled = arrows[now].label;
      labelled.textContent = hidden ? "?" : s.localDigits;
    }
  }
  const [headline, equation, accumulation, code, context, source] = s.texts;
  $("headline").textContent = headline;
  $("equation").textContent = hidden ? equation.replace(/\s+[=≈]\s+\S+$/, "  =  ?") : equation;
  $("accumulation").textContent = hidden ? "" : accumulation;
  $("code").textContent = hidden ? "" : code;
  $("context").textContent = hidden ? "" : context;
  $("source").textContent = source;
  $("exact").hidden = hidden || !$("exactly").checked;
  $("exact").textContent = isBackward(s)
    ? `upstream ${plain(s.upstream)}  local ${plain(s.local)}  contribution ${plain(s.contribution)}  after ${plain(s.after)}`
    : isForward(s)
      ? `data ${plain(N[s.node].data)}`
      : `after ${plain(s.after)}`;
  $("predict").hidden = !hidden;
  if (hidden) {
    $("guess").value = "";
    $("verdict").textContent = "";
  } else if (!$("verdict").dataset.keep) $("verdict").textContent = "";
  delete $("verdict").dataset.keep;
  $("live").textContent = hidden
    ? `${headline} What is upstream times local?`
    : [headline, equation, accumulation, context].filter(Boolean).join(". ");
  if (document.activeElement !== $("step")) $("step").value = now + 1;
  $("time").value = now;
  $("time").setAttribute("aria-valuetext", headline);
  if (chosen !== null) showChosen();
  showWatched();
  follow();
  if (chosen === null) rows[target(s)].row.scrollIntoView({block: "nearest"});
  try {
    history.replaceState(null, "", `#step=${now + 1}`);
  } catch {
    /* a sandboxed frame has no address */
  }
}
function leap(by) {
  // by: 1 or -1; the level is a step, a value or a module
  const level = $("level").value;
  return over(level, by);
}
function over(level, by) {
  if (level === "step") return now + by;
  const key = n => `${S[n].kind}:${level === "node" ? S[n].node : N[S[n].node].scope}`;
  let n = now + by;
  if (n < 0 || n > LAST) return now;
  if (by > 0) while (n < LAST && key(n + 1) === key(n)) n++;
  else while (n > 0 && key(n) === key(now)) n--;
  return n;
}

// The camera: the whole graph if it is readable, else close to the step.
function follow() {
  const svg = $("graph"),
    box = svg.getBoundingClientRect(),
    [w, h] = D.size;
  if (!box.width || !box.height || !w || !h) return;
  const scale = Math.min(box.width / (w + 30), box.height / (h + 30));
  let view = [-15, -15, w + 30, h + 30];
  if (scale < 0.8 && !whole) {
    const s = S[now],
      a = N[s.node],
      b = N[target(s)],
      ww = box.width / 1.05,
      hh = box.height / 1.05;
    view = [(a.x + b.x - ww) / 2, (a.y + b.y - hh) / 2, ww, hh];
    const grow = Math.max(1, (Math.abs(a.x - b.x) + 160) / ww, (Math.abs(a.y - b.y) + 90) / hh);
    if (grow > 1) view = [(a.x + b.x - ww * grow) / 2, (a.y + b.y - hh * grow) / 2, ww * grow, hh * grow];
  }
  look(view);
}
function look(view) {
  // moved by CSS: a viewBox, or a transform inside the SVG, would lay out every text again
  const box = $("graph").getBoundingClientRect(),
    [x, y, w, h] = view,
    k = Math.min(box.width / w, box.height / h);
  if (!(k > 0)) return;
  camera = view;
  lens.style.transform = `translate(${(box.width - w * k) / 2 - x * k}px, ${(box.height - h * k) / 2 - y * k}px) scale(${k})`;
}
function zoom(factor, cx, cy) {
  if (!camera) return;
  const box = $("graph").getBoundingClientRect(),
    [x, y, w, h] = camera;
  const px = x + (w * (cx - box.left)) / box.width,
    py = y + (h * (cy - box.top)) / box.height;
  look([px - (px - x) * factor, py - (py - y) * factor, w * factor, h * factor]);
}

// The chosen value, and its uses so far.
function choose(i) {
  if (chosen !== null) {
    boxes[chosen].g.classList.remove("chosen");
    rows[chosen].row.classList.remove("chosen");
  }
  chosen = chosen === i ? null : i;
  $("selected").hidden = chosen === null;
  if (chosen === null) {
    follow();
    return;
  }
  boxes[i].g.classList.add("chosen");
  rows[i].row.classList.add("chosen");
  showChosen();
}
function showChosen() {
  const v = N[chosen],
    body = $("uses").tBodies[0];
  $("chosen").textContent =
    `${v.name}: data ${chosen <= now ? v.digits : "–"}, grad ${hidden && S[now].to === chosen ? "?" : grad(chosen)}`;
  body.replaceChildren(
    ...S.flatMap((s, n) =>
      isBackward(s) && s.to === chosen
        ? [
            make(
              "tr",
              {},
              make("td", {}, `through ${N[s.node].name}`),
              make("td", {}, n < now || (n === now && !hidden) ? s.texts[1] : "–"),
            ),
          ]
        : [],
    ),
  );
}
function showWatched() {
  $("watching").hidden = !watched.length;
  $("watching")
    .querySelector("ul")
    .replaceChildren(
      ...watched.map(i => {
        const off = make("button", {type: "button", "aria-label": `Stop watching ${N[i].name}`}, "×");
        off.addEventListener("click", () => {
          watched.splice(watched.indexOf(i), 1);
          showWatched();
        });
        return make("li", {}, `${N[i].name}.grad = ${hidden && S[now].to === i ? "?" : grad(i)} `, off);
      }),
    );
}

// Breakpoints: the grammar of breakpoints.py.
const COMPARE = {
  "<": (a, b) => a < b,
  "<=": (a, b) => a <= b,
  ">": (a, b) => a > b,
  ">=": (a, b) => a >= b,
  "==": (a, b) => a === b,
};
function parse(text) {
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
function stop(text) {
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
function run(by) {
  let n = now + by;
  while (n >= 0 && n <= LAST && !stops.some(b => b.test(S[n]))) n += by;
  if (!stops.length) say("there are no breakpoints; b sets one");
  else if (n < 0 || n > LAST) say(`no breakpoint ${by > 0 ? "after" : "before"} this step`);
  else say("");
  go(n);
}
function change() {
  const i = chosen ?? (isBackward(S[now]) ? S[now].to : null);
  if (i === null) return say("choose a value first, or step into the backward pass");
  const n = S.findIndex((s, n) => n > now && !isForward(s) && target(s) === i);
  if (n < 0) say(`the gradient of ${N[i].name} does not change any more`);
  else {
    say("");
    go(n);
  }
}
function drawTicks() {
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

// Controls.
function say(text) {
  $("message").textContent = text;
}
function play(on) {
  clearInterval(playing);
  playing = on ? setInterval(() => (now < LAST ? go(leap(1)) : play(false)), 1100) : 0;
  $("play").setAttribute("aria-pressed", String(Boolean(on)));
  $("play").setAttribute("aria-label", on ? "Stop" : "Play");
  $("play-icon").setAttribute("d", on ? "M3 2h4v12H3zM9 2h4v12H9z" : "M4 2v12l10-6z");
}
function find(name) {
  const i = N.findIndex(v => v.name === name),
    near = i < 0 ? N.findIndex(v => v.name.includes(name) || v.expression.includes(name)) : i;
  if (!name || near < 0) return say(`no value is called ${name}`);
  say("");
  if (chosen !== near) choose(near);
  rows[near].row.scrollIntoView({block: "nearest"});
  const box = $("graph").getBoundingClientRect();
  if (!whole && box.width && (D.size[0] > box.width || D.size[1] > box.height))
    look([N[near].x - box.width / 2, N[near].y - box.height / 2, box.width, box.height]);
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
function fit(on) {
  whole = on;
  $("fit").setAttribute("aria-pressed", String(on));
  follow();
}

$("first").onclick = () => go(0);
$("last").onclick = () => go(LAST);
$("back").onclick = () => go(leap(-1));
$("next").onclick = () => go(leap(1));
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
$("help-open").onclick = () => $("help").showModal();
$("exactly").onchange = () => {
  N.forEach((_, i) => write(i));
  show();
};
$("predicting").onchange = () => go(now);
$("break-form").onsubmit = event => {
  event.preventDefault();
  if (stop($("break").value)) {
    $("break").value = "";
    $("break").blur();
  }
};
$("find-form").onsubmit = event => {
  event.preventDefault();
  find($("find").value);
  $("find").blur();
};
$("break-here").onclick = () => stop(`node ${N[chosen].name}`);
$("watch-here").onclick = () => {
  if (!watched.includes(chosen)) watched.push(chosen);
  showWatched();
};
$("predict").onsubmit = event => {
  event.preventDefault();
  const s = S[now],
    guess = $("guess").value.trim() === "" ? NaN : Number($("guess").value);
  const right = Math.abs(guess - s.contribution) <= 0.01 * Math.abs(s.contribution) + 1e-12;
  hidden = false;
  write(s.to);
  $("verdict").textContent = Number.isNaN(guess) ? "" : right ? "✓ right" : `✗ you said ${guess}`;
  $("verdict").dataset.keep = "1";
  $("guess").blur();
  show();
};
$("graph").addEventListener(
  "wheel",
  event => {
    event.preventDefault();
    zoom(event.deltaY > 0 ? 1.15 : 1 / 1.15, event.clientX, event.clientY);
  },
  {passive: false},
);
let drag = null;
$("graph").addEventListener("pointerdown", event => {
  drag = [event.clientX, event.clientY, camera];
});
addEventListener("pointerup", () => {
  drag = null;
});
$("graph").addEventListener("pointermove", event => {
  if (!drag || !drag[2]) return;
  const box = $("graph").getBoundingClientRect(),
    k = Math.max(drag[2][2] / box.width, drag[2][3] / box.height);
  look([
    drag[2][0] - (event.clientX - drag[0]) * k,
    drag[2][1] - (event.clientY - drag[1]) * k,
    drag[2][2],
    drag[2][3],
  ]);
});
addEventListener("keydown", event => {
  if ($("help").open || event.ctrlKey || event.metaKey || event.altKey) return;
  const at = event.target,
    writing = at.matches("input:not([type=range]):not([type=checkbox]), select");
  if (writing) {
    if (event.key === "Escape") at.blur();
    return;
  }
  if (event.key === " " && at.matches("button, input")) return;
  const keys = {
    ArrowRight: () => go(event.shiftKey ? over("node", 1) : leap(1)),
    ArrowLeft: () => go(event.shiftKey ? over("node", -1) : leap(-1)),
    Home: () => go(0),
    End: () => go(LAST),
    " ": () => play(!playing),
    g: () => {
      $("step").focus();
      $("step").select();
    },
    "/": () => $("find").focus(),
    b: () => $("break").focus(),
    c: () => run(1),
    C: () => run(-1),
    w: change,
    p: () => toggle("predicting"),
    x: () => toggle("exactly"),
    f: () => fit(!whole),
    "?": () => $("help").showModal(),
    Escape: () => {
      if (chosen !== null) choose(chosen);
      say("");
    },
    "[": () => chooseNext(-1),
    "]": () => chooseNext(1),
  };
  if (!keys[event.key]) return;
  event.preventDefault();
  keys[event.key]();
});
function chooseNext(by) {
  const i = chosen === null ? S[now].node : ORDER[(AT[chosen] + by + SEED) % SEED];
  if (i !== chosen) choose(i);
  boxes[i].g.focus({preventScroll: true});
}
addEventListener("hashchange", () => {
  const n = wanted();
  if (n !== null && n !== now) go(n);
});
addEventListener("resize", follow);
addEventListener("beforeprint", () => fit(true));
function wanted() {
  const match = /^#step=(\d+)$/.exec(location.hash);
  return match ? Math.max(0, Math.min(LAST, Number(match[1]) - 1)) : null;
}

$("of").textContent = `of ${LAST + 1}`;
$("time").max = LAST;
$("grammar").append(
  ...FLAGS.map(({name, hint}) => make("option", {value: name, label: hint})),
  ...["final", "|grad| > 10"].map(value => make("option", {value})),
);
drawGraph();
drawTable();
drawTicks();
$("museum").hidden = !D.museum.length;
D.museum.forEach(([text, step]) => {
  const see = make("button", {type: "button"}, step === null ? "no difference here" : `see step ${step + 1}`);
  see.disabled = step === null;
  see.addEventListener("click", () => go(step));
  $("museum").append(make("p", {class: "exhibit"}, text), see);
});
N.forEach((_, i) => write(i));
go(wanted() ?? 0);
