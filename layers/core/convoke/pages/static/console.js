"use strict";

// The preview of a change looks at many people in parts: the parts that are left are added up, one after the other.
const counts = document.querySelector("[data-part-of]");
if (counts?.querySelector("[data-more]")) {
  const form = counts.closest("form");
  const more = async () => {
    const typed = new URLSearchParams(new FormData(form));
    typed.set("step", "more");
    typed.set("part", "yes");
    const answer = await fetch(form.action, { method: "POST", body: typed });
    const part = document.createElement("template");
    part.innerHTML = await answer.text();
    if (!answer.ok || !part.content.querySelector("[name=looked]")) return;
    counts.replaceChildren(part.content);
    if (counts.querySelector("[data-more]")) await more();
  };
  // Where it cannot be had, the button stays that looks at more of them.
  counts.setAttribute("aria-busy", "true");
  more().catch(() => {}).finally(() => {
    counts.removeAttribute("aria-busy");
    counts.setAttribute("role", "status");
  });
}

// While people are being told of a change, that part of the page is fetched again. Only its heading is read out, when it
// becomes another one.
const told = document.createElement("p");
told.className = "hidden";
told.setAttribute("role", "status");
const telling = () => document.getElementById("telling");
const heading = () => telling()?.querySelector("h2")?.textContent ?? "";
if (telling()?.dataset.again) {
  telling().before(told);
  const again = async () => {
    const before = heading();
    const answer = await fetch(telling().dataset.again);
    if (!answer.ok || answer.redirected) return;
    telling().outerHTML = await answer.text();
    if (heading() !== before) told.textContent = heading();
    wait();
  };
  const wait = () => {
    if (telling()?.dataset.again) setTimeout(() => again().catch(wait), 1000 * telling().dataset.seconds);
  };
  wait();
}
// Fields that count only where another has one of some values ("repeats=weekly,monthly") are shown only then. A field of
// boxes to tick has the value "yes", or none.
for (const part of document.querySelectorAll("[data-only]")) {
  const [name, values] = part.dataset.only.split("="), wanted = values.split(",");
  const fields = [...part.closest("form").elements].filter((field) => field.name === name);
  const show = () => {
    const said = fields.filter((field) => field.type !== "checkbox" || field.checked).map((field) => field.value);
    part.hidden = !(said.length ? said : [""]).some((value) => wanted.includes(value));
  };
  for (const field of fields) field.addEventListener("change", show);
  show();
}

// The browser knows its time zone: it stands in a field that is empty.
const zone = document.querySelector("input#time_zone[value='']");
if (zone) zone.value = Intl.DateTimeFormat().resolvedOptions().timeZone ?? "";

// While people are being imported, that part of the page is fetched again. Only its heading is read out, when it becomes
// another one.
const running = () => document.querySelector("[data-live]");
if (running()) {
  const said = document.createElement("p");
  said.className = "hidden";
  said.setAttribute("role", "status");
  running().before(said);
  const part = () => document.getElementById("import");
  const again = async () => {
    const before = part().querySelector("h2").textContent;
    const answer = await fetch(running().dataset.live);
    if (!answer.ok || answer.redirected) return;
    part().outerHTML = await answer.text();
    const after = part().querySelector("h2").textContent;
    if (after !== before) said.textContent = after;
    wait();
  };
  const wait = () => {
    if (running()) setTimeout(() => again().catch(wait), 2000);
  };
  wait();
}
