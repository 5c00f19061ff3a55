// What pages do by themselves: parts that move are fetched again when the server says that something
// changed, and moments are shown in the reader's own time. Without it every page still works.
"use strict";

const zone = new Intl.DateTimeFormat(document.documentElement.lang, {
  year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit",
  hourCycle: "h23",
});

function showOwnTime(root) {
  for (const time of root.querySelectorAll("time[datetime]")) {
    time.title = time.textContent;
    time.textContent = zone.format(new Date(time.dateTime));
  }
}

// What the reader is about to do is left alone: a marked box, a field with text, a button that has the focus.
function isInUse(part) {
  const one = document.activeElement;
  return (part.contains(one) && one.matches("input, select, textarea, button, summary"))
    || part.querySelector("input[type=checkbox]:checked") !== null;
}

function keyOf(node) {
  return node.id ? `#${CSS.escape(node.id)}` : node.matches("a[href]")
    ? `a[href="${CSS.escape(node.getAttribute("href"))}"]` : null;
}

function put(old, fresh) {
  const opened = [...old.querySelectorAll("details[open][id]")].map((one) => one.id);
  const focus = old.contains(document.activeElement) ? keyOf(document.activeElement) : null;
  // The part itself stays: a screen reader speaks of what changes in a region it knows.
  for (const { name, value } of fresh.attributes)
    old.setAttribute(name, value);
  old.replaceChildren(...fresh.childNodes);
  for (const id of opened)
    old.querySelector(`#${CSS.escape(id)}`)?.setAttribute("open", "");
  if (focus)
    old.querySelector(focus)?.focus({ preventScroll: true });
}

let busy = false;
let missed = false;

async function refresh() {
  if (busy || document.hidden) {
    missed = true;
    return;
  }
  busy = true;
  missed = false;
  try {
    const answer = await fetch(location.href, { redirect: "manual", headers: { Accept: "text/html" } });
    if (answer.type === "opaqueredirect") {
      location.reload();
      return;
    }
    if (!answer.ok)
      return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    showOwnTime(page);
    for (const old of document.querySelectorAll("[data-live]")) {
      const fresh = page.getElementById(old.id);
      if (fresh && !isInUse(old) && fresh.innerHTML !== old.innerHTML)
        put(old, document.importNode(fresh, true));
    }
  } catch {
    // The server is away; the stream says when it is back.
  } finally {
    busy = false;
    if (missed && !document.hidden)
      setTimeout(refresh, 1000);
  }
}

showOwnTime(document);
// A browser has few connections for one host, and a page that nobody looks at keeps none of them.
let stream = null;

function listen() {
  const seen = document.querySelector("[data-seen]")?.dataset.seen ?? "";
  const one = new EventSource(`/live?seen=${encodeURIComponent(seen)}`);
  stream = one;
  one.onmessage = refresh;
  // A browser comes back by itself from a connection that broke, never from an answer that is an error: the
  // session has ended, which the page finds out, the server has no room, or a proxy waits for it to start.
  one.onerror = () => {
    if (one.readyState !== EventSource.CLOSED || stream !== one)
      return;
    stream = null;
    refresh();
    setTimeout(comeBack, 30000);
  };
}

function comeBack() {
  if (stream || document.hidden)
    return;
  listen();
  refresh();
}

function leave() {
  stream?.close();
  stream = null;
}

if (document.querySelector("[data-live]")) {
  listen();
  addEventListener("pagehide", leave);
  document.addEventListener("visibilitychange", () => {
    if (document.hidden)
      leave();
    else
      comeBack();
  });
}
for (const box of document.querySelectorAll("input[data-all]"))
  box.addEventListener("change", () => {
    for (const one of box.closest("form").querySelectorAll(`input[name="${box.dataset.all}"]`))
      one.checked = box.checked;
  });
