// One repository: its checkouts, what was done about it and why, and what can be done.

const listed = 20; // rows of history at first, and with each "Show older"
const ledgerDelay = 1500; // the ledger writes down what happened somewhat later

const resultWords = { updated: "updated", unchanged: "nothing new", failed: "failed", waiting: "waiting" };
const triggerWords = { poll: "poll", retry: "retry", start: "start", delivery: "delivery", manual: "by hand",
  resume: "resumed" };

function table(label, heads, rows) {
  return el("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": label },
    el("table", { "aria-label": label },
      el("thead", {}, el("tr", {}, ...heads.map((head) => el("th", { scope: "col" }, head)))),
      el("tbody", {}, ...rows)));
}

const td = (...children) => el("td", {}, ...children);

function resultCell(result, error) {
  return td(el("span", { class: "result", "data-result": result ?? "none" }, resultWords[result] ?? result ?? "–"),
    error ? el("p", { class: "message" }, error.message) : null);
}

function refreshRow(refresh) {
  const trigger = triggerWords[refresh.trigger] ?? refresh.trigger;
  return el("tr", {},
    td(timeElement(refresh.ended ?? refresh.started)),
    td(refresh.times > 1 ? `${trigger} ×${refresh.times}` : trigger),
    td(`${refresh.times > 1 ? "within " : ""}${duration(secondsBetween(refresh.started, refresh.ended))}`),
    resultCell(refresh.result, refresh.error));
}

function deliveryRow(delivery, name, replay) {
  const own = delivery.refreshes.find((refresh) => refresh.repository === name);
  const took = own?.announce_to_publish_seconds;
  return el("tr", {},
    td(timeElement(delivery.at), delivery.times > 1 ? ` ×${delivery.times}` : null),
    td([delivery.forge, delivery.event].filter(Boolean).join(" ")),
    td(delivery.verdict, delivery.reason ? el("p", { class: "quiet" }, delivery.reason) : null),
    resultCell(own?.result, own?.error),
    td(took === null || took === undefined ? "–" : duration(took)),
    td(delivery.replayable ? el("button", { type: "button", class: "small", onclick: () => replay(delivery.number) },
      "Replay", el("span", { class: "unseen" }, ` delivery ${delivery.number}`)) : null));
}

// A part of the ledger, newest first, that grows by "Show older".
class History {
  // read(query): rows of the API, each with a number; makeTable(rows).
  constructor(title, nothing, read, makeTable) {
    this.nothing = nothing;
    this.read = read;
    this.makeTable = makeTable;
    this.rows = [];
    this.body = el("div");
    this.older = el("button", { type: "button", class: "small", hidden: true, onclick: () => this.showOlder() }, "Show older");
    this.element = el("section", {}, el("h3", {}, title), this.body, this.older);
  }

  // At most one look at a time, and one more for everything that happened meanwhile.
  async renew() {
    if (this.reading) {
      this.again = true;
      return;
    }
    this.reading = true;
    do {
      this.again = false;
      await this.attempt(async () => this.show(await this.read({ limit: Math.max(listed, this.rows.length) })));
    } while (this.again);
    this.reading = false;
  }

  showOlder() {
    return this.attempt(async () => {
      const older = await this.read({ limit: listed, before: this.rows.at(-1).number });
      this.show([...this.rows, ...older], older.length === listed);
    });
  }

  async attempt(what) {
    try {
      await what();
    } catch (error) {
      this.body.replaceChildren(el("p", { class: "quiet" }, `Cannot be shown now: ${reason(error)}`));
    }
  }

  show(rows, more = rows.length >= listed) {
    const text = JSON.stringify(rows);
    this.older.hidden = !more;
    if (text !== this.text) {
      this.text = text;
      this.rows = rows;
      const focused = this.body.contains(document.activeElement);
      this.body.replaceChildren(rows.length ? this.makeTable(rows) : el("p", { class: "quiet" }, this.nothing));
      if (focused) {
        this.body.querySelector(".scroll")?.focus({ preventScroll: true });
      }
    }
  }
}

