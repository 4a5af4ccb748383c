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

// A part of the page that says how far something is (telling people of a change, an import) is fetched again while that
// goes on. Only its heading is read out, when it becomes another one.
for (const { id } of document.querySelectorAll("[data-again]")) {
  const part = () => document.getElementById(id);
  const heading = () => part()?.querySelector("h2")?.textContent ?? "";
  const said = document.createElement("p");
  said.className = "hidden";
  said.setAttribute("role", "status");
  part().before(said);
  const again = async () => {
    const before = heading();
    const answer = await fetch(part().dataset.again);
    if (!answer.ok || answer.redirected) return;
    part().outerHTML = await answer.text();
    if (heading() !== before) said.textContent = heading();
    wait();
  };
  const wait = () => {
    if (part()?.dataset.again) setTimeout(() => again().catch(wait), 1000 * part().dataset.seconds);
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
