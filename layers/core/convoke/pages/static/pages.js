"use strict";
// A summary of what is wrong with a form is read out, and scrolled to, at once.
document.querySelector("[data-focus]")?.focus();