class Detail {
  // actions: act(name, action), replay(number), copy(commit), closed(name).
  constructor(actions) {
    this.actions = actions;
    this.dialog = byId("detail");
    this.name = null;
    this.dialog.addEventListener("close", () => {
      const name = this.name;
      this.name = null;
      actions.closed(name);
    });
    // A click beside it.
    this.dialog.addEventListener("click", (event) => event.target === this.dialog && this.dialog.close());
  }

  open(repository) {
    if (this.name === repository.name) {
      return;
    }
    this.name = repository.name;
    this.shown = {};
    this.build(repository.name);
    if (!this.dialog.open) {
      this.dialog.showModal();
    }
    this.dialog.scrollTop = 0;
    this.update(repository);
  }

  close() {
    if (this.dialog.open) {
      this.dialog.close();
    }
  }

  button(action, path, text) {
    return el("button", { type: "button", class: "action", "data-action": action,
      onclick: () => this.actions.act(this.name, action) }, icon(path), text);
  }

  build(name) {
    this.word = el("span");
    this.state = el("p", { class: "pill", role: "status" }, el("span", { class: "dot" }), this.word);
    this.buttons = {
      refresh: this.button("refresh", icons.refresh, "Refresh"),
      pause: this.button("pause", icons.pause, "Pause"),
      resume: this.button("resume", icons.resume, "Resume"),
    };
    this.problem = el("div", { class: "problem-box", hidden: true });
    this.facts = el("dl");
    this.checkouts = el("section");
    this.webhook = el("section");
    this.refreshes = new History("Refreshes", "None yet.", (query) => api.refreshes(name, query),
      (rows) => table("Refreshes", ["When", "Why", "Took", "Result"], rows.map(refreshRow)));
    this.deliveries = new History("Deliveries", "None yet. A webhook tells of a push within a second.",
      (query) => api.deliveries(name, query),
      (rows) => table("Deliveries", ["When", "From", "Verdict", "Result", "Push to here", ""],
        rows.map((row) => deliveryRow(row, name, this.actions.replay))));
    this.dialog.replaceChildren(el("div", { class: "sheet" },
      el("header", {},
        el("h2", { id: "detail-name", tabindex: "-1", autofocus: true }, name),
        el("button", { type: "button", class: "icon close", "aria-label": "Close", title: "Close (Escape)",
          onclick: () => this.dialog.close() }, icon(icons.close)),
        this.state,
        el("div", { class: "actions" }, ...Object.values(this.buttons))),
      this.problem, this.facts, this.checkouts, this.webhook, this.refreshes.element, this.deliveries.element));
  }

  // Calls make() and puts what it returns into `place` where `data` is not what was shown last.
  renewPart(part, place, data, make) {
    const text = JSON.stringify(data);
    if (this.shown[part] !== text) {
      this.shown[part] = text;
      place.replaceChildren(...make());
    }
  }

  update(repository) {
    const { state, last_error: error, checkouts, webhook } = repository;
    setText(this.word, stateWords[state] ?? state);
    setAttribute(this.state, "data-state", state);
    this.showButtons(state);
    const note = noteOf(repository);
    this.problem.hidden = !note;
    setAttribute(this.problem, "data-state", state);
    setAttribute(this.problem, "data-note", error ? "error" : "state");
    this.renewPart("problem", this.problem, note, () => problemOf(note));
    const { name: _name, url, last_success, last_change, next_poll, paused_since } = repository;
    this.renewPart("facts", this.facts, [url, last_success, last_change, next_poll, paused_since, webhook.announce_to_publish],
      () => factsOf(repository));
    this.renewPart("checkouts", this.checkouts, checkouts, () => checkoutsOf(checkouts, this.actions.copy));
    this.renewPart("webhook", this.webhook, webhook, () => webhookOf(webhook));
    const happened = JSON.stringify([last_success, error, webhook.last_delivery, state === "refreshing", state === "paused"]);
    if (this.shown.happened !== happened) {
      this.shown.happened = happened;
      this.renewHistory();
    }
  }

