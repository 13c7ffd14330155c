// The page does without this; with it, it keeps itself up to date.
const EVERY = 10_000;

const refresh = async () => {
  const shown = document.querySelector("main[data-refresh]");
  if (!shown) return;
  if (document.visibilityState === "visible" && !shown.contains(document.activeElement)) {
    const answer = await fetch(location.href, { cache: "no-store" }).catch(() => null);
    if (answer?.ok) {
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const before = shown.querySelector("h1").textContent;
      const now = page.querySelector("main");
      shown.replaceWith(now);
      tell();
      document.title = page.title;
      if (now.querySelector("h1").textContent !== before) now.querySelector("h1").setAttribute("role", "status");
    }
  }
  setTimeout(refresh, EVERY);
};

const tell = () => document.querySelectorAll("[data-by-itself]").forEach((words) => (words.hidden = false));

tell();
setTimeout(refresh, EVERY);
