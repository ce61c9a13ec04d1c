// Keeps the page up to date without a reload, and applies searching and sorting immediately.
//
// The server renders every page; this script fetches the same address again and replaces the
// elements that changed. The pages work without it.
"use strict";
(() => {
  const REFRESH_MS = 10_000;
  const TYPING_MS = 120;

  const live = document.getElementById("live");
  let tag = null;
  let request = null;
  let timer = null;
  let lostAt = null;

  // Changes an element in place to the one that the server sent, so that the text that the user
  // typed and the focus stay.
  function morph(from, to) {
    if (from.isEqualNode(to)) return;
    if (from.nodeType !== Node.ELEMENT_NODE || from.nodeName !== to.nodeName) {
      from.replaceWith(document.importNode(to, true));
      return;
    }
    for (const { name } of [...from.attributes]) {
      if (!to.hasAttribute(name)) from.removeAttribute(name);
    }
    for (const { name, value } of to.attributes) {
      if (from.getAttribute(name) !== value) from.setAttribute(name, value);
    }
    morphChildren(from, to);
  }

  function morphChildren(from, to) {
    const known = new Map();
    for (const child of from.children) if (child.id) known.set(child.id, child);
    let place = from.firstChild;
    for (const wanted of [...to.childNodes]) {
      const named = wanted.id ? known.get(wanted.id) : null;
      const fits = place && !place.id && !wanted.id && place.nodeName === wanted.nodeName;
      const have = named ?? (fits ? place : null);
      if (!have) {
        from.insertBefore(document.importNode(wanted, true), place);
        continue;
      }
      if (have === place) place = place.nextSibling;
      else from.insertBefore(have, place);
      morph(have, wanted);
    }
    while (place) {
      const gone = place;
      place = place.nextSibling;
      gone.remove();
    }
  }

  function showState(text, lost) {
    live.hidden = false;
    live.classList.toggle("lost", lost);
    if (live.textContent !== text) live.textContent = text;
  }

  // Fetches the current address. `fresh` means that the address changed since the last response, so
  // the tag of that response does not apply.
  async function refresh(fresh) {
    clearTimeout(timer);
    request?.abort();
    const mine = (request = new AbortController());
    try {
      // If the script sends the tag, it receives the 304; otherwise the browser's cache handles the
      // 304.
      const sendsTag = tag && !fresh;
      const response = await fetch(location.pathname + location.search, {
        headers: sendsTag ? { Accept: "text/html", "If-None-Match": tag } : { Accept: "text/html" },
        cache: sendsTag ? "no-store" : "no-cache",
        signal: AbortSignal.any([mine.signal, AbortSignal.timeout(REFRESH_MS * 2)]),
      });
      const isPage = (response.headers.get("Content-Type") ?? "").startsWith("text/html");
      if (response.status !== 304) {
        if (!isPage) throw new Error(`status ${response.status}`);
        const page = new DOMParser().parseFromString(await response.text(), "text/html");
        tag = response.headers.get("ETag");
        document.title = page.title;
        morph(document.getElementById("main"), page.getElementById("main"));
      }
      lostAt = null;
      showState("Live", false);
    } catch (error) {
      if (mine.signal.aborted) return;
      lostAt ??= new Date();
      showState(`No connection since ${lostAt.toLocaleTimeString()}`, true);
    }
    if (request === mine) request = null;
    plan();
  }

  function plan() {
    clearTimeout(timer);
    if (!document.hidden) timer = setTimeout(refresh, REFRESH_MS);
  }

  function show(address, replace) {
    if (replace) history.replaceState(null, "", address);
    else history.pushState(null, "", address);
    return refresh(true);
  }

  // The address for the form's values. Empty fields are left out.
  function addressOf(form) {
    const fields = [...new FormData(form)].filter(([, value]) => value !== "");
    const query = new URLSearchParams(fields).toString();
    return location.pathname + (query && `?${query}`);
  }

  document.addEventListener("input", (event) => {
    const form = event.target.form;
    if (form?.id !== "filter") return;
    clearTimeout(timer);
    const wait = event.target.type === "search" ? TYPING_MS : 0;
    timer = setTimeout(() => show(addressOf(form), true), wait);
  });

  document.addEventListener("submit", (event) => {
    if (event.target.id !== "filter") return;
    event.preventDefault();
    show(addressOf(event.target), true);
  });

  document.addEventListener("click", async (event) => {
    const link = event.target.closest("a[data-live]");
    if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    const { pathname, search, hash } = new URL(link.href);
    await show(pathname + search, false);
    reset();
    if (!link.closest("table")) document.querySelector(hash || "#main")?.scrollIntoView();
  });

  // Resets the fields to the values that the server sent for the address.
  function reset() {
    document.getElementById("filter")?.reset();
  }

  addEventListener("popstate", () => refresh(true).then(reset));
  document.addEventListener("visibilitychange", () => (document.hidden ? plan() : refresh()));

  document.documentElement.classList.add("live");
  showState("Live", false);
  plan();
})();
