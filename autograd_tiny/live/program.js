// A program that computes in the page: `const m = new Program(json)`, the JSON of `encode`.
//
// m.leaves              [{node, name, stuck}, …]; stuck: a sentence why this leaf cannot move, or ""
// m.leaf(leaf)          the leaf of this name (the first of several) or node
// m.set(leaf, x)        moves it; throws the sentence if it cannot move
// m.forward()           computes m.data, a Float64Array with a number per node
// m.backward()          computes m.grad from m.data, another one: the derivatives of the output
// m.output              the node of the output; m.data[m.output] is the result
// m.crossed()           comparisons with another outcome than recorded, as sentences
// m.valid()             true if there are none: the code would compute these ops
// m.edges(node)         the edges from its operands, in order; m.operand(edge) is a node, or NaN for a constant
// m.localDerivative(edge), m.summand(edge)   ∂node/∂operand, and what the sweep adds to the operand's gradient
// m.tray(node)          {edge, consumer, upstream, local, summand} per use, in the order of the sweep
// m.tangents(leaf)      ∂node/∂leaf for every node, in one pass forwards
// m.selfCheck()         {ulp, where}: the largest difference from the recorded numbers, at the recorded leaves
//
// After set, call forward; after forward, backward. `O` holds op codes (0 for a leaf), `S` the first edge of each node,
// `X` the operands of all edges, `V` the numbers of the nodes, followed by those of the constants.

import {BITS} from "./runtime.js";
import {absent, forward, NAMES, SQUARED, slopes} from "./table.js"; // generated

const number = x => (typeof x === "string" ? {nan: NaN, inf: Infinity, "-inf": -Infinity}[x] : x);

class Steps {
  constructor(inputs, steps, constants, codes, own) {
    const n = inputs + steps.length;
    this.n = n;
    this.inputs = inputs;
    this.own = own;
    this.O = new Int32Array(n);
    this.S = new Int32Array(n + 1);
    const operands = [];
    steps.forEach(([row, ...xs], i) => {
      this.O[inputs + i] = row < 0 ? 0 : codes[row];
      operands.push(...xs);
      this.S[inputs + i + 1] = operands.length;
    });
    this.X = Int32Array.from([...operands, 0, 0, 0], x => (x < 0 ? n - 1 - x : x)); // any operation reads three
    this.V = new Float64Array(n + Math.max(constants.length, 1));
    this.V.set(constants.map(number), n);
  }

  place(x) {
    return x < 0 ? this.n - 1 - x : x;
  }
}

// A function of the page: the lowered rule of an op that is no row of the table, or has any number of operands.
class Rule {
  constructor({inputs, steps, constants, outputs}, codes) {
    this.steps = new Steps(inputs, steps, constants, codes, []);
    this.outputs = outputs.map(y => this.steps.place(y));
  }

  run(xs) {
    const {V, n, inputs} = this.steps;
    V.set(xs);
    forward(this.steps, V, inputs, n);
    return this.outputs.map(y => V[y]);
  }
}

export class Program {
  constructor(json) {
    const own = [];
    const codes = json.rows.map(row =>
      typeof row === "string" ? NAMES.indexOf(row) + 1 : NAMES.length + own.push(row),
    );
    this.json = json;
    this.own = own.map(row => ({
      ...row,
      ...Object.fromEntries(["forward", "slopes", "absent"].filter(k => row[k]).map(k => [k, new Rule(row[k], codes)])),
    }));
    this.steps = new Steps(0, json.steps, json.constants, codes, this.own);
    const {n, V, X} = this.steps;
    V.set(json.data.map(number));
    this.output = json.output;
    this.data = V.subarray(0, n);
    this.slopes = new Float64Array(X.length);
    for (const [node, ...ds] of json.locals) this.slopes.set(ds.map(number), this.steps.S[node]);
    this.all = new Float64Array(V.length); // gradients, and what constants are given
    this.grad = this.all.subarray(0, n);
    this.roots = new Map(json.squares.map(([edge, rule]) => [edge, new Rule(rule, codes)]));
    this.passed = null; // summands past poles, by edge
    const reasons = this.reasons();
    this.leaves = json.leaves.map(([node, name]) => {
      return {node, name, stuck: reasons[node] && `${name} cannot move: ${reasons[node]}`};
    });
    this.known = new Map(
      [...this.leaves].reverse().flatMap(leaf => [
        [leaf.name, leaf],
        [leaf.node, leaf],
      ]),
    ); // first of a name
    this.backward();
  }

