// Around the table: counts by state, the connection, notices and the results of what was asked for.

class Overview {
  constructor(chooseState) {
    this.chips = new Map();
    this.shares = new Map();
    for (const state of ["", ...states]) {
      const count = el("b");
      const chip = el("button", { type: "button", class: "chip", "data-state": state || null, "aria-pressed": "false",
        onclick: () => chooseState(state) },
        state ? el("span", { class: "dot" }) : null, el("span", {}, state ? stateWords[state] : "All"), count);
      this.chips.set(state, { chip, count });
      byId("states").append(chip);
      if (state) {
        const share = el("span", { "data-state": state });
        this.shares.set(state, share);
        byId("share").append(share);
      }
    }
  }

  showCounts(counts, total, chosen) {
    for (const [state, { chip, count }] of this.chips) {
      const number = state ? counts[state] : total;
      setText(count, number.toLocaleString("en"));
      setAttribute(chip, "aria-pressed", String(state === chosen));
      chip.classList.toggle("none", number === 0);
      if (state) {
        this.shares.get(state).style.flexGrow = String(number);
        this.shares.get(state).hidden = number === 0;
      }
    }
    const trouble = counts.failing + counts.held;
    document.title = trouble ? `${plural(trouble, "problem")} · freshet` : "freshet";
  }

  showConnection({ kind, since, why }) {
    const place = byId("connection");
    setAttribute(place, "data-connection", kind);
    setAttribute(place, "title", kind === "lost" ? `${why}; trying again` : why || null);
    setText(byId("connection-words"), { live: "Live", polling: "Every 10 s", lost: "Connection lost" }[kind]);
    const time = place.querySelector("time"); // beside the words that are read aloud
    time.hidden = kind !== "lost";
    if (since) {
      setTime(time, new Date(since).toISOString());
    }
  }

  showStatus(status) {
    setText(byId("version"), status.version);
    const notices = noticesOf(status);
    const text = JSON.stringify(notices);
    if (text !== this.noticesText) { // read aloud once, not at each look
      this.noticesText = text;
      byId("notices").replaceChildren(...notices.map(({ title, at, lines }) =>
        el("div", { class: "notice" },
          el("p", {}, el("strong", {}, title), at ? " " : null, at ? timeElement(at) : null),
          ...lines.map((line) => el("p", { class: "detail-line" }, line)))));
    }
  }

  // What is said about the same thing takes the place of what was said before.
  toast(text, { failed = false, about = text } = {}) {
    const toast = el("p", { class: "toast", "data-kind": failed ? "failed" : "done", "data-about": about }, text);
    // Only what is in an open dialog is in front of it, and read aloud.
    (document.querySelector("dialog[open]") ?? document.body).append(byId("toasts"));
    [...byId("toasts").children].find((old) => old.dataset.about === about)?.remove();
    byId("toasts").append(toast);
    while (byId("toasts").childElementCount > 4) {
      byId("toasts").firstChild.remove();
    }
    setTimeout(() => toast.remove(), failed ? 15_000 : 6000);
  }
}

// What of the daemon itself needs a person.
function noticesOf(status) {
  const notices = [];
  const reload = status.configuration?.last_reload;
  if (reload && !reload.successful) {
    notices.push({ title: "The changed configuration was not taken over; the old one stays in force.", at: reload.at,
      lines: reload.problems ?? [] });
  }
  for (const host of status.hosts ?? []) {
    if (host.breaker_open) {
      notices.push({ title: `${host.host} fails for every repository and is asked less often for now.`, lines: [] });
    }
  }
  for (const disk of status.disk ?? []) {
    if (disk.free_bytes < disk.min_free_bytes) {
      notices.push({ title: `Too little space is left at ${disk.path}: refreshes wait.`,
        lines: [`${bytes(disk.free_bytes)} free, at least ${bytes(disk.min_free_bytes)} is asked for (limits.min_free_disk)`] });
    }
  }
  const ends = time(status.listeners?.certificate_expires);
  if (ends && ends - clock.now() < 30 * 86_400_000) {
    notices.push({ title: `The certificate of the public listener ${ends < clock.now() ? "has ended" : "ends"}`,
      at: status.listeners.certificate_expires, lines: [] });
  }
  return notices;
}

function bytes(count) {
  const power = Math.max(0, Math.min(4, Math.floor(Math.log2(Math.max(1, count)) / 10)));
  return `${(count / 1024 ** power).toFixed(power ? 1 : 0)} ${["B", "KiB", "MiB", "GiB", "TiB"][power]}`;
}
