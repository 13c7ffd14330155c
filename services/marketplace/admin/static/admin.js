// What is nicer with JavaScript; every page works without.
"use strict";

// How far each plugin is stands in the page; it alone is read anew.
async function showPlugins() {
  const answer = await fetch(window.location.href).catch(() => null);
  if (!answer?.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  document.getElementById("plugins").replaceChildren(...page.getElementById("plugins").childNodes);
}

// A project's page follows its story, and is loaded anew when the project moves on.
function follow(way) {
  const story = document.getElementById("story");
  const source = new EventSource(way.dataset.live);
  source.addEventListener("log", (event) => {
    const told = JSON.parse(event.data);
    story.querySelector("[data-empty]")?.remove();
    const line = document.createElement("li");
    line.className = told.tone;
    const time = document.createElement("time");
    time.textContent = told.at;
    const text = document.createElement("div");
    text.textContent = told.text;
    line.append(time, text);
    story.prepend(line);
    if (told.plugins) showPlugins();
  });
  source.addEventListener("state", (event) => {
    if (event.data === way.dataset.state) return;
    source.close();
    // Somebody who is typing is not disturbed.
    const typing = [...document.querySelectorAll("main textarea, main input:not([type=hidden])")].some((field) => field.value);
    if (!typing) window.setTimeout(() => window.location.reload(), 400);
  });
}

// The order form is checked as one types.
function checkAsTyped(form) {
  const shown = document.getElementById("checks");
  form.querySelector(".check")?.setAttribute("hidden", "");
  let pause, asked = 0;
  const check = async () => {
    const mine = ++asked;
    try {
      const answer = await fetch(form.dataset.check, { method: "POST", body: new URLSearchParams(new FormData(form)) });
      if (!answer.ok || mine !== asked) return;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = page.getElementById("checks");
      fresh.querySelector(".check")?.setAttribute("hidden", "");
      shown.replaceChildren(...fresh.childNodes);
    } catch {
      // Without an answer the old one stays; placing the order checks again.
    }
  };
  form.addEventListener("input", () => {
    window.clearTimeout(pause);
    pause = window.setTimeout(check, 350);
  });
}

// A form that is sent is not sent twice by a second click.
document.addEventListener("submit", (event) => {
  window.setTimeout(() => {
    for (const button of event.target.querySelectorAll("button")) button.disabled = true;
  }, 0);
});
window.addEventListener("pageshow", () => {
  for (const button of document.querySelectorAll("button:disabled")) button.disabled = false;
});

const way = document.querySelector("[data-live]");
if (way) follow(way);
const order = document.querySelector("form[data-check]");
if (order) checkAsTyped(order);
