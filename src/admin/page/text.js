// How things are written: elements, times, durations, commits. What comes from outside is only ever
// text: nothing here or elsewhere on the page makes markup of it.

const byId = (id) => document.getElementById(id);

// el("p", {class: "note", onclick: f}, "text", child). A value of null or false leaves its attribute out.
function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) {
      element.addEventListener(name.slice(2), value);
    } else if (value !== null && value !== undefined && value !== false) {
      element.setAttribute(name, value === true ? "" : value);
    }
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

function icon(path) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  const line = document.createElementNS(space, "path");
  line.setAttribute("d", path);
  svg.append(line);
  return svg;
}

const icons = {
  refresh: "M13.5 8a5.5 5.5 0 1 1-1.7-4M13.5 1.5v3h-3",
  pause: "M5.5 3.5v9M10.5 3.5v9",
  resume: "M5 3.2v9.6l7.5-4.8z",
  close: "M3.5 3.5l9 9M12.5 3.5l-9 9",
};

// Changes nothing where nothing changed, so that a frame costs what is new in it.
function setText(element, text) {
  if (element.textContent !== text) {
    element.textContent = text;
  }
}

function setAttribute(element, name, value) {
  if (value === null) {
    element.removeAttribute(name);
  } else if (element.getAttribute(name) !== value) {
    element.setAttribute(name, value);
  }
}

// The server's clock counts, not this computer's.
const clock = {
  ahead: 0,
  now: () => Date.now() + clock.ahead,
  set(serverTime) {
    const ahead = serverTime - Date.now();
    // The header has whole seconds, and the way here took some time.
    clock.ahead = Number.isFinite(ahead) && Math.abs(ahead) > 3000 ? ahead : 0;
  },
};

function amount(seconds) {
  if (seconds < 60) {
    return `${seconds} s`;
  }
  if (seconds < 3600) {
    return `${Math.floor(seconds / 60)} min`;
  }
  return seconds < 2 * 86400 ? `${Math.floor(seconds / 3600)} h` : `${Math.floor(seconds / 86400)} d`;
}

// In steps of ten seconds: a page of counting numbers is no calm one.
function relative(time) {
  const seconds = Math.round((clock.now() - time) / 1000);
  if (seconds >= 0) {
    return seconds < 10 ? "just now" : `${amount(seconds < 60 ? Math.floor(seconds / 10) * 10 : seconds)} ago`;
  }
  return `in ${amount(-seconds < 60 ? Math.ceil(-seconds / 10) * 10 : -seconds)}`;
}

// A poll whose time has come waits for a free worker; it is not "just now".
const upcoming = (time) => (time - clock.now() < 1000 ? "now" : relative(time));

const inFull = (time) => new Date(time).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" });

function setTime(element, text, write = "relative") {
  const time = text ? Date.parse(text) : NaN;
  if (Number.isNaN(time)) {
    setText(element, "–");
    for (const name of ["datetime", "title", "data-write"]) {
      setAttribute(element, name, null);
    }
    return;
  }
  if (element.getAttribute("datetime") !== text) {
    element.setAttribute("datetime", text);
    element.setAttribute("title", inFull(time));
    element.setAttribute("data-write", write);
  }
  setText(element, write === "upcoming" ? upcoming(time) : relative(time));
}

function timeElement(text, write) {
  const element = el("time");
  setTime(element, text, write);
  return element;
}

function renewTimes() {
  for (const element of document.querySelectorAll("time[data-write]")) {
    setTime(element, element.getAttribute("datetime"), element.getAttribute("data-write"));
  }
}

function duration(seconds) {
  if (typeof seconds !== "number") {
    return "–";
  }
  if (seconds < 1) {
    return `${Math.round(seconds * 1000)} ms`;
  }
  if (seconds < 60) {
    return `${seconds.toFixed(1)} s`;
  }
  const whole = Math.round(seconds);
  return whole < 3600 ? `${Math.floor(whole / 60)} min ${whole % 60} s` : amount(whole);
}

const secondsBetween = (from, to) => (from && to ? (Date.parse(to) - Date.parse(from)) / 1000 : null);
const plural = (count, one, many = `${one}s`) => `${count.toLocaleString("en")} ${count === 1 ? one : many}`;
const shortCommit = (commit) => (commit ? commit.slice(0, 8) : "");

// An address as a person reads it: scheme and ending say little.
const shortUrl = (url) => url.replace(/^(https?|ssh|git|file):\/\//, "").replace(/\.git$/, "");

async function copyText(text) {
  if (navigator.clipboard) {
    await navigator.clipboard.writeText(text);
    return;
  }
  // Without a secure context there is only the old way.
  const field = el("textarea", { class: "unseen", readonly: true });
  field.value = text;
  const within = document.querySelector("dialog[open]") ?? document.body;
  const before = document.activeElement;
  within.append(field);
  field.select();
  const copied = document.execCommand("copy");
  field.remove();
  before?.focus();
  if (!copied) {
    throw new Error("the browser did not allow it");
  }
}
