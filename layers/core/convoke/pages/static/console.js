"use strict";
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
