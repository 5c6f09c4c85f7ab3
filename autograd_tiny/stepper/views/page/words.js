// Words explained where they stand, and one colour for each name.

import {$, make, N} from "./data.js";

const MEANINGS = {
  "∂": "∂y/∂x, “dee y by dee x”: how much y moves for each bit that x moves, all else held still",
  upstream: "upstream: how much the output moves for each bit that this result moves; it came from the steps before",
  local: "local: how much this one result moves for each bit that its operand moves, the output not yet thought of",
  SEED: "the seed: the output moves by exactly as much as itself, so the first gradient is 1",
};

// Texts whose shape narration.py gives, and the words in them that have a meaning.
const SHAPES = [/^(upstream)( )(∂)(.*?)(, {2}local | {2}local )/su, /^(SEED)/u, /^(∂)/u];

// A text with the words in it that can be asked about; the names in it stay as they are.
export function worded(text) {
  const shape = SHAPES.find(s => s.test(text));
  if (!shape) return [text];
  const [whole, ...pieces] = shape.exec(text);
  const said = pieces.flatMap(piece => {
    if (MEANINGS[piece]) return [term(piece)];
    const [before, after] = piece.split("local");
    return after === undefined || piece.length > 9 ? [piece] : [before, term("local"), after];
  });
  return [...said, text.slice(whole.length)];
}

function term(word) {
  const button = make("button", {type: "button", class: "term", "aria-describedby": "meaning"}, word);
  const tell = () => {
    $("meaning").textContent = MEANINGS[word];
    $("meaning").hidden = false;
  };
  const hide = () => {
    $("meaning").hidden = true;
  };
  for (const name of ["pointerenter", "focus", "click"]) button.addEventListener(name, tell);
  for (const name of ["pointerleave", "blur"]) button.addEventListener(name, hide);
  button.addEventListener("keydown", event => {
    if (event.key === "Escape") hide();
  });
  return button;
}

const COLOURS = 6;
const nameable = N.map(v => v.name).filter(name => /^[\p{L}_][\p{L}\p{N}_]*$/u.test(name) && !/^v\d+$/.test(name));
const colours = new Map([...new Set(nameable)].map((name, k) => [name, k % COLOURS]));

// The same text with each known name in its colour.
export function coloured(text, tag = "span") {
  return text
    .split(/([\p{L}_][\p{L}\p{N}_]*)/u)
    .filter(Boolean)
    .map(word => (colours.has(word) ? make(tag, {class: `name c${colours.get(word)}`}, word) : word));
}
