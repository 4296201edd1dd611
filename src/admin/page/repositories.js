// What is known of the repositories, and which of them are shown in which order.

const states = ["failing", "held", "lagging", "refreshing", "pending", "ok", "paused"];

const stateWords = {
  failing: "Failing",
  held: "Held",
  lagging: "Lagging",
  refreshing: "Refreshing",
  pending: "Pending",
  ok: "OK",
  paused: "Paused",
};

// What needs a person comes first; what only passes by does not make rows jump.
const urgency = { failing: 0, held: 1, lagging: 2, refreshing: 3, pending: 3, ok: 3, paused: 4 };

// What a state means to somebody who waits, where no error says it.
const stateNotes = {
  lagging: { message: "A push was announced that the upstream does not serve yet.",
    advice: "It is asked again, more and more rarely, until it does." },
  paused: { message: "Polls and deliveries wait until it is resumed.", advice: "" },
};

const noteOf = ({ last_error, state }) => last_error ?? stateNotes[state] ?? null;

const time = (text) => (text ? Date.parse(text) : null);

// A repository with what sorting, filtering and a row need of it, worked out once.
function entryOf(repository) {
  const checkouts = repository.checkouts;
  const published = checkouts.map((checkout) => checkout.published_at).filter(Boolean).sort();
  const error = repository.last_error;
  const words = [repository.name, repository.url, error?.class, error?.message];
  for (const checkout of checkouts) {
    words.push(checkout.path, checkout.ref, checkout.commit);
  }
  return {
    repository,
    name: repository.name,
    rank: 0, // among the names
    haystack: words.filter(Boolean).join("\n").toLowerCase(),
    published: published.at(-1) ?? repository.last_change,
    commit: checkouts.find((checkout) => checkout.commit)?.commit ?? null,
    more: Math.max(0, checkouts.length - 1),
  };
}

// Of each column what its rows are compared by; null comes last whichever way.
const sortKeys = {
  name: (entry) => entry.rank,
  state: (entry) => urgency[entry.repository.state] ?? 0,
  published: (entry) => time(entry.published),
  took: (entry) => entry.repository.webhook.announce_to_publish?.last ?? null,
  next: (entry) => time(entry.repository.next_poll),
  problem: (entry) => time(entry.repository.last_error?.since),
};

// Which way round a column is of most use at the first click.
const firstDirection = { name: "ascending", state: "ascending", published: "descending",
  took: "descending", next: "ascending", problem: "descending" };

class Repositories {
  constructor() {
    this.entries = new Map();
    this.ranked = true;
    this.collator = new Intl.Collator("en", { numeric: true, sensitivity: "base" });
  }

  replaceAll(list) {
    this.entries = new Map(list.map((repository) => [repository.name, entryOf(repository)]));
    this.ranked = false;
  }

  set(repository) {
    const before = this.entries.get(repository.name);
    const entry = entryOf(repository);
    entry.rank = before?.rank ?? 0;
    this.ranked &&= before !== undefined;
    this.entries.set(repository.name, entry);
  }

  remove(name) {
    this.entries.delete(name);
  }

  get(name) {
    return this.entries.get(name)?.repository ?? null;
  }

  get size() {
    return this.entries.size;
  }

  counts() {
    const counts = Object.fromEntries(states.map((state) => [state, 0]));
    for (const { repository } of this.entries.values()) {
      counts[repository.state] += 1;
    }
    return counts;
  }

  rank() {
    if (!this.ranked) {
      [...this.entries.values()]
        .sort((a, b) => this.collator.compare(a.name, b.name))
        .forEach((entry, rank) => (entry.rank = rank));
      this.ranked = true;
    }
  }

  // The entries that fit: every word of the filter occurs, and the state is that one (""; any).
  shown({ filter, state, sort, direction }) {
    this.rank();
    const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
    const key = sortKeys[sort];
    const sign = direction === "descending" ? -1 : 1;
    const keyed = [];
    for (const entry of this.entries.values()) {
      const fits = (!state || entry.repository.state === state) && words.every((word) => entry.haystack.includes(word));
      if (fits) {
        keyed.push({ entry, key: key(entry) });
      }
    }
    keyed.sort((a, b) => {
      if ((a.key === null) !== (b.key === null)) {
        return a.key === null ? 1 : -1;
      }
      return sign * (a.key - b.key) || a.entry.rank - b.entry.rank;
    });
    return keyed.map(({ entry }) => entry);
  }
}
