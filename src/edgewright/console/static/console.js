// What moves: parts that are fetched anew, answers that come in pieces, and copying. Every page works without it.
"use strict";

const FRAGMENT = { "x-fragment": "yes" };
const announce = (text) => { document.getElementById("announce").textContent = text; };

function gone(text, link) {
  const notice = document.getElementById("gone");
  if (!notice) return;
  notice.textContent = text;
  if (link) {
    const anchor = document.createElement("a");
    anchor.href = link;
    anchor.textContent = " Sign in again";
    notice.append(anchor);
  }
  notice.hidden = !text;
}

// Puts new content in place, unless it is the same or somebody is using the old: the focus stays where it was.
const shown = new WeakMap();
function put(place, html) {
  if (shown.get(place) === html) return;
  const focused = place.contains(document.activeElement) ? document.activeElement.id : "";
  const selection = document.getSelection();
  if (selection && !selection.isCollapsed && place.contains(selection.anchorNode)) return;
  const before = place.querySelector(".pill")?.textContent;
  place.innerHTML = html;
  shown.set(place, html);
  if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
  const after = place.querySelector(".pill")?.textContent;
  if (place.id === "live" && before !== after && after) announce(`The job is ${after}`);
}

async function wholePage() {
  const answer = await fetch(location.href, { credentials: "same-origin" });
  if (!answer.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = page.getElementById("main");
  if (!fresh) return;
  document.getElementById("main").replaceWith(document.adoptNode(fresh));
  document.title = page.title;
  begin(document);
}

async function poll(place) {
  const pause = Number(place.dataset.every) || 2000;
  let wait = pause;
  while (place.isConnected) {
    await new Promise((resolve) => setTimeout(resolve, wait));
    if (document.hidden || !place.isConnected) continue;
    try {
      const answer = await fetch(place.dataset.poll, { headers: FRAGMENT, credentials: "same-origin" });
      if (answer.status === 401) return gone("You are signed out.", "/console/sign-in");
      if (!answer.ok) throw new Error(answer.statusText);
      put(place, await answer.text());
      gone("");
      wait = pause;
      if (answer.headers.get("x-poll") === "page") {
        const now = place.querySelector(".pill")?.textContent;
        await wholePage();
        if (now) announce(`The job is ${now}`);
        return;
      }
    } catch {
      gone("The server does not answer; what is shown may be old. Trying again.");
      wait = Math.min(wait * 2, 30000);
    }
  }
}

// A form whose answer comes in pieces, each ended by a zero byte: the last that came is shown.
async function stream(form) {
  const place = document.getElementById(form.dataset.stream);
  const button = form.querySelector("button");
  button.disabled = true;
  try {
    const body = new URLSearchParams(new FormData(form));
    const answer = await fetch(form.action, { method: "POST", body, headers: FRAGMENT, credentials: "same-origin" });
    if (answer.status === 401) return gone("You are signed out.", "/console/sign-in");
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) break;
      text += value;
      const pieces = text.split("\0");
      text = pieces.pop();
      if (pieces.length) place.innerHTML = pieces.pop();
    }
    if (text) place.innerHTML = text;
  } catch {
    place.textContent = "The server broke off. Try again.";
  } finally {
    button.disabled = false;
  }
}

async function copy(button) {
  const source = document.getElementById(button.dataset.copy);
  try {
    await navigator.clipboard.writeText(source.textContent);
    button.textContent = "Copied";
    announce("Copied");
  } catch {
    // Browsers keep the clipboard from pages that came over plain http: then the text is marked, ready to be copied.
    document.getSelection().selectAllChildren(source);
    button.textContent = "Press Ctrl+C";
  }
  setTimeout(() => { button.textContent = "Copy"; }, 2000);
}

function theme(value) {
  const secure = location.protocol === "https:" ? "; Secure" : "";
  const age = value ? 31536000 : 0;
  document.cookie = `edgewright-theme=${value}; Path=/; Max-Age=${age}; SameSite=Strict${secure}`;
  if (value) document.documentElement.dataset.theme = value;
  else delete document.documentElement.dataset.theme;
}

function begin(root) {
  for (const place of root.querySelectorAll("[data-poll]")) poll(place);
  for (const button of root.querySelectorAll("[data-copy]")) button.hidden = false;
  for (const set of root.querySelectorAll("[data-themes]")) set.hidden = false;
  for (const time of root.querySelectorAll("time[datetime]")) {
    time.title = new Date(time.dateTime).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "long" });
  }
}

document.addEventListener("submit", (event) => {
  if (event.target.matches("[data-stream]")) {
    event.preventDefault();
    stream(event.target);
  }
});
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy]");
  if (button) copy(button);
});
document.addEventListener("change", (event) => {
  if (event.target.name === "theme" && event.target.closest("[data-themes]")) theme(event.target.value);
  else if (event.target.matches("[data-auto] select")) event.target.form.requestSubmit();
});
begin(document);
