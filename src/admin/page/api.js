// Requests to the admin API. What the server says of an error is what the reader is told.

class Refused extends Error {
  constructor(status, message, retryAfter) {
    super(message);
    this.status = status;
    this.retryAfter = retryAfter;
  }
}

async function refusal(response) {
  const body = await response.json().catch(() => null);
  const words = body?.error?.message ?? `the server answered ${response.status}`;
  return new Refused(response.status, words, Number(response.headers.get("Retry-After")) || 0);
}

async function request(path, options = {}) {
  const response = await fetch(path, { cache: "no-store", credentials: "same-origin", ...options });
  clock.set(Date.parse(response.headers.get("Date")));
  if (!response.ok) {
    throw await refusal(response);
  }
  return response;
}

const repositoryPath = (name) => `/api/v1/repositories/${encodeURIComponent(name)}`;

const api = {
  repositories: async () => (await (await request("/api/v1/repositories")).json()).repositories,
  status: async () => (await request("/api/v1/status")).json(),
  refreshes: async (name, query) =>
    (await (await request(`${repositoryPath(name)}/refreshes?${new URLSearchParams(query)}`)).json()).refreshes,
  deliveries: async (name, query) => {
    const path = `/api/v1/deliveries?${new URLSearchParams({ repository: name, ...query })}`;
    return (await (await request(path)).json()).deliveries;
  },
  act: async (name, action) => (await request(`${repositoryPath(name)}/${action}`, { method: "POST" })).json(),
  replay: async (number) =>
    (await request(`/api/v1/deliveries/${encodeURIComponent(number)}/replay`, { method: "POST" })).json(),
};

// The reason in a sentence's middle: a failed fetch has no words of the server.
const reason = (error) => (error instanceof Refused ? error.message : "the server cannot be reached");
