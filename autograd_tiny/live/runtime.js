// What Math lacks: erf and erfc, IEEE 754 pow, an exact hypot, the gamma family, exact sums.

export const BITS = new DataView(new ArrayBuffer(8));
const poly = (c, x) => c.reduceRight((sum, k) => k + x * sum, 0);
const ratio = (p, q, x) => poly(p, x) / poly(q, x);
export const exp2 = x => 2 ** x;
export const fmod = (a, b) => a % b;

export function pow(a, b) {
  return a === 1 || b === 0 || (a === -1 && Math.abs(b) === Infinity) ? 1 : a ** b;
}

// The square root of a² + b², corrected once (Borges, An improved algorithm for hypot); Math.hypot is off by up to 3 ulp.
export function hypot(a, b) {
  let x = Math.abs(a);
  let y = Math.abs(b);
  if (x === Infinity || y === Infinity) return Infinity;
  if (x < y) [x, y] = [y, x];
  if (y <= x * 2 ** -27) return x;
  const scale = x > 2 ** 510 ? 2 ** -600 : y < 2 ** -450 ? 2 ** 600 : 1;
  x *= scale;
  y *= scale;
  const h = Math.sqrt(x * x + y * y);
  const d = h <= 2 * y ? h - y : h - x;
  const off = h <= 2 * y ? x * (2 * d - x) + (d - 2 * (x - y)) * d : 2 * d * (x - 2 * y) + (4 * d - y) * y + d * d;
  return (h - off / (2 * h)) / scale;
}

/*! erf, erfc: s_erf.c, Copyright (C) 1993 by Sun Microsystems, Inc. All rights reserved. Permission to use, copy, modify, and distribute this software is freely granted, provided that this notice is preserved. */
const ERX = 0.8450629115104675;
const EFX = 0.1283791670955126;
const PP = [
  0.12837916709551256, -0.3250421072470015, -0.02848174957559851, -0.005770270296489442, -2.3763016656650163e-5,
];
const QQ = [
  1, 0.39791722395915535, 0.0650222499887673, 0.005081306281875766, 0.00013249473800432164, -3.960228278775368e-6,
];
const PA = [
  -0.0023621185607526594, 0.41485611868374833, -0.3722078760357013, 0.31834661990116175, -0.11089469428239668,
  0.035478304325618236, -0.002166375594868791,
];
const QA = [
  1, 0.10642088040084423, 0.540397917702171, 0.07182865441419627, 0.12617121980876164, 0.01363708391202905,
  0.011984499846799107,
];
const RA = [
  -0.009864944034847148, -0.6938585727071818, -10.558626225323291, -62.375332450326006, -162.39666946257347,
  -184.60509290671104, -81.2874355063066, -9.814329344169145,
];
const SA = [
  1, 19.651271667439257, 137.65775414351904, 434.56587747522923, 645.3872717332679, 429.00814002756783,
  108.63500554177944, 6.570249770319282, -0.0604244152148581,
];
const RB = [
  -0.0098649429247001, -0.799283237680523, -17.757954917754752, -160.63638485582192, -637.5664433683896,
  -1025.0951316110772, -483.5191916086514,
];
const SB = [
  1, 30.33806074348246, 325.7925129965739, 1536.729586084437, 3199.8582195085955, 2553.0504064331644,
  474.52854120695537, -22.44095244658582,
];

// erfc of x > 1.25
function tail(x) {
  const s = 1 / (x * x);
  BITS.setFloat64(0, x);
  BITS.setUint32(4, 0);
  const z = BITS.getFloat64(0);
  const r = x < 1 / 0.35 ? ratio(RA, SA, s) : ratio(RB, SB, s);
  return (Math.exp(-z * z - 0.5625) * Math.exp((z - x) * (z + x) + r)) / x;
}

export function erf(x) {
  const a = Math.abs(x);
  if (a < 2 ** -28) return a < 1e-300 ? 0.125 * (8 * x + 8 * EFX * x) : x + EFX * x;
  if (a < 0.84375) return x + x * ratio(PP, QQ, x * x);
  const y = a < 1.25 ? ERX + ratio(PA, QA, a - 1) : a < 6 ? 1 - tail(a) : 1;
  return x < 0 ? -y : x > 0 ? y : x;
}

export function erfc(x) {
  const a = Math.abs(x);
  if (a < 0.84375) {
    const y = ratio(PP, QQ, x * x);
    return x < 0.25 ? 1 - (x + x * y) : 0.5 - (x - 0.5 + x * y);
  }
  if (a < 1.25) {
    const y = ratio(PA, QA, a - 1);
    return x > 0 ? 1 - ERX - y : 1 + (ERX + y);
  }
  if (a < 28) return x < -6 ? 2 : x > 0 ? tail(a) : 2 - tail(a);
  return x > 0 ? 0 : x < 0 ? 2 : x;
}

// The sum of numbers, rounded once: partial sums that do not overlap (Shewchuk), as math.fsum.
function exact(xs) {
  const parts = [];
  let special = 0;
  for (let x of xs) {
    if (!Number.isFinite(x)) {
      special += x;
      continue;
    }
    let n = 0;
    for (let y of parts) {
      if (Math.abs(x) < Math.abs(y)) [x, y] = [y, x];
      const high = x + y;
      const low = y - (high - x);
      if (low) parts[n++] = low;
      x = high;
    }
    parts.length = n;
    if (x) parts.push(x);
  }
  if (parts.some(x => !Number.isFinite(x))) return xs.reduce((sum, x) => sum + x, 0);
  if (special || Number.isNaN(special)) return special;
  let n = parts.length;
  let high = n ? parts[--n] : 0;
  let low = 0;
  while (n && !low) {
    const x = high;
    const y = parts[--n];
    high = x + y;
    low = y - (high - x);
  }
  if (n && low < 0 === parts[n - 1] < 0) {
    const y = low * 2;
    const x = high + y;
    if (y === x - high) high = x;
  }
  return high;
}

