// What pages do where scripts run: times of the reader's own zone, copying, and what is alive.
"use strict";

(() => {
  const root = document.documentElement;
  const exact = new Intl.DateTimeFormat(root.lang, { dateStyle: "medium", timeStyle: "short" });
  const precise = new Intl.DateTimeFormat(root.lang, { dateStyle: "medium", timeStyle: "long" });
  const ago = new Intl.RelativeTimeFormat(root.lang, { numeric: "auto", style: "short" });
  const STEPS = [["second", 60], ["minute", 60], ["hour", 24], ["day", Infinity]];

  function since(moment) {
    let amount = Math.min(0, (moment - Date.now()) / 1000);
    for (const [unit, next] of STEPS) {
      if (Math.abs(amount) < next) return ago.format(Math.round(amount), unit);
      amount /= next;
    }
  }

  /** Write the times within an element in the reader's zone; UTC stays in reach. */
  function tellTimes(within) {
    for (const time of within.querySelectorAll("time[datetime]")) {
      const moment = new Date(time.dateTime);
      const utc = time.dateTime.replace("T", " ").replace("+00:00", " UTC");
      const relative = time.dataset.as === "ago";
      time.textContent = relative ? since(moment) : exact.format(moment);
      time.title = relative ? `${precise.format(moment)} · ${utc}` : utc;
    }
  }

  /** Have the tab's title and icon tell how many are in trouble. */
  function tellTrouble() {
    const pulse = document.querySelector("[data-trouble]:not(link)");
    if (!pulse) return;
    const count = Number(pulse.dataset.trouble);
    const icon = document.querySelector("link[rel=icon]");
    icon.dataset.calm ??= icon.getAttribute("href");
    const wanted = count ? icon.dataset.trouble : icon.dataset.calm;
    if (icon.getAttribute("href") !== wanted) icon.setAttribute("href", wanted);
    const title = document.title.replace(/^\(\d+\) /, "");
    document.title = count ? `(${count}) ${title}` : title;
  }

  function ready(within) {
    tellTimes(within);
    tellTrouble();
    for (const button of within.querySelectorAll("[data-copy]")) button.hidden = false;
    document.dispatchEvent(new CustomEvent("console:ready"));
  }

  async function copy(button) {
    const words = button.querySelector("span");
    const before = words.textContent;
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent.trim());
    words.textContent = document.getElementById("words").dataset.copied;
    setTimeout(() => { words.textContent = before; }, 2000);
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-copy]");
    if (button) copy(button);
  });
  setInterval(() => tellTimes(document), 30000);

  // What is alive asks again and again: it says what it has, and is told nothing where that is all.

  const seen = new Map();
  const away = document.getElementById("not-loaded");

  document.addEventListener("htmx:configRequest", (event) => {
    const { elt, headers, parameters, triggeringEvent, verb } = event.detail;
    const polls = elt.dataset.live !== undefined && (triggeringEvent?.type ?? "load").match(/^(load|wake)$/);
    if (polls && document.hidden && elt.id !== "pulse") return event.preventDefault();
    if (polls) headers["X-Poll"] = "1";
    if (polls && seen.has(elt.id)) headers["If-None-Match"] = seen.get(elt.id);
    if (verb !== "get") return;
    for (const [name, value] of [...parameters.entries()]) if (value === "") parameters.delete(name);
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    const { requestConfig, target, xhr } = event.detail;
    seen.set(requestConfig.elt.id, xhr.getResponseHeader("ETag"));
    ready(document.getElementById(target.id) ?? document);
  });
  document.addEventListener("htmx:afterOnLoad", (event) => {
    if (event.detail.xhr.status < 400) away.hidden = true;
  });
  // The title that came with it is set after it was put in.
  document.addEventListener("htmx:afterSettle", tellTrouble);
  for (const failure of ["htmx:sendError", "htmx:responseError", "htmx:timeout"]) {
    document.addEventListener(failure, () => { away.hidden = false; });
  }
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) return;
    for (const alive of document.querySelectorAll("[data-live]")) htmx.trigger(alive, "wake");
  });

  // What somebody opened stays open, whatever comes in beside it.
  Idiomorph.defaults.callbacks.beforeAttributeUpdated = (name) => name !== "open";
  // What a script draws is the script's to change.
  Idiomorph.defaults.callbacks.beforeNodeMorphed = (node) => node.dataset?.chart === undefined;

  // On a telephone sections and views go beyond its edge: where one is must be among those seen.
  for (const place of document.querySelectorAll("nav:is(.sections, .views) [aria-current]")) {
    place.closest("nav").scrollLeft = place.offsetLeft - 16;
  }

  ready(document);
})();
