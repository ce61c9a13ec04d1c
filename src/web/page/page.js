// Keeps the page true without loading it again, and makes searching and sorting immediate.
//
// The server writes every page; this fetches the same address again and exchanges the elements that
// changed. Without it everything works, one click more at a time.
"use strict";
(() => {
  const REFRESH_MS = 10_000;
  const TYPING_MS = 120;

  const live = document.getElementById("live");
  let tag = null;
  let request = null;
  let timer = null;
  let lostAt = null;

  // Same element, as the server now says it. What the user did to it (typed, opened) stays.
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

  function say(text, lost) {
    live.hidden = false;
    live.classList.toggle("lost", lost);
    if (live.textContent !== text) live.textContent = text;
  }

  // Fetches the current address. `fresh` is for another address than the last one's.
  async function refresh(fresh) {
    clearTimeout(timer);
    request?.abort();
    const mine = (request = new AbortController());
    try {
      // Whoever brings the tag sees the 304; the first time the browser's own cache does.
      const known = tag && !fresh;
      const answer = await fetch(location.pathname + location.search, {
        headers: known ? { Accept: "text/html", "If-None-Match": tag } : { Accept: "text/html" },
        cache: known ? "no-store" : "no-cache",
        signal: AbortSignal.any([mine.signal, AbortSignal.timeout(REFRESH_MS * 2)]),
      });
      const isPage = (answer.headers.get("Content-Type") ?? "").startsWith("text/html");
      if (answer.status !== 304) {
        if (!isPage) throw new Error(`status ${answer.status}`);
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        tag = answer.headers.get("ETag");
        document.title = page.title;
        morph(document.getElementById("main"), page.getElementById("main"));
      }
      lostAt = null;
      say("Live", false);
    } catch (error) {
      if (mine.signal.aborted) return;
      lostAt ??= new Date();
      say(`No connection since ${lostAt.toLocaleTimeString()}`, true);
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

  // What the form says, as an address. Fields that say nothing are left out.
  function asked(form) {
    const fields = [...new FormData(form)].filter(([, value]) => value !== "");
    const query = new URLSearchParams(fields).toString();
    return location.pathname + (query && `?${query}`);
  }

  document.addEventListener("input", (event) => {
    const form = event.target.form;
    if (form?.id !== "filter") return;
    clearTimeout(timer);
    const wait = event.target.type === "search" ? TYPING_MS : 0;
    timer = setTimeout(() => show(asked(form), true), wait);
  });

  document.addEventListener("submit", (event) => {
    if (event.target.id !== "filter") return;
    event.preventDefault();
    show(asked(event.target), true);
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

  // The fields as the address has them: typed values would hide what the server wrote.
  function reset() {
    document.getElementById("filter")?.reset();
  }

  addEventListener("popstate", () => refresh(true).then(reset));
  document.addEventListener("visibilitychange", () => (document.hidden ? plan() : refresh()));

  document.documentElement.classList.add("live");
  say("Live", false);
  plan();
})();
