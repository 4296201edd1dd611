// Puts the parts together. What is filtered, sorted and open stands in the address, so that it can
// be kept and sent.

const repositories = new Repositories();
const asked = new Map(); // refreshes asked for on this page, whose result is to be told
let view = { filter: "", state: "", sort: "state", direction: "ascending", open: "" };
let loaded = false;
let frame = null;

function viewInAddress() {
  const words = new URLSearchParams(location.hash.slice(1));
  const sort = sortKeys[words.get("sort")] ? words.get("sort") : "state";
  const state = words.get("state");
  return {
    filter: words.get("filter") ?? "",
    state: states.includes(state) ? state : "",
    sort,
    direction: ["ascending", "descending"].includes(words.get("direction")) ? words.get("direction") : firstDirection[sort],
    open: words.get("repository") ?? "",
  };
}

function addressOf({ filter, state, sort, direction, open }) {
  const words = new URLSearchParams();
  const usual = sort === "state" && direction === "ascending";
  for (const [name, value] of [["filter", filter], ["state", state], ["sort", usual ? "" : sort],
    ["direction", usual ? "" : direction], ["repository", open]]) {
    if (value) {
      words.set(name, value);
    }
  }
  const text = words.toString();
  return text ? `#${text}` : location.pathname;
}

function change(changes, { step = false } = {}) {
  view = { ...view, ...changes };
  history[step ? "pushState" : "replaceState"]({ step }, "", addressOf(view));
  show();
}

const actions = {
  open: (name) => change({ open: name }, { step: true }),
  sort(column) {
    const again = view.sort === column;
    const turned = view.direction === "ascending" ? "descending" : "ascending";
    change({ sort: column, direction: again ? turned : firstDirection[column] });
  },
  async copy(commit) {
    try {
      await copyText(commit);
      overview.toast(`Copied ${commit}`);
    } catch (error) {
      overview.toast(`Could not copy: ${error.message}`, { failed: true });
    }
  },
  async act(name, action) {
    const before = repositories.get(name);
    try {
      await api.act(name, action);
      if (action === "refresh") {
        asked.set(name, before);
      }
      const done = { refresh: `Refreshing ${name}`, pause: `${name} is paused`, resume: `${name} is resumed` };
      overview.toast(done[action], { about: name });
    } catch (error) {
      overview.toast(`Could not ${action} ${name}: ${reason(error)}`, { failed: true, about: name });
    }
  },
  async replay(number) {
    try {
      const answer = await api.replay(number);
      const named = answer.repositories?.join(", ");
      overview.toast(`Delivery ${number} runs again${named ? `: ${named}` : ""}`);
    } catch (error) {
      overview.toast(`Could not replay delivery ${number}: ${reason(error)}`, { failed: true });
    }
  },
  closed(name) {
    if (view.open && history.state?.step) {
      view.open = "";
      history.back(); // to where they were opened
    } else if (view.open) {
      change({ open: "" });
    }
    document.body.append(byId("toasts"));
    list.focusName(name);
  },
};

const overview = new Overview((state) => change({ state: view.state === state ? "" : state }));
const list = new List(actions);
const detail = new Detail(actions);

// Tells how a refresh ended that was asked for here.
function tellResult(repository) {
  const before = asked.get(repository.name);
  if (!before || repository.state === "refreshing") {
    return;
  }
  const error = repository.last_error;
  if (error && JSON.stringify(error) !== JSON.stringify(before.last_error)) {
    overview.toast(`${repository.name}: ${error.message}`, { failed: true, about: repository.name });
  } else if (repository.last_success !== before.last_success) {
    const news = repository.last_change !== before.last_change;
    overview.toast(`${repository.name} is ${news ? "updated" : "up to date: nothing new"}`, { about: repository.name });
  } else {
    return;
  }
  asked.delete(repository.name);
}

function show() {
  frame ??= requestAnimationFrame(() => {
    frame = null;
    render();
  });
}

function render() {
  if (!loaded) {
    return;
  }
  const entries = repositories.shown(view);
  overview.showCounts(repositories.counts(), repositories.size, view.state);
  list.show(entries, view);
  showCount(entries.length);
  const repository = view.open && repositories.get(view.open);
  if (repository) {
    detail.open(repository);
    detail.update(repository);
  } else {
    detail.close();
  }
}

function showCount(shown) {
  const all = repositories.size;
  setText(byId("shown"), shown === all ? plural(all, "repository", "repositories") : `${shown.toLocaleString("en")} of ${all.toLocaleString("en")}`);
  byId("empty").hidden = shown > 0;
  byId("list").hidden = shown === 0;
  setText(byId("empty"), all ? "No repository fits the filter. Escape clears it." : "No repository is configured yet.");
}

// The whole list; false: it could not be read. Who asks while it is being read gets one more.
let reading = null;
let readAgain = false;
function read() {
  if (reading) {
    readAgain = true;
    return reading;
  }
  reading = (async () => {
    let done = false;
    do {
      readAgain = false;
      done = await readOnce();
    } while (readAgain);
    reading = null;
    return done;
  })();
  return reading;
}

let early = null; // what events said while the list was on its way
async function readOnce() {
  early = [];
  try {
    const [all] = await Promise.all([api.repositories(), readStatus()]);
    repositories.replaceAll(all);
    all.forEach(tellResult);
    early.forEach(([event, data]) => apply(event, data));
    loaded = true;
    show();
    return true;
  } catch (error) {
    if (!loaded) {
      overview.showConnection({ kind: "lost", since: clock.now(), why: reason(error) });
    }
    return false;
  } finally {
    early = null;
  }
}

// What concerns the daemon as a whole; the page does without where it cannot be had.
async function readStatus() {
  const status = await api.status().catch(() => null);
  if (status) {
    overview.showStatus(status);
  }
}

function receive(event, data) {
  early?.push([event, data]);
  apply(event, data);
  show();
}

function apply(event, data) {
  if (event === "hello") {
    setText(byId("version"), data.version);
  } else if (event === "repository") {
    repositories.set(data);
    tellResult(data);
  } else if (event === "removed") {
    repositories.remove(data.name);
  } else if (event === "delivery" && data.repositories?.includes(view.open)) {
    detail.renewHistory();
  }
}

function onKey(event) {
  const typing = event.target.matches("input, select, textarea");
  if (event.key === "/" && !typing && !detail.dialog.open && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault();
    byId("filter").focus();
    byId("filter").select();
  } else if (event.target === byId("filter") && event.key === "Escape") {
    event.preventDefault();
    byId("filter").value = "";
    change({ filter: "", state: "" });
  } else if (event.target === byId("filter") && event.key === "ArrowDown") {
    event.preventDefault();
    list.enter();
  }
}

function followAddress() {
  view = viewInAddress();
  byId("filter").value = view.filter;
  show();
}

followAddress();
addEventListener("popstate", followAddress);
addEventListener("keydown", onKey);
byId("filter").addEventListener("input", (event) => change({ filter: event.target.value }));
setInterval(renewTimes, 1000);
setInterval(() => document.hidden || readStatus(), 15_000);
new Live({ read, receive, connection: (state) => overview.showConnection(state) }).start();
