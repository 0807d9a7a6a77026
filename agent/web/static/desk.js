// Keys and news for the desk. Every page works without this file: it presses buttons and follows links that are there.
"use strict";

const open = (summary) => {
  summary.click();
  const field = summary.parentElement.open && summary.parentElement.querySelector("input:not([type=hidden]), textarea, select");
  if (field) field.focus();
};

const press = (mark) => {
  const found = document.querySelector(mark === "a" ? "[data-focus]" : `[data-key="${mark}"]`);
  if (!found) return false;
  if (mark === "a") found.focus();
  else if (found.matches("details.fold > summary")) open(found);
  else if (found.matches("button, a, summary")) found.click();
  else found.focus();
  return true;
};

const rows = () => [...document.querySelectorAll("[data-row]")];
const rowOf = (element) => element.closest("tr")?.querySelector("[data-row]");

const walk = (step) => {
  const links = rows();
  if (!links.length) return press(step > 0 ? "j" : "k");
  const at = links.indexOf(rowOf(document.activeElement));
  links[Math.min(Math.max(at + step, 0), links.length - 1)].focus();
  return true;
};

const tick = () => {
  const box = document.activeElement.closest("tr")?.querySelector("input[type=checkbox]");
  if (box) box.click();
  return Boolean(box);
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (event.key === "Escape") {
    document.activeElement.blur();
    return;
  }
  if (event.target.closest("input:not([type=checkbox]), textarea, select")) return;
  const keys = { j: () => walk(1), k: () => walk(-1), x: tick };
  const done = Object.hasOwn(keys, event.key) ? keys[event.key] : () => press(event.key);
  if (/^[a-z?/]$/.test(event.key) && done()) event.preventDefault();
});

// A subject is one line; as a textarea it has no Enter that would press a button.
document.querySelector("textarea.line")?.addEventListener("keydown", (event) => {
  if (event.key === "Enter") event.preventDefault();
});

// What is ticked or being written is the person's: a page in use is not swapped under their hands.
const busy = () => document.querySelector("#room input:checked, #room :focus-visible:is(input, select)") !== null;
const live = () => document.querySelector("[hx-trigger~=changed]");

// News that comes while the page is in use or is just being fetched is fetched afterwards: no news follows it.
let asking = false;
let stale = false;
const refresh = () => {
  if (!live()) return;
  stale = asking || busy();
  if (stale) return;
  asking = true;
  htmx.trigger(live(), "changed");
};
const again = () => setTimeout(() => stale && refresh(), 100);

if (live() && "EventSource" in window) {
  const news = new EventSource("/events");
  news.addEventListener("changed", refresh);
  window.addEventListener("pagehide", () => news.close());
  document.addEventListener("htmx:afterRequest", () => {
    asking = false;
    again();
  });
  for (const done of ["focusout", "change"]) document.addEventListener(done, again);
}

// Seconds until an approved reply leaves.
for (const clock of document.querySelectorAll("[data-seconds]")) {
  const ends = Date.now() + 1000 * Number(clock.dataset.seconds);
  const timer = setInterval(() => {
    const left = Math.max(0, Math.ceil((ends - Date.now()) / 1000));
    clock.textContent = String(left);
    if (!left) clearInterval(timer);
  }, 250);
}
