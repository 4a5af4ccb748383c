"use strict";
// A summary of what is wrong with a form is read out, and scrolled to, at once.
document.querySelector("[data-focus]")?.focus();

// Beside the time of an event stands what that is where the visitor is, if it is another time of day there.
for (const time of document.querySelectorAll("time[data-here]")) {
  const starts = new Date(time.dateTime), ends = new Date(time.dataset.ends);
  const offset = -starts.getTimezoneOffset();
  const said = /([+-])(\d\d):(\d\d)$/.exec(time.dateTime);
  if (!said || Number.isNaN(starts.getTime())) continue;
  if (Number(said[1] + "1") * (60 * Number(said[2]) + Number(said[3])) === offset) continue;
  // English without a region is written as in Europe, as the page writes it.
  const lang = document.documentElement.lang === "en" ? "en-GB" : document.documentElement.lang;
  // Without these, ar-SA would have another calendar than the page, and ar-EG other digits.
  const alike = { calendar: "gregory", numberingSystem: "latn", timeStyle: "short" };
  const format = new Intl.DateTimeFormat(lang, { ...alike, dateStyle: "full" });
  // formatRange() mixes styles in some languages (2030/3/12火曜日 5時00分～6時30分): only for several days.
  const clock = new Intl.DateTimeFormat(lang, alike);
  const text = starts.toDateString() === ends.toDateString()
    ? `${format.format(starts)} – ${clock.format(ends)}`
    : format.formatRange(starts, ends);
  const here = document.createElement("span");
  here.className = "soft here";
  here.textContent = time.dataset.here.replace("{}", () => text);
  time.after(here);
}
