// The gradients after step `now`. A step forward writes `after`, a step back `before`.

import {AT, INTO, isForward, LAST, N, OUT_OF, S, SEED, target} from "./data.js";

export let now = -1;
export const grads = N.map(() => null);
export const shown = N.map(() => "–");

for (const s of S.slice(SEED)) {
  const i = target(s);
  if (!N[i].op && s.before !== null && !(s.nth > 1)) {
    grads[i] = s.before;
    shown[i] = s.digits[0];
  }
}
const start = {grads: [...grads], shown: [...shown]};

export const known = i => AT[i] <= now;

// Go to a step; return the values whose numbers changed.
export function seek(n) {
  const touched = new Set();
  while (now < n) {
    const s = S[++now];
    if (!isForward(s)) {
      grads[target(s)] = s.after;
      shown[target(s)] = s.digits[1];
    }
    touched.add(target(s)).add(s.node);
  }
  while (now > n) {
    const s = S[now--];
    const i = target(s);
    if (!isForward(s)) {
      grads[i] = s.nth > 1 ? s.before : start.grads[i];
      shown[i] = s.nth > 1 ? s.digits[0] : start.shown[i];
    }
    touched.add(i).add(s.node);
  }
  return touched;
}

export const within = n => Math.max(0, Math.min(LAST, n));

// The summands of a gradient in the order of their arrival: {text, step}, the text "–" for one still to come.
export function summands(i) {
  const found = start.grads[i] ? [{text: start.shown[i], step: null}] : [];
  if (i === SEED - 1) found.push({text: now >= SEED ? "1" : "–", step: SEED});
  for (const n of INTO[i]) found.push({text: n <= now ? S[n].shareDigits : "–", step: n});
  return found;
}

// Whether a value's gradient is still to be added to, complete, or handed on to all operands.
export function stage(i) {
  if (now < SEED) return "";
  const last = INTO[i].length ? INTO[i][INTO[i].length - 1] : SEED;
  if (now < last) return INTO[i].length && now >= INTO[i][0] ? "waits" : "";
  const left = OUT_OF[i];
  return left.length && now < left[left.length - 1] ? "ready" : "done";
}
