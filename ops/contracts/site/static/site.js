// Theme, copying and search. Without it the pages are complete; these controls stay hidden.
const root = document.documentElement;

const theme = document.querySelector(".theme");
const isDark = () => (root.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
const nameTheme = () => { theme.textContent = isDark() ? "Light" : "Dark"; theme.setAttribute("aria-label", `Switch to ${theme.textContent.toLowerCase()} colours`); };
theme.hidden = false;
nameTheme();
theme.addEventListener("click", () => {
  root.dataset.theme = isDark() ? "light" : "dark";
  try { localStorage.setItem("theme", root.dataset.theme); } catch {} // for this page only, then
  nameTheme();
});

for (const button of document.querySelectorAll(".copy")) {
  const code = button.closest("figure").querySelector("code");
  button.hidden = false;
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(code.textContent);
      button.textContent = "Copied";
    } catch { // refused: selected, the reader copies it
      getSelection().selectAllChildren(code);
      button.textContent = "Press Ctrl+C";
    }
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  });
}

const contents = document.querySelector(".side details");
if (matchMedia("(max-width: 60rem)").matches) contents.open = false;

const input = document.querySelector("#search");
const found = document.querySelector("#found");
document.querySelector(".search").hidden = false;
let chosen = -1;

function score({ title, text }, words) {
  const [head, body] = [title.toLowerCase(), text.toLowerCase()];
  let points = 0;
  for (const word of words) {
    if (head.startsWith(word)) points += 8;
    else if (head.includes(word)) points += 4;
    else if (body.includes(word)) points += 1;
    else return 0;
  }
  return points;
}

function look() {
  const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
  const hits = words.length ? window.searchIndex.map((entry) => ({ entry, points: score(entry, words) }))
    .filter(({ points }) => points > 0).sort((one, other) => other.points - one.points).slice(0, 8) : [];
  chosen = -1;
  found.replaceChildren(...hits.map(({ entry }, number) => {
    const link = Object.assign(document.createElement("a"), { href: root.dataset.root + entry.url, tabIndex: -1 });
    const text = Object.assign(document.createElement("span"), { textContent: entry.text });
    link.append(Object.assign(document.createElement("b"), { textContent: entry.title }), text);
    const item = Object.assign(document.createElement("li"), { id: `found-${number}`, role: "option" });
    item.append(link);
    return item;
  }));
  if (words.length && !hits.length) found.replaceChildren(Object.assign(document.createElement("li"), { className: "none", textContent: "Nothing found" }));
  show(words.length > 0);
}

function show(open) {
  found.hidden = !open;
  input.setAttribute("aria-expanded", String(open));
}

function choose(step) {
  const items = [...found.querySelectorAll("[role=option]")];
  if (!items.length) return;
  chosen = (chosen + step + items.length) % items.length;
  items.forEach((item, number) => item.setAttribute("aria-selected", String(number === chosen)));
  input.setAttribute("aria-activedescendant", items[chosen].id);
  items[chosen].scrollIntoView({ block: "nearest" });
}

input.addEventListener("input", look);
input.addEventListener("keydown", (event) => {
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    event.preventDefault();
    choose(event.key === "ArrowDown" ? 1 : -1);
  } else if (event.key === "Enter") {
    found.querySelectorAll("[role=option] a")[Math.max(chosen, 0)]?.click();
    show(false);
  } else if (event.key === "Escape") {
    input.value = "";
    look();
    input.blur();
  }
});
document.addEventListener("click", (event) => { if (!event.target.closest(".search")) show(false); });
document.addEventListener("keydown", (event) => {
  if (event.key === "/" && !event.target.closest("input, textarea")) {
    event.preventDefault();
    input.focus();
  }
});
