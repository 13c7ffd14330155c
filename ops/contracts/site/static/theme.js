// Before the first paint: what the reader chose last time, else what the system says.
try {
  const chosen = localStorage.getItem("theme");
  if (chosen) document.documentElement.dataset.theme = chosen;
} catch {} // no storage: the system decides
