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
  const format = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: "full", timeStyle: "short" });
  const here = document.createElement("span");
  here.className = "soft here";
  here.textContent = time.dataset.here.replace("{}", format.formatRange(starts, ends));
  time.after(here);
}