  edges(node) {
    const {S} = this.steps;
    return Array.from({length: S[node + 1] - S[node]}, (_, k) => S[node] + k);
  }

  operand(edge) {
    const x = this.steps.X[edge];
    return x < this.steps.n ? x : NaN;
  }

  // Why a node cannot move, for each: an op above it is computed by Python only.
  reasons() {
    const {n, O, S, X} = this.steps;
    const found = Array(n).fill("");
    for (let i = n - 1; i >= 0; i--) {
      const reason = this.own[O[i] - NAMES.length - 1]?.stuck ?? found[i];
      if (reason) for (let e = S[i]; e < S[i + 1]; e++) if (X[e] < n) found[X[e]] ||= reason;
    }
    return found;
  }

  leaf(leaf) {
    const found = this.known.get(leaf);
    if (!found) throw new Error(`there is no leaf ${leaf}`);
    return found;
  }

  set(leaf, x) {
    const {node, stuck} = this.leaf(leaf);
    if (stuck) throw new Error(stuck);
    this.data[node] = x;
  }

  forward() {
    forward(this.steps, this.steps.V, 0, this.steps.n);
    return this.data;
  }

  backward() {
    const {O, S, X, V} = this.steps;
    const {slopes: D, all: G, output} = this;
    slopes(this.steps, V, D, output + 1);
    G.fill(0);
    G[output] = 1;
    this.passed = null;
    for (let i = output; i >= 0; i--) {
      if (O[i]) for (let e = S[i], end = S[i + 1], g = G[i]; e < end; e++) G[X[e]] += g * D[e];
    }
    if (this.grad.includes(NaN)) this.pastPoles();
    return this.grad;
  }

  localDerivative(edge) {
    return this.slopes[edge];
  }

  summand(edge) {
    const {S} = this.steps;
    let i = 0;
    for (let j = S.length - 1; j - i > 1; ) {
      const k = (i + j) >> 1;
      if (S[k] <= edge) i = k;
      else j = k;
    }
    const part = this.grad[i] * this.slopes[edge];
    return Number.isNaN(part) && this.passed ? (this.passed.get(edge) ?? 0) : part;
  }

  tray(node) {
    const {S, X} = this.steps;
    const found = [];
    for (let i = this.output; i > node; i--) {
      for (let e = S[i]; e < S[i + 1]; e++) {
        if (X[e] !== node) continue;
        found.push({edge: e, consumer: i, upstream: this.grad[i], local: this.slopes[e], summand: this.summand(e)});
      }
    }
    return found;
  }

  tangents(leaf) {
    const {n, O, S, X} = this.steps;
    const T = new Float64Array(this.all.length);
    T[this.leaf(leaf).node] = 1;
    for (let i = 0; i <= this.output; i++) {
      if (O[i]) for (let e = S[i]; e < S[i + 1]; e++) if (T[X[e]]) T[i] += this.slopes[e] * T[X[e]];
    }
    return T.subarray(0, n);
  }

  crossed() {
    return this.json.guards
      .filter(([node, held]) => (this.data[node] !== 0) !== held)
      .map(
        ([, held, text, source]) =>
          `${text} was ${held} and is ${!held} now: at ${source} the code takes another branch`,
      );
  }

