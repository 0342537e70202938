// Reads the page again every few seconds, and replaces <main> when it changed. Everything else works without this script.
"use strict";

(() => {
  const INTERVAL = 4000;
  const MAX_INTERVAL = 60000;

  let main = document.querySelector("main");
  let tag = null;
  let interval = INTERVAL;
  // Whether a newer version of the page waits until the reader is done with a form.
  let isHeldBack = false;

  // A reload must not repeat the notice of a form that was sent.
  const address = new URL(location.href);
  if (address.searchParams.has("notice")) {
    address.searchParams.delete("notice");
    history.replaceState(null, "", address);
  }

  if (!main || !main.dataset.live) {
    return;
  }
  setTimeout(poll, interval);
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && interval > INTERVAL) {
      interval = INTERVAL;
      poll();
    }
  });

  let isPolling = false;

  async function poll() {
    if (isPolling) {
      return;
    }
    isPolling = true;
    try {
      if (!document.hidden) {
        await read();
        interval = INTERVAL;
      }
    } catch {
      showStale();
      interval = Math.min(interval * 2, MAX_INTERVAL);
    } finally {
      isPolling = false;
      setTimeout(poll, interval);
    }
  }

  async function read() {
    const headers = tag ? { "If-None-Match": tag } : {};
    // A redirect leads to the sign-in, which cannot be followed here.
    const response = await fetch(main.dataset.live, { headers, cache: "no-store", redirect: "manual" });
    if (response.type === "opaqueredirect") {
      notify("Your session has ended.", "Sign in again", main.dataset.signIn);
      return;
    }
    if (response.status === 304) {
      showFresh();
      return;
    }
    if (!response.ok) {
      throw new Error(`status ${response.status}`);
    }
    const isFirst = tag === null;
    tag = response.headers.get("ETag");
    if (isFirst && !isHeldBack) {
      // The first read learns the tag of the page that is shown; it may have changed already.
    }
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    replace(page.querySelector("main"));
  }

  function replace(next) {
    if (!next) {
      return;
    }
    if (isInUse()) {
      if (differs(next)) {
        isHeldBack = true;
        notify("The figures of this page have changed.", "Show them", main.dataset.live);
      }
      return;
    }
    const focused = document.activeElement && document.activeElement.id;
    const scroll = window.scrollY;
    main.replaceWith(next);
    main = next;
    isHeldBack = false;
    if (focused) {
      document.getElementById(focused)?.focus({ preventScroll: true });
    }
    window.scrollTo(0, scroll);
  }

  // Whether the reader is in a form: a field has the focus or was changed, or a button was uncovered.
  function isInUse() {
    const active = document.activeElement;
    if (active && main.contains(active) && active.matches("input, select, button, summary")) {
      return true;
    }
    if (main.querySelector("details[open]")) {
      return true;
    }
    return [...main.querySelectorAll("input:not([type=hidden]), select")].some((field) =>
      field instanceof HTMLSelectElement
        ? [...field.options].some((option) => option.selected !== option.defaultSelected && field.value !== field.options[0].value)
        : field.value !== field.defaultValue);
  }

  // Compares the figures, and not the fields that are new in every rendered form.
  function differs(next) {
    const text = (element) => {
      const copy = element.cloneNode(true);
      copy.querySelectorAll("form, .as-of, .notice").forEach((part) => part.remove());
      return copy.textContent;
    };
    return text(next) !== text(main);
  }

  function notify(text, label, target) {
    let notice = document.getElementById("update");
    if (notice) {
      return;
    }
    notice = document.createElement("p");
    notice.id = "update";
    notice.className = "notice warn";
    notice.setAttribute("role", "status");
    const link = document.createElement("a");
    link.href = target;
    link.textContent = label;
    notice.append(`${text} `, link);
    main.prepend(notice);
  }

  function showFresh() {
    const time = main.querySelector(".as-of time");
    if (!time) {
      return;
    }
    time.closest(".as-of").classList.remove("stale");
    const now = new Date();
    time.dateTime = now.toISOString();
    time.textContent = now.toLocaleTimeString("en-GB", { timeZone: time.dataset.zone });
  }

  function showStale() {
    main.querySelector(".as-of")?.classList.add("stale");
  }
})();
