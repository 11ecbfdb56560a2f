"use strict";
// Three small things: ages instead of instants, a tip over the chart, and a look for a new version every minute.
// Without this script the page says the same.

const EVERY_MS = 1000;
const JITTER_MS = 3000;

let tag = null;
let lastAskedAt = Date.now();
let lastAnswerAt = Date.now();
let isAsking = false;

function age(since, now) {
  const seconds = Math.round((now - since) / 1000);
  if (seconds < 0) return null;
  if (seconds < 60) return "just now";
  if (seconds < 7200) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 172800) return `${Math.floor(seconds / 3600)} h ago`;
  return `${Math.floor(seconds / 86400)} days ago`;
}

function showAges() {
  const now = Date.now();
  for (const each of document.querySelectorAll("time[datetime*=T]")) {
    each.title ||= each.textContent;
    each.textContent = age(Date.parse(each.dateTime), now) ?? each.title;
  }
}

function everyMs() {
  return Number(document.getElementById("overview")?.dataset.every ?? 60) * 1000;
}

// The tip says what the row of that day in the table says.
function tipFor(place) {
  const table = document.getElementById("day-table");
  const heads = [...table.tHead.rows[0].cells].slice(1);
  const cells = [...table.tBodies[0].rows[place].cells];
  const list = document.createElement("dl");
  heads.forEach((head, column) => {
    const text = cells[column + 1].textContent.trim();
    if (text === "–" && head.dataset.slot) return;
    const key = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    key.setAttribute("class", "key");
    key.setAttribute("viewBox", "0 0 10 10");
    if (head.dataset.slot) {
      const square = document.createElementNS("http://www.w3.org/2000/svg", "rect");
      square.setAttribute("class", `s${head.dataset.slot}`);
      square.setAttribute("width", "10");
      square.setAttribute("height", "10");
      square.setAttribute("rx", "2");
      key.append(square);
    }
    const name = document.createElement("dt");
    const value = document.createElement("dd");
    name.textContent = head.textContent;
    value.textContent = text === "–" ? "no calls" : text;
    if (!head.dataset.slot) name.className = value.className = "whole";
    list.append(key, name, value);
  });
  const title = document.createElement("strong");
  title.textContent = cells[0].textContent;
  return [title, list];
}

function followPointer() {
  const canvas = document.querySelector(".canvas");
  if (!canvas) return;
  const drawing = canvas.querySelector("svg");
  const tip = document.getElementById("tip");
  const bars = drawing.querySelectorAll(".bar");
  const hide = () => {
    tip.hidden = true;
    for (const bar of bars) bar.classList.remove("on");
  };
  const show = (event) => {
    const box = drawing.getBoundingClientRect();
    const place = Math.floor(((event.clientX - box.left) / box.width) * bars.length);
    if (place < 0 || place >= bars.length) return hide();
    bars.forEach((bar, index) => bar.classList.toggle("on", index === place));
    tip.replaceChildren(...tipFor(place));
    tip.hidden = false;
    const middle = ((place + 0.5) / bars.length) * box.width;
    const isRight = middle > box.width / 2;
    const left = isRight ? middle - tip.offsetWidth - 14 : middle + 14;
    tip.style.left = `${Math.min(Math.max(left, 0), Math.max(box.width - tip.offsetWidth, 0))}px`;
  };
  drawing.addEventListener("pointermove", show);
  drawing.addEventListener("pointerdown", show);
  drawing.addEventListener("pointerleave", hide);
}

function replace(text) {
  const next = new DOMParser().parseFromString(text, "text/html");
  const isOpen = document.getElementById("days")?.open;
  for (const selector of ["header.top", "main", "footer"]) {
    const [old, fresh] = [document.querySelector(selector), next.querySelector(selector)];
    if (old && fresh) old.replaceWith(fresh);
    else if (fresh || old) return location.reload();
  }
  const details = document.getElementById("days");
  if (details && isOpen) details.open = true;
  followPointer();
  showAges();
}

function say(isLost) {
  const live = document.getElementById("live");
  if (!live) return;
  live.classList.toggle("lost", isLost);
  if (isLost) {
    live.textContent = `Not reachable since ${new Date(lastAnswerAt).toLocaleTimeString()}: the figures are those of then`;
  }
}

async function ask() {
  if (isAsking) return;
  isAsking = true;
  lastAskedAt = Date.now() + Math.random() * JITTER_MS;
  try {
    const answer = await fetch("/", { cache: "no-store", headers: tag ? { "If-None-Match": tag } : {} });
    if (answer.redirected) return location.reload();
    if (answer.status === 200) {
      tag = answer.headers.get("ETag");
      replace(await answer.text());
    }
    if (answer.status === 304 && document.querySelector("#live.lost")) {
      tag = null;
      lastAskedAt = 0;
    }
    lastAnswerAt = Date.now();
    if (!answer.ok && answer.status !== 304) say(true);
  } catch {
    say(true);
  } finally {
    isAsking = false;
  }
}

function tick() {
  if (document.visibilityState !== "visible") return;
  showAges();
  if (document.getElementById("overview") && Date.now() - lastAskedAt >= everyMs()) ask();
}

document.addEventListener("visibilitychange", tick);
setInterval(tick, EVERY_MS);
followPointer();
showAges();
