// Keys for those who decide many cases. Every one only does what a link, a button or a field on the page does.
"use strict";

(() => {
  const rows = () => [...document.querySelectorAll("[data-row]")];
  const keyed = (key) => document.querySelector(`[data-key="${CSS.escape(key)}"]`);
  const help = () => document.getElementById("keys");
  const isTyping = (element) => element.matches("input:not([type=checkbox], [type=radio]), select, textarea");

  function here() {
    return document.querySelector("[data-row].here");
  }

  function move(step) {
    const all = rows();
    if (!all.length) return false;
    const at = all.indexOf(here());
    const next = all[Math.min(Math.max(at + step, 0), all.length - 1)];
    all.forEach((row) => row.classList.toggle("here", row === next));
    next.querySelector("[data-open]").focus({ preventScroll: true });
    next.scrollIntoView({ block: "nearest" });
    return true;
  }

  function use(element) {
    if (element.tagName === "DETAILS") {
      element.open = true;
      element.querySelector("form input:not([type=hidden]), form textarea").focus();
    } else if (element.tagName === "INPUT") {
      element.focus();
      element.select();
    } else {
      element.click();
    }
  }

  function press(key) {
    if (key === "?" && help()) return void help().showModal();
    if (key === "j" || key === "k") {
      if (move(key === "j" ? 1 : -1)) return;
      if (key === "k") return void history.back();
    }
    if (key === "Enter" && here()) return void here().querySelector("[data-open]").click();
    if (key === "x" && here()) return void here().querySelector("input[type=checkbox]")?.click();
    const target = keyed(key);
    if (target) use(target);
  }

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || help()?.open) return;
    const element = event.target;
    if (event.key === "Escape") {
      element.closest?.("details")?.removeAttribute("open");
      element.blur();
      return;
    }
    if (isTyping(element) || (event.key === "Enter" && element.matches("a, button, summary, input"))) return;
    const isKnown = ["j", "k", "x", "Enter", "?"].includes(event.key) || (event.key.length === 1 && keyed(event.key));
    if (!isKnown) return;
    event.preventDefault();
    press(event.key);
  });

  // A page on a wall keeps itself fresh.
  const fresh = document.querySelector("[data-refresh]");
  if (fresh) setTimeout(() => location.reload(), 1000 * Number(fresh.dataset.refresh));

  // A form is sent once, however often its button is hit.
  document.addEventListener("submit", (event) => {
    if (event.target.dataset.sent) event.preventDefault();
    if (event.target.method === "post") event.target.dataset.sent = "1";
  });
  addEventListener("pageshow", () => document.querySelectorAll("form[data-sent]").forEach((form) => delete form.dataset.sent));
})();
