// The moment that a page shows: a slider, and date fields in the reader's own zone.
"use strict";

(() => {
  const zone = new Intl.DateTimeFormat(document.documentElement.lang, { timeZoneName: "short" });
  const exact = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: "medium", timeStyle: "short" });

  /** Write a moment as a date field of the reader's zone takes it. */
  function local(moment) {
    const shifted = new Date(moment - moment.getTimezoneOffset() * 60000);
    return shifted.toISOString().slice(0, 19);
  }

  /** Have a hidden field send what a date field shows, as an exact moment. */
  function localise(field) {
    let sent = field.nextElementSibling;
    if (!sent?.matches("[data-exact]")) {
      sent = document.createElement("input");
      sent.type = "hidden";
      sent.name = field.name;
      sent.dataset.exact = "";
      field.after(sent);
    }
    field.onchange = () => { sent.value = field.value ? new Date(field.value).toISOString() : ""; };
    field.removeAttribute("name");
    field.removeAttribute("max");
    if (field === document.activeElement) return;
    sent.value = field.dataset.moment;
    field.value = field.dataset.moment ? local(new Date(field.dataset.moment)) : "";
    const words = field.closest("label").querySelector("[data-zone]");
    words.textContent = zone.formatToParts(new Date()).find((part) => part.type === "timeZoneName").value;
  }

  function slide(slider) {
    const form = document.getElementById("moment");
    const words = slider.parentElement.querySelector("[data-at]");
    const tell = () => {
      const told = exact.format(new Date(Number(slider.value)));
      words.textContent = told;
      slider.setAttribute("aria-valuetext", told);
    };
    slider.hidden = false;
    slider.oninput = tell;
    slider.onchange = () => {
      const latest = Number(slider.value) >= Number(slider.max);
      form.querySelector("[data-exact]").value = latest ? "" : new Date(Math.round(Number(slider.value))).toISOString();
      form.requestSubmit();
    };
    slider.setAttribute("aria-valuetext", exact.format(new Date(Number(slider.value))));
  }

  function ready() {
    for (const field of document.querySelectorAll("input[data-moment]")) localise(field);
    for (const choice of document.querySelectorAll("select[data-sends]")) choice.onchange = () => choice.form.requestSubmit();
    const slider = document.getElementById("slider");
    if (slider) slide(slider);
  }

  // What somebody is typing stays, whatever comes in beside it.
  Idiomorph.defaults.ignoreActiveValue = true;
  document.addEventListener("console:ready", ready);
  ready();
})();
