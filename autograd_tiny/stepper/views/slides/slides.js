const sections = [...document.querySelectorAll("section")];
const live = document.getElementById("live");
const place = document.getElementById("place");
let now = -1;

function go(n) {
  const before = now;
  now = Math.max(0, Math.min(sections.length - 1, n));
  document.body.classList.remove("dark");
  if (now === before) return;
  sections.forEach((section, k) => section.classList.toggle("now", k === now));
  sections[now].scrollTop = 0;
  sections[now].tabIndex = sections[now].scrollHeight > sections[now].clientHeight ? 0 : -1;
  place.textContent = `${now + 1}/${sections.length}`;
  live.textContent = [...sections[now].querySelectorAll("h1,p")].map(e => e.textContent).join(". ");
  document.getElementById("back").disabled = now === 0;
  document.getElementById("next").disabled = now === sections.length - 1;
  try {
    history.replaceState(null, "", `#step=${now + 1}`);
  } catch {
    // a sandboxed frame has no address of its own
  }
}

function fromAddress() {
  const found = /^#step=(\d+)$/.exec(location.hash);
  go(found ? Number(found[1]) - 1 : now < 0 ? 0 : now);
}

// A slide with more words than fit is scrolled to its end first.
function scrolled(way) {
  const before = sections[now].scrollTop;
  sections[now].scrollTop += way * 100;
  return sections[now].scrollTop !== before;
}

// A clicker sends PageUp and PageDown, and "b" or "." for a black screen.
const moves = {
  ArrowRight: () => go(now + 1),
  ArrowDown: () => scrolled(1) || go(now + 1),
  PageDown: () => go(now + 1),
  " ": () => go(now + 1),
  Enter: () => go(now + 1),
  ArrowLeft: () => go(now - 1),
  ArrowUp: () => scrolled(-1) || go(now - 1),
  PageUp: () => go(now - 1),
  Backspace: () => go(now - 1),
  Home: () => go(0),
  End: () => go(sections.length - 1),
  b: () => document.body.classList.toggle("dark"),
  ".": () => document.body.classList.toggle("dark"),
};

addEventListener("keydown", event => {
  const pressed = event.target.closest?.("button") && (event.key === " " || event.key === "Enter");
  if (event.ctrlKey || event.altKey || event.metaKey || pressed || !Object.hasOwn(moves, event.key)) return;
  event.preventDefault();
  moves[event.key]();
});
document.getElementById("back").addEventListener("click", () => go(now - 1));
document.getElementById("next").addEventListener("click", () => go(now + 1));

let start = null;
addEventListener("touchstart", event => {
  start = event.touches.length === 1 ? event.touches[0] : null;
});
addEventListener("touchend", event => {
  if (!start) return;
  const x = event.changedTouches[0].clientX - start.clientX;
  const y = event.changedTouches[0].clientY - start.clientY;
  if (Math.abs(x) > 50 && Math.abs(x) > 2 * Math.abs(y)) go(now + (x < 0 ? 1 : -1));
});

addEventListener("hashchange", fromAddress);
document.body.classList.add("shown");
document.querySelector("nav").hidden = false;
fromAddress();
