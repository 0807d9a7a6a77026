// Keys for the desk. Every page works without this file: it presses buttons and follows links that are there.
"use strict";

const press = (mark) => {
  const sends = mark === "a" && document.querySelector("[data-focus]");
  if (sends) {
    sends.focus();
    return true;
  }
  const found = document.querySelector(`[data-key="${mark}"]`);
  if (!found) return false;
  if (found.matches("button, a, summary")) found.click();
  else found.focus();
  return true;
};

const walk = (step) => {
  const links = [...document.querySelectorAll("[data-row]")];
  if (!links.length) return press(step > 0 ? "j" : "k");
  const at = links.indexOf(document.activeElement);
  links[Math.min(Math.max(at + step, 0), links.length - 1)].focus();
  return true;
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (event.key === "Escape") {
    document.activeElement.blur();
    return;
  }
  if (event.target.closest("input, textarea, select")) return;
  const done = { j: () => walk(1), k: () => walk(-1) }[event.key] || (() => press(event.key));
  if (/^[a-z?/]$/.test(event.key) && done()) event.preventDefault();
});
