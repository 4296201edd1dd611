// The table. Only the rows in view exist, however many repositories there are.

const columns = [
  { id: "name", title: "Repository" },
  { id: "state", title: "State" },
  { id: "commit", title: "Commit", sortable: false },
  { id: "published", title: "Published" },
  { id: "took", title: "Push to here", hint: "From the forge's announcement to the published tree, last time" },
  { id: "next", title: "Next poll" },
  { id: "problem", title: "Problem, and what to do" },
];
const beyondView = 8; // rows that exist above and below it

class Row {
  constructor(actions) {
    this.entry = null;
    const cell = (name, ...children) => el("div", { role: "cell", class: `cell ${name}` }, ...children);
    this.prefix = el("span", { class: "prefix line" });
    this.last = el("span", { class: "line" });
    this.open = el("button", { class: "open", type: "button", onclick: () => actions.open(this.entry.name) },
      this.prefix, this.last);
    this.url = el("span", { class: "url quiet line" });
    this.word = el("span");
    this.commit = el("button", { class: "commit", type: "button", onclick: () => actions.copy(this.entry.commit) });
    this.more = el("span", { class: "quiet" });
    this.published = el("time");
    this.took = el("span");
    this.next = el("time");
    this.message = el("span", { class: "message line" });
    this.advice = el("span", { class: "advice quiet" });
    this.refresh = el("button", { class: "icon", type: "button", title: "Refresh now",
      onclick: () => actions.act(this.entry.name, "refresh") }, icon(icons.refresh));
    this.element = el("div", { role: "row", class: "row row-grid", onclick: (event) => this.onClick(event, actions) },
      el("div", { role: "rowheader", class: "cell name" }, this.open, this.url),
      cell("state", el("span", { class: "dot" }), this.word),
      cell("commit-cell", this.commit, this.more),
      cell("published", this.published),
      cell("took", this.took),
      cell("next", this.next),
      cell("problem", this.message, this.advice),
      cell("do", this.refresh));
    this.element.row = this;
  }

  // The whole row leads to the details, but not a click that ends the marking of text.
  onClick(event, actions) {
    if (!event.target.closest("button") && getSelection().isCollapsed) {
      actions.open(this.entry.name);
    }
  }

  show(entry, index, active) {
    this.element.style.transform = `translateY(calc(${index} * var(--row)))`;
    setAttribute(this.element, "aria-rowindex", String(index + 2));
    for (const button of [this.open, this.commit, this.refresh]) {
      setAttribute(button, "tabindex", active ? "0" : "-1");
    }
    if (this.entry !== entry) {
      this.entry = entry;
      this.fill(entry);
    }
  }

  fill({ repository, name, commit, more, published }) {
    const note = noteOf(repository);
    const took = repository.webhook.announce_to_publish;
    setAttribute(this.element, "data-state", repository.state);
    setAttribute(this.element, "data-note", note ? (repository.last_error ? "error" : "state") : null);
    this.fillName(name);
    setText(this.url, shortUrl(repository.url));
    setAttribute(this.url, "title", repository.url);
    setText(this.word, stateWords[repository.state] ?? repository.state);
    setText(this.commit, commit ? shortCommit(commit) : "");
    setAttribute(this.commit, "title", commit ? `Copy ${commit}` : null);
    setAttribute(this.commit, "aria-label", commit ? `Copy commit ${shortCommit(commit)} of ${name}` : null);
    this.commit.hidden = !commit;
    setText(this.more, commit ? (more ? `+${more}` : "") : "–");
    setAttribute(this.more, "title", more ? `and ${plural(more, "further checkout")}` : null);
    setTime(this.published, published);
    setText(this.took, took ? duration(took.last) : "–");
    setAttribute(this.took, "title", took ? `longest of the last ${took.count}: ${duration(took.worst)}` : null);
    this.fillNext(repository);
    setText(this.message, note?.message ?? "");
    setAttribute(this.message, "title", note?.message ?? null);
    setText(this.advice, note?.advice ?? "");
    setAttribute(this.advice, "title", note?.advice || null);
    setAttribute(this.refresh, "aria-label", `Refresh ${name}`);
    this.refresh.disabled = repository.state === "paused";
  }

  // Where there is little room, what tells one from the others stays.
  fillName(name) {
    const cut = name.lastIndexOf("/") + 1;
    setText(this.prefix, name.slice(0, cut));
    setText(this.last, name.slice(cut));
    setAttribute(this.open, "title", name);
    setAttribute(this.open, "aria-label", name);
  }

  fillNext(repository) {
    setTime(this.next, repository.state === "paused" ? null : repository.next_poll, "upcoming");
    if (repository.state === "paused" || !repository.next_poll) {
      setText(this.next, repository.state === "paused" ? "paused" : "–");
    }
  }
}

class List {
  // actions: open(name), act(name, action), copy(commit), sort(column).
  constructor(actions) {
    this.actions = actions;
    this.entries = [];
    this.rendered = new Map(); // by name
    this.spare = [];
    this.active = 0;
    this.rows = byId("rows");
    this.heads = new Map();
    this.makeHeads();
    this.rows.addEventListener("keydown", (event) => this.onKey(event));
    this.rows.addEventListener("focusin", (event) => this.onFocus(event));
    addEventListener("scroll", () => this.schedule(), { passive: true });
    addEventListener("resize", () => this.schedule());
  }