  // One of pause and resume is there at a time; the focus goes from one to the other.
  showButtons(state) {
    const { refresh, pause, resume } = this.buttons;
    const paused = state === "paused";
    const focused = document.activeElement;
    refresh.disabled = paused;
    pause.hidden = paused;
    resume.hidden = !paused;
    if (focused === pause && paused) {
      resume.focus();
    } else if ((focused === resume && !paused) || (focused === refresh && paused)) {
      (paused ? resume : pause).focus();
    }
  }

  renewHistory() {
    clearTimeout(this.writtenDown);
    const renew = () => [this.refreshes, this.deliveries].forEach((history) => history.renew());
    renew();
    this.writtenDown = setTimeout(renew, ledgerDelay);
  }
}

function problemOf(note) {
  if (!note) {
    return [];
  }
  return [
    el("p", { class: "message" }, note.message),
    note.advice ? el("p", { class: "advice" }, note.advice) : null,
    note.class ? el("p", { class: "quiet" }, `${note.class}, since `, timeElement(note.since),
      `, tried ${plural(note.attempts, "time")}`) : null,
  ].filter(Boolean);
}

function fact(term, ...values) {
  return el("div", {}, el("dt", {}, term), el("dd", {}, ...values));
}

function factsOf(repository) {
  const took = repository.webhook.announce_to_publish;
  return [
    fact("Upstream", el("span", { class: "address" }, repository.url)),
    fact("Last success", timeElement(repository.last_success)),
    fact("Last change", timeElement(repository.last_change)),
    repository.paused_since ? fact("Paused", timeElement(repository.paused_since))
      : fact("Next poll", repository.next_poll ? timeElement(repository.next_poll, "upcoming") : "none"),
    fact("Push to here", timesOf(took)),
  ];
}

function timesOf(took) {
  if (!took) {
    return "–";
  }
  const last = duration(took.last);
  return took.count > 1 ? `${last}; at most ${duration(took.worst)} in the last ${took.count}` : last;
}

function checkoutsOf(checkouts, copy) {
  return [el("h3", {}, checkouts.length > 1 ? "Checkouts" : "Checkout"),
    checkouts.length ? el("ul", { class: "checkouts" }, ...checkouts.map((checkout) => checkoutOf(checkout, copy)))
      : el("p", { class: "quiet" }, "None: a mirror only.")];
}

function checkoutOf(checkout, copy) {
  const { path, ref, mode, commit, published_at, state, unsupported } = checkout;
  return el("li", { "data-state": state },
    el("p", { class: "path" }, path),
    el("p", { class: "quiet" }, ref === "HEAD" ? "default branch" : ref, ` · ${mode.replace("_", " ")} · `,
      commit ? el("button", { type: "button", class: "commit", title: `Copy ${commit}`,
        "aria-label": `Copy commit ${shortCommit(commit)}`, onclick: () => copy(commit) }, shortCommit(commit))
        : "nothing published yet",
      commit ? " · " : null, commit ? timeElement(published_at) : null,
      state === "failing" ? " · " : null,
      state === "failing" ? el("span", { class: "message" }, commit ? "the newest is not published" : "failed") : null),
    ...(unsupported ?? []).map((sentence) => el("p", { class: "quiet" }, sentence)));
}

function webhookOf(webhook) {
  const secrets = webhook.secrets ?? [];
  return [el("h3", {}, "Webhook"), el("dl", {},
    fact("Last delivery", timeElement(webhook.last_delivery)),
    fact("Missed", webhook.missed ? `${plural(webhook.missed, "push", "pushes")} came without a delivery` : "none"),
    ...secrets.map(({ file, last_use }) => fact("Secret", el("span", { class: "address" }, file),
      el("span", { class: "quiet" }, last_use ? ", last used " : ", never used"), last_use ? timeElement(last_use) : "")))];
}