export function fsum(V, X, first, end) {
  const xs = [];
  for (let e = first; e < end; e++) xs.push(V[X[e]]);
  return exact(xs);
}

export function dot(V, X, first, end) {
  const xs = [];
  const half = (end - first) / 2;
  for (let e = first; e < first + half; e++) xs.push(V[X[e]] * V[X[e + half]]);
  return exact(xs);
}

const factorial = n => (n > 1 ? n * factorial(n - 1) : 1);
const BERNOULLI = [1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510];

// The n-th derivative of cot(u), a polynomial in cot(u): dc/du = -(1 + c²)
function cot(n, u) {
  const c = 1 / Math.tan(u);
  let polynomial = [0, 1];
  for (let i = 0; i < n; i++) {
    const next = Array(polynomial.length + 1).fill(0);
    polynomial.forEach((p, k) => {
      if (k) next[k - 1] -= k * p;
      next[k + 1] -= k * p;
    });
    polynomial = next;
  }
  return exact(polynomial.map((p, k) => (p ? p * c ** k : 0)));
}

// The (n+1)-th derivative of log Γ: recurrence, reflection and asymptotic series (DLMF 5.5.2, 5.5.4, 5.11.2, 5.15.8)
export function polygamma(n, x) {
  if (x === -Infinity || (x <= 0 && x === Math.floor(x))) return NaN;
  if (x < 0) return polygamma(n, 1 - x) * (-1) ** n - Math.PI ** (n + 1) * cot(n, Math.PI * (x - Math.round(x)));
  const terms = [];
  for (; x < n + 14; x++) terms.push(factorial(n) * (1 / x) ** (n + 1));
  const scale = n ? x ** -n : -1;
  if (n) terms.push(scale * factorial(n - 1), (scale * factorial(n)) / (2 * x));
  else terms.push(-Math.log(x), 0.5 / x);
  for (let k = 1; k <= 8 && x < 1e15; k++) {
    const between = n ? factorial(2 * k + n - 1) / factorial(2 * k) : -0.5 / k;
    terms.push((scale * BERNOULLI[k - 1] * between) / x ** (2 * k));
  }
  return exact(terms) * (-1) ** (n + 1);
}

const LANCZOS = [
  [
    23531376880.41076, 42919803642.6491, 35711959237.35567, 17921034426.03721, 6039542586.352028, 1439720407.3117216,
    248874557.86205417, 31426415.585400194, 2876370.6289353725, 186056.26539522348, 8071.672002365816,
    210.82427775157936, 2.5066282746310002,
  ],
  [0, 39916800, 120543840, 150917976, 105258076, 45995730, 13339535, 2637558, 357423, 32670, 1925, 66, 1],
];
const G = 6.02468004077673;
let taylor = [];

// |x (x+1) (x+2) (x+3)|, and less 1; each factor is exact for -3 < x < -2
function below(x) {
  let high = 1;
  let low = 0;
  for (const y of [x, x + 1, x + 2, x + 3]) {
    const half = z => {
      const c = 134217729 * z;
      return c - (c - z);
    };
    const a = half(high);
    const b = half(y);
    const product = high * y;
    const rest = a * b - product + a * (y - b) + (high - a) * b + (high - a) * (y - b);
    low = low * y + rest;
    high = product;
  }
  if (high < 0) low = -low;
  high = Math.abs(high);
  return [high + low, high - 1 + low];
}

// log |Γ(x)|: Lanczos's sum as in Python's math module, Taylor series near the zeros 1 and 2
export function lgamma(x) {
  if (Number.isNaN(x)) return x;
  if (Math.abs(x) === Infinity || (x <= 0 && x === Math.floor(x))) return Infinity;
  if (x > -3 && x < -2) {
    const [product, less] = below(x);
    return lgamma(x + 4) - (less > -0.5 && less < 1 ? Math.log1p(less) : Math.log(product));
  }
  if (x >= 0.5 && x <= 2.5) {
    if (!taylor.length) taylor = Array.from({length: 28}, (_, k) => polygamma(k, 2) / factorial(k + 1));
    const z = x < 1.5 ? x - 1 : x - 2;
    const sum = exact(taylor.map((c, k) => c * z ** (k + 1)));
    return x < 1.5 ? sum - Math.log1p(z) : sum;
  }
  const a = Math.abs(x);
  if (a < 1e-20) return -Math.log(a);
  const [above, under] = LANCZOS.map(c => (a < 5 ? poly(c, a) : c.reduce((sum, k) => sum / a + k, 0)));
  const y = Math.log(above / under) - G + (a - 0.5) * (Math.log(a + G - 0.5) - 1);
  if (x > 0) return y;
  const near = Math.min(a % 1, 1 - (a % 1)); // the distance from an integer
  const sine = near > 0.25 ? Math.cos(Math.PI * (near - 0.5)) : Math.sin(Math.PI * near);
  return Math.log(Math.PI) - Math.log(sine) - Math.log(a) - y;
}