  makeHeads() {
    for (const { id, title, hint, sortable } of columns) {
      const inside = sortable === false ? title
        : el("button", { type: "button", title: hint, onclick: () => this.actions.sort(id) }, title);
      const head = el("div", { role: "columnheader", class: `cell ${id}` }, inside);
      this.heads.set(id, head);
      byId("heads").append(head);
      if (sortable !== false) {
        byId("sorting").append(el("option", { value: id }, `By ${title.split(",")[0].toLowerCase()}`));
      }
    }
    byId("heads").append(el("div", { role: "columnheader", class: "cell do" }, el("span", { class: "unseen" }, "Refresh")));
    byId("sorting").addEventListener("change", (event) => this.actions.sort(event.target.value));
  }

  show(entries, { sort, direction }) {
    const name = this.entries[this.active]?.name;
    this.entries = entries;
    const kept = name === undefined ? -1 : entries.findIndex((entry) => entry.name === name);
    this.active = kept >= 0 ? kept : Math.max(0, Math.min(this.active, entries.length - 1));
    for (const [id, head] of this.heads) {
      setAttribute(head, "aria-sort", id === sort ? direction : null);
    }
    byId("sorting").value = sort;
    setAttribute(byId("list"), "aria-rowcount", String(entries.length + 1));
    this.rows.style.height = `calc(${entries.length} * var(--row))`;
    this.render();
  }

  schedule() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      this.render();
    });
  }

  rowHeight() {
    return Number.parseFloat(getComputedStyle(this.rows).getPropertyValue("--row"));
  }

  render() {
    const height = this.rowHeight();
    const above = -this.rows.getBoundingClientRect().top;
    const first = Math.max(0, Math.floor(above / height) - beyondView);
    const end = Math.min(this.entries.length, Math.ceil((above + innerHeight) / height) + beyondView);
    const wanted = new Map();
    for (let index = first; index < end; ++index) {
      wanted.set(this.entries[index].name, index);
    }
    this.release(wanted);
    const rows = [];
    for (const [name, index] of wanted) {
      const row = this.rendered.get(name) ?? this.spare.pop() ?? new Row(this.actions);
      this.rendered.set(name, row);
      row.show(this.entries[index], index, index === this.active);
      rows.push(row.element);
    }
    this.arrange(rows);
  }

  // Rows that left the view. The focus stays in the table when it was in one of them.
  release(wanted) {
    for (const [name, row] of this.rendered) {
      if (!wanted.has(name)) {
        const focused = row.element.contains(document.activeElement);
        row.element.remove();
        this.rendered.delete(name);
        this.spare.push(row);
        if (focused) {
          this.rows.focus({ preventScroll: true });
        }
      }
    }
  }

  // The document's order is what is read aloud. The row with the focus would lose it by moving, so
  // the others move around it.
  arrange(wanted) {
    const focused = document.activeElement?.closest(".row");
    let here = this.rows.firstChild;
    for (const element of wanted) {
      while (element === focused && here !== element) {
        const next = here.nextSibling;
        this.rows.append(here);
        here = next;
      }
      if (element === here) {
        here = here.nextSibling;
      } else {
        this.rows.insertBefore(element, here);
      }
    }
  }

  onFocus(event) {
    const row = event.target.closest(".row")?.row;
    if (row) {
      this.active = this.entries.indexOf(row.entry);
      this.render();
    }
  }

  onKey(event) {
    const page = Math.max(1, Math.floor(innerHeight / this.rowHeight()) - 3);
    const last = this.entries.length - 1;
    const inTable = event.target === this.rows;
    const to = { ArrowDown: this.active + (inTable ? 0 : 1), ArrowUp: this.active - (inTable ? 0 : 1),
      PageDown: this.active + page, PageUp: this.active - page, Home: 0, End: last }[event.key];
    if (to === undefined || event.ctrlKey || event.metaKey || event.altKey || last < 0) {
      return;
    }
    event.preventDefault();
    this.goTo(Math.max(0, Math.min(last, to)));
  }

  goTo(index) {
    this.active = index;
    this.keepInView(index);
    this.render();
    this.rendered.get(this.entries[index].name).open.focus({ preventScroll: true });
  }

  keepInView(index) {
    const height = this.rowHeight();
    const top = this.rows.getBoundingClientRect().top + index * height;
    const covered = byId("heads").getBoundingClientRect().height;
    if (top < covered) {
      scrollBy({ top: top - covered, behavior: "instant" });
    } else if (top + height > innerHeight) {
      scrollBy({ top: top + height - innerHeight, behavior: "instant" });
    }
  }

  // Where the focus goes when the details close; their row may be out of view.
  focusName(name) {
    const index = this.entries.findIndex((entry) => entry.name === name);
    if (index >= 0) {
      this.goTo(index);
    }
  }

  // Into the table from the filter.
  enter() {
    if (this.entries.length) {
      this.goTo(this.active);
    }
  }
}
