// Pages are complete without this. With it, the page that is open is fetched again now and then and shows what changed,
// commands can be copied, and wide tables become rows of their own on a phone.
"use strict";
const EVERY_S = 5;
const sign = document.createElement("span");

function dress(root) {
  for (const one of root.querySelectorAll(".command")) {
    if (!navigator.clipboard || one.querySelector("button")) continue;
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = "Copy";
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(one.querySelector("code").textContent);
      button.textContent = "Copied";
      setTimeout(() => { button.textContent = "Copy"; }, 1500);
    });
    one.append(button);
  }
  for (const table of root.querySelectorAll(".wide > table:not(.stack)")) {
    const labels = [...table.tHead.rows[0].cells].map((one) => one.textContent);
    for (const row of table.tBodies[0].rows) {
      [...row.cells].forEach((one, place) => { if (one.colSpan === 1) one.dataset.label = labels[place]; });
    }
    table.classList.add("stack");
  }
}

function busy(shown) {
  const active = document.activeElement;
  const writes = shown.contains(active) && /^(INPUT|SELECT|TEXTAREA)$/.test(active.tagName);
  const chosen = getSelection();
  return document.hidden || writes || (chosen && !chosen.isCollapsed && shown.contains(chosen.anchorNode));
}

function tell(text, gone) {
  sign.textContent = text;
  sign.classList.toggle("gone", gone);
}

function replace(shown, next) {
  const open = new Map([...shown.querySelectorAll("details[id]")].map((one) => [one.id, one.open]));
  const focused = shown.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
  const places = [...shown.querySelectorAll(".wide")].map((one) => one.scrollLeft);
  shown.innerHTML = next.innerHTML;
  shown.querySelectorAll(".wide").forEach((one, index) => { one.scrollLeft = places[index] || 0; });
  for (const one of shown.querySelectorAll("details[id]")) if (open.has(one.id)) one.open = open.get(one.id);
  if (focused) for (const one of shown.querySelectorAll("a[href]")) if (one.getAttribute("href") === focused) { one.focus({ preventScroll: true }); break; }
  dress(shown);
}

let before = "";
async function refresh() {
  const shown = document.querySelector("main[data-live]");
  if (!shown || busy(shown)) return;
  try {
    const answer = await fetch(location.href, { credentials: "same-origin", headers: { Accept: "text/html" } });
    const next = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("main");
    if (answer.status === 401) tell("The session is over", true);
    else if (!answer.ok || !next) tell(`The service says ${answer.status}`, true);
    else {
      if (next.innerHTML !== before && !busy(shown)) {
        before = next.innerHTML;
        replace(shown, next);
      }
      tell("Live", false);
    }
  } catch {
    tell("Out of reach", true);
  }
}

const live = document.querySelector("main[data-live]");
if (live) before = live.innerHTML;
dress(document);
if (live) {
  sign.className = "live";
  sign.setAttribute("role", "status");
  tell("Live", false);
  document.querySelector("header").append(sign);
  setInterval(refresh, 1000 * (Number(live.dataset.live) || EVERY_S));
  document.addEventListener("visibilitychange", refresh);
}