  valid() {
    return this.json.guards.every(([node, held]) => (this.data[node] !== 0) === held);
  }

  // Sweep past 0 · inf, as the engine does: what is absent passes nothing on, and squares go past the kink of roots.
  pastPoles() {
    const {n, O, S, X, V} = this.steps;
    const {slopes: D, all: G, output} = this;
    const within = new Map([[output, 1]]);
    const squares = new Map();
    const passed = new Map();
    const add = (to, x, part) => to.set(x, to.has(x) ? to.get(x) + part : part);
    const squared = i => (O[i] > NAMES.length ? this.own[O[i] - NAMES.length - 1].squared : (SQUARED[O[i]] ?? 0));
    const step = (e, part, to) => {
      if (!passed.has(e)) passed.set(e, NaN);
      add(to, X[e], part);
      if (to !== within) return;
      const known = passed.get(e);
      passed.set(e, Number.isNaN(known) ? part : known + part);
    };
    const present = i => this.edges(i).filter(e => X[e] < n && !this.absent(i, e - S[i]));
    for (let i = output; i >= 0; i--) {
      if (!O[i]) continue;
      const root = squares.get(i);
      if (within.has(i)) {
        for (const e of present(i)) {
          const rooted = this.roots.get(e)?.run([V[X[e]]])[0];
          step(e, within.get(i) * (rooted ?? D[e]), rooted === undefined ? within : squares);
        }
      }
      if (root === undefined) continue;
      for (const e of present(i)) {
        const further = squared(i) === 2 && squared(X[e]) > 0;
        step(e, further || squared(i) === 1 ? root : root * 2 * V[X[e]], further ? squares : within);
      }
    }
    G.fill(0);
    G[output] = 1;
    for (let i = output; i >= 0; i--) {
      for (let e = S[i]; O[i] && e < S[i + 1]; e++) {
        const part = G[i] * D[e];
        G[X[e]] += Number.isNaN(part) ? (passed.get(e) ?? 0) : part;
      }
    }
    this.passed = passed;
  }

  absent(i, k) {
    const {O, S, X, V} = this.steps;
    const own = this.own[O[i] - NAMES.length - 1];
    if (!own) return absent(O[i], k, V[X[S[i]]], V[X[S[i] + 1]], V[X[S[i] + 2]]);
    return own.absent ? own.absent.run(this.edges(i).map(e => V[X[e]]))[k] : 0;
  }

  selfCheck() {
    const m = new Program(this.json);
    const {data, grad, names} = this.json;
    m.forward();
    m.backward();
    let worst = {ulp: 0, where: ""};
    const compare = (what, found, recorded) =>
      recorded.forEach((x, i) => {
        const ulp = ulps(found[i], number(x));
        if (ulp > worst.ulp) worst = {ulp, where: `${what} of ${names[i]}`};
      });
    compare("data", m.data, data);
    compare("gradient", m.grad, grad);
    return worst;
  }
}

// Apply an op of the page, or its local derivatives.
export function ownForward(row, V, X, first, end) {
  return row.forward.run(Array.from(X.subarray(first, end), x => V[x]))[0];
}

export function ownSlopes(row, y, V, X, first, end, D) {
  if (row.stuck) return;
  const xs = [y];
  for (let e = first; e < end; e++) xs.push(V[X[e]]);
  D.set(row.slopes.run(xs), first);
}

// The floats between two numbers; 0 for two of nan, and for two of 0 and -0.
function ulps(a, b) {
  if (a === b || (Number.isNaN(a) && Number.isNaN(b))) return 0;
  const place = x => {
    BITS.setFloat64(0, x);
    const bits = BITS.getBigInt64(0);
    return bits < 0n ? -(bits & 0x7fffffffffffffffn) : bits;
  };
  const apart = Number(place(a) - place(b));
  return Number.isNaN(a) || Number.isNaN(b) ? Infinity : Math.abs(apart);
}
