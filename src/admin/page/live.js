// Keeps the page current. Of all tabs one holds the stream of events (whoever has the lock) and
// passes on what comes; so the tabs cost the server one stream and the browser one connection.
// Where tabs cannot agree (no secure context), each reads the list every ten seconds instead.

const pollEvery = 10_000;
const heartbeatMissing = 45_000; // the server is heard at least every 15 s
const firstRetry = 1000;
const longestRetry = 30_000;

const pause = (milliseconds, signal) =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });

// Calls receive({event, data, id}) for each event of the stream and heard() for any sign of life.
async function readEvents(body, receive, heard) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  let event = {};
  for (;;) {
    const { done, value } = await reader.read();
    if (done) {
      return;
    }
    heard();
    const lines = (rest + value).split("\n");
    rest = lines.pop();
    for (const line of lines) {
      if (line === "") {
        if (event.data !== undefined) {
          receive(event);
        }
        event = {};
      } else if (!line.startsWith(":")) {
        const colon = line.indexOf(":");
        const field = line.slice(0, colon);
        const text = line.slice(colon + 1).replace(/^ /, "");
        event[field] = field === "data" && event.data !== undefined ? `${event.data}\n${text}` : text;
      }
    }
  }
}

// read(): reads the list, false when that failed. receive(event, data). connection({kind, since, why}),
// kind: live, polling or lost; since when it is lost.
class Live {
  constructor({ read, receive, connection }) {
    this.read = read;
    this.receive = receive;
    this.tellConnection = connection;
    this.lastId = null;
    this.lostSince = null;
    this.state = null;
    this.leading = null; // what ends the stream, in the tab that holds it
  }

  start() {
    if (!navigator.locks || !window.BroadcastChannel || !window.TextDecoderStream) {
      this.poll();
      return;
    }
    this.heardAt = Date.now();
    this.channel = new BroadcastChannel("freshet-events");
    this.channel.onmessage = ({ data }) => this.onMessage(data);
    this.channel.postMessage({ kind: "newcomer" });
    this.read();
    this.queue();
    // A tab that the browser put to sleep may hold the lock without doing anything.
    setInterval(() => {
      const silent = Date.now() - this.heardAt > 2 * heartbeatMissing;
      if (!this.leading && silent && !document.hidden) {
        this.heardAt = Date.now();
        this.queued.abort();
        this.lead({ steal: true });
      }
    }, 5000);
  }

  queue() {
    this.queued = new AbortController();
    this.lead({ signal: this.queued.signal });
  }

  lead(how) {
    const turn = new AbortController();
    navigator.locks
      .request("freshet-events", how, () => {
        this.leading = turn;
        return this.follow(turn.signal);
      })
      .catch(() => {
        if (this.leading === turn) { // another tab took over
          turn.abort();
          this.leading = null;
          this.queue();
        }
      });
  }

  onMessage(message) {
    this.heardAt = Date.now();
    if (message.kind === "newcomer") {
      if (this.leading && this.state) {
        this.channel.postMessage({ kind: "connection", state: this.state, lastId: this.lastId });
      }
    } else if (message.kind === "connection") {
      this.lostSince = message.state.since;
      this.lastId = message.lastId ?? this.lastId;
      this.tellConnection(message.state);
    } else if (message.kind === "read") {
      this.read();
    } else if (message.kind === "event") {
      this.lastId = message.id;
      this.receive(message.event, message.data);
    }
  }

  say(message) {
    this.channel?.postMessage(message);
  }

  setConnection(kind, why = "") {
    this.lostSince = kind === "lost" ? (this.lostSince ?? clock.now()) : null;
    this.state = { kind, since: this.lostSince, why };
    this.say({ kind: "connection", state: this.state });
    this.tellConnection(this.state);
  }

  readAgain() {
    this.say({ kind: "read" });
    return this.read();
  }

  async follow(signal) {
    let failures = 0;
    while (!signal.aborted) {
      let wait = Math.min(longestRetry, firstRetry * 2 ** failures) * (0.5 + Math.random() / 2);
      try {
        await this.stream(signal, () => (failures = 0));
        this.setConnection("lost", "the server ended the connection");
      } catch (error) {
        if (error instanceof Refused && error.status !== 401) {
          // It answers, but streams nothing at present: then as without streams.
          this.setConnection("polling", error.message);
          wait = Math.max(pollEvery, error.retryAfter * 1000);
          await this.readAgain();
        } else if (!signal.aborted) {
          this.setConnection("lost", reason(error));
        }
      }
      failures = Math.min(failures + 1, 6);
      await pause(wait, signal);
    }
  }

  async stream(signal, greeted) {
    const silence = new AbortController();
    signal.addEventListener("abort", () => silence.abort());
    let watchdog = setTimeout(() => silence.abort(), heartbeatMissing);
    const heard = () => {
      clearTimeout(watchdog);
      watchdog = setTimeout(() => silence.abort(), heartbeatMissing);
      this.say({ kind: "alive" });
    };
    const resumed = this.lastId !== null;
    const headers = resumed ? { "Last-Event-ID": this.lastId } : {};
    try {
      const response = await request("/api/v1/events", { headers, signal: silence.signal });
      await readEvents(response.body, (event) => {
        this.lastId = event.id ?? this.lastId;
        if (event.event === "hello") {
          greeted();
          this.setConnection("live");
        }
        if (event.event === "reset" || (event.event === "hello" && !resumed)) {
          this.readAgain();
        }
        const data = JSON.parse(event.data);
        this.say({ kind: "event", event: event.event, data, id: this.lastId });
        this.receive(event.event, data);
      }, heard);
    } finally {
      clearTimeout(watchdog);
    }
  }

  async poll() {
    for (;;) {
      const begun = performance.now();
      const answered = await this.read();
      this.setConnection(answered ? "polling" : "lost", answered ? "" : "the server cannot be reached");
      // A long list is not asked for without a pause.
      await pause(Math.max(pollEvery, 20 * (performance.now() - begun)));
      while (document.hidden) {
        await new Promise((resolve) => document.addEventListener("visibilitychange", resolve, { once: true }));
      }
    }
  }
}
