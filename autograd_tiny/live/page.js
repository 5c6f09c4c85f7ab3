// The page: a row of the table moves a leaf; everything is computed again, and shown in the picture.

import {Program} from "./program.js";

const byId = id => document.getElementById(id);
const json = JSON.parse(byId("data").textContent);
const m = new Program(json.program);
const start = Float64Array.from(m.data);
const slopes0 = Float64Array.from(m.grad);
const output = m.output;
const name = i => json.program.names[i];
const boxes = [...document.querySelectorAll("#picture [data-node]")].map(g => ({
  node: Number(g.dataset.node),
  g,
  value: g.querySelector(".value"),
  grad: g.querySelector(".grad"),
}));
const rows = [...document.querySelectorAll("#leaves tr")].map(row => ({
  leaf: m.leaf(Number(row.dataset.leaf)),
  range: row.querySelector("[type=range]"),
  text: row.querySelector("[type=text]"),
  grad: row.querySelector(".grad"),
}));

// Four significant digits; rounded numbers keep their trailing zeros.
function short(x) {
  if (Number.isNaN(x)) return "nan";
  if (!Number.isFinite(x)) return x > 0 ? "inf" : "-inf";
  if (Number.isInteger(x) && Math.abs(x) < 1e6) return String(x);
  const plain = x.toPrecision(4);
  return Number(plain) === x ? String(x) : plain;
}

// What a difference of numbers is, without the digits that rounding leaves.
const change = x => (Number.isFinite(x) ? String(Number(x.toPrecision(4))) : short(x));

function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function say() {
  const moved = rows.map(row => row.leaf).filter(({node}) => m.data[node] !== start[node]);
  byId("back").hidden = moved.length === 0;
  if (moved.length === 0) return write(byId("moved"), "");
  const steps = moved.map(({node}) => m.data[node] - start[node]);
  const promised = moved.reduce((sum, {node}, k) => sum + slopes0[node] * steps[k], 0);
  const real = m.data[output] - start[output];
  const what =
    moved.length === 1 ? `${name(moved[0].node)} moved by ${change(steps[0])}` : `${moved.length} values moved`;
  const promise = `${what}: by the gradient ${name(output)} moves by ${change(promised)}; it moved by ${change(real)}.`;
  write(byId("moved"), [promise, ...m.crossed().map(text => `${text}.`)].join(" "));
}

let waiting = 0;
function show() {
  waiting = 0;
  m.forward();
  m.backward();
  for (const {node, g, value, grad} of boxes) {
    write(value, `data ${short(m.data[node])}`);
    write(grad, `grad ${short(m.grad[node])}`);
    g.classList.toggle("off", !(Number.isFinite(m.data[node]) && Number.isFinite(m.grad[node])));
  }
  for (const {leaf, grad} of rows) if (!leaf.stuck) write(grad, short(m.grad[leaf.node]));
  say();
}

function move(row, x, from) {
  m.set(row.leaf.node, x);
  if (from !== row.range) row.range.value = x;
  if (from !== row.text) row.text.value = String(x);
  row.text.removeAttribute("aria-invalid");
  if (!waiting) waiting = requestAnimationFrame(show);
}

for (const row of rows) {
  if (row.leaf.stuck) {
    row.grad.textContent += ` (${row.leaf.stuck})`;
    continue;
  }
  row.range.disabled = row.text.disabled = false;
  row.range.addEventListener("input", () => move(row, Number(row.range.value), row.range));
  row.text.addEventListener("input", () => {
    const x = row.text.value.trim() === "" ? NaN : Number(row.text.value);
    if (Number.isNaN(x)) row.text.setAttribute("aria-invalid", "true");
    else move(row, x, row.text);
  });
}

byId("back").addEventListener("click", () => {
  byId("try").focus();
  for (const row of rows) if (!row.leaf.stuck) move(row, start[row.leaf.node]);
});
const tried = rows.find(({leaf}) => leaf.node === json.tried && !leaf.stuck);
byId("try").hidden = !tried;
byId("try").disabled = false;
byId("try").addEventListener("click", () => move(tried, start[json.tried] + json.step));

// A picture that is larger than its frame opens on the output.
const frame = byId("picture");
const at = boxes.find(box => box.node === output).g.getBoundingClientRect();
const from = frame.getBoundingClientRect();
frame.scrollTo(at.right - from.right + 20, at.top - from.top - frame.clientHeight / 2);

function check() {
  const {ulp, where} = m.selfCheck();
  const agrees = "The numbers of this page were computed here, and are those of the Python that made it";
  const differs = `This page computes other numbers than Python did: ${where} is ${ulp} ulp off.`;
  write(byId("check"), ulp <= 64 ? `${agrees}${ulp ? `, to ${ulp} ulp` : ""}.` : differs);
}
requestAnimationFrame(() => setTimeout(check)); // after the first paint
