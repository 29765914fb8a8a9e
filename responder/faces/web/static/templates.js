// The editor of templates: what is typed is shown at once, a click inserts a variable or leads to a fault.
// Without this script the button "Check and preview" does the same.
"use strict";

(() => {
  const form = document.querySelector("[data-editor]");
  const text = document.getElementById("text");
  const look = document.getElementById("look");
  if (!form || text.readOnly) return;
  const pause = 300;
  let timer = 0;
  let asked = 0;

  async function refresh() {
    const mine = ++asked;
    const fields = new FormData(form);
    fields.set("do", "live");
    try {
      const answer = await fetch(form.action, { method: "POST", body: fields, credentials: "same-origin" });
      if (answer.ok && mine === asked) look.innerHTML = await answer.text();
    } catch {
      // The service is away; the buttons will tell.
    }
  }

  function soon() {
    clearTimeout(timer);
    timer = setTimeout(refresh, pause);
  }

  function insert(snippet) {
    text.setRangeText(snippet, text.selectionStart, text.selectionEnd, "end");
    text.focus();
    soon();
  }

  function jump(line, column) {
    const lines = text.value.split("\n");
    const at = lines.slice(0, line - 1).reduce((sum, each) => sum + each.length + 1, 0) + column - 1;
    text.focus();
    text.setSelectionRange(at, Math.max(at, at + lines[line - 1].length - column + 1));
    text.scrollTop = (text.scrollHeight / lines.length) * Math.max(line - 5, 0);
  }

  text.addEventListener("input", soon);
  form.elements.case.addEventListener("change", refresh);
  form.addEventListener("click", (event) => {
    const button = event.target.closest("[data-insert]");
    if (button) insert(button.dataset.insert);
    const fault = event.target.closest("[data-line]");
    if (fault) jump(Number(fault.dataset.line), Number(fault.dataset.column));
  });
})();
