// Pages are complete without this: it fetches the page that is open again, and shows what changed.
"use strict";
const EVERY_MS = 5000;
async function refresh() {
  const shown = document.querySelector("main[data-live]");
  if (!shown || document.hidden || shown.contains(document.activeElement)) return;
  try {
    const answer = await fetch(location.href, { credentials: "same-origin" });
    const text = await answer.text();
    const next = new DOMParser().parseFromString(text, "text/html").querySelector("main");
    if (answer.ok && next && next.innerHTML !== shown.innerHTML) shown.innerHTML = next.innerHTML;
  } catch { /* The service is away for a moment; the next look asks again. */ }
}
setInterval(refresh, EVERY_MS);
