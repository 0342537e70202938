// Reads the page again every few seconds, and replaces <main> when it changed. Everything else works without this script.
"use strict";

(() => {
  const INTERVAL = 1800;
  const MAX_INTERVAL = 60000;
  const NOTICE_TIME = 15000;

  const openedAt = Date.now();
  let main = document.querySelector("main");
  let tag = main.dataset.tag;
  let interval = INTERVAL;
  let timer = null;
  // Whether the reader has entered something that a new <main> would lose.
  let isEdited = false;

  // A reload must not repeat the notice of a form that was sent.
  const address = new URL(location.href);
  if (address.searchParams.has("notice")) {
    address.searchParams.delete("notice");
    history.replaceState(null, "", address);
  }

  if (!main.dataset.live) {
    return;
  }
  document.addEventListener("input", (event) => {
    isEdited ||= main.contains(event.target);
  });
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) {
      schedule(0);
    }
  });
  schedule(INTERVAL);

  function schedule(delay) {
    clearTimeout(timer);
    timer = setTimeout(poll, delay);
  }

  async function poll() {
    if (document.hidden) {
      return;
    }
    try {
      await read();
      interval = INTERVAL;
    } catch {
      main.querySelector(".as-of")?.classList.add("stale");
      interval = Math.min(interval * 2, MAX_INTERVAL);
    }
    schedule(interval);
  }

  async function read() {
    const headers = tag ? { "If-None-Match": tag } : {};
    const response = await fetch(main.dataset.live, { headers, cache: "no-store", redirect: "manual" });
    if (response.type === "opaqueredirect") {
      // The redirect leads to the sign-in.
      notify("Your session has ended.", "Sign in again", location.href);
      return;
    }
    if (response.status === 304) {
      showTime();
      return;
    }
    if (!response.ok) {
      throw new Error(`status ${response.status}`);
    }
    const text = await response.text();
    if (isInUse()) {
      notify("The figures of this page have changed.", "Show them", location.href);
      return;
    }
    const next = new DOMParser().parseFromString(text, "text/html").querySelector("main");
    if (next) {
      tag = response.headers.get("ETag");
      replace(next);
    }
  }

  // Whether the reader is busy in <main>: has entered something, is in a field, or has uncovered a button.
  function isInUse() {
    const active = document.activeElement;
    const isInField = main.contains(active) && active.matches("input, select, button, summary");
    return isEdited || isInField || main.querySelector("details[open]") !== null;
  }

  function replace(next) {
    const notice = main.querySelector(".notice.good");
    const focused = main.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
    main.replaceWith(next);
    main = next;
    if (notice && Date.now() - openedAt < NOTICE_TIME) {
      const title = main.querySelector(".title + .quiet") ?? main.querySelector(".title") ?? main.querySelector("h1");
      title.after(notice);
    }
    if (focused) {
      main.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
    }
  }

  function notify(text, label, target) {
    if (document.getElementById("update")) {
      return;
    }
    const notice = document.createElement("p");
    notice.id = "update";
    notice.className = "notice warn";
    notice.setAttribute("role", "status");
    const link = document.createElement("a");
    link.href = target;
    link.textContent = label;
    notice.append(`${text} `, link);
    main.prepend(notice);
  }

  function showTime() {
    const time = main.querySelector(".as-of time");
    if (time) {
      const now = new Date();
      time.dateTime = now.toISOString();
      time.textContent = now.toLocaleTimeString("en-GB", { timeZone: time.dataset.zone });
      time.parentElement.classList.remove("stale");
    }
  }
})();
