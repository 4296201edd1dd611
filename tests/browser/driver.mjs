// Hands calls on to a browser: each line on standard input asks for one method of one object,
//   {"on": HANDLE, "do": "keyboard.press", "args": ["Tab"]}
// and is answered by one line {"value": ...}, {"handle": N} for an object of Playwright's own, or
// {"error": "..."}. Handle 0 is the browser. "problems" of a page is what its console complained of.
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

const { executable, args } = JSON.parse(process.argv[2]);
const browser = await chromium.launch({ executablePath: executable, args });
const handles = new Map([[0, browser]]);
const problems = new Map();

function keep(object) {
  for (const [handle, known] of handles) {
    if (known === object) {
      return handle;
    }
  }
  const handle = handles.size;
  handles.set(handle, object);
  if (object.keyboard) { // a page
    const said = [];
    problems.set(object, said);
    object.on("console", (message) => message.type() === "error" && said.push(message.text()));
    object.on("pageerror", (error) => said.push(String(error)));
    object.on("dialog", (dialog) => {
      said.push(`a dialog: ${dialog.message()}`);
      dialog.dismiss();
    });
  }
  return handle;
}

function isOfPlaywright(value) {
  const plain = [undefined, Object.prototype, Array.prototype, Buffer.prototype];
  return typeof value === "object" && value !== null && !plain.includes(Object.getPrototypeOf(value));
}

async function call({ on, do: name, args: given }) {
  let target = handles.get(on);
  if (name === "problems") {
    return { value: problems.get(target).splice(0) };
  }
  const path = name.split(".");
  const method = path.pop();
  for (const step of path) {
    target = target[step];
  }
  const value = await target[method](...given);
  return isOfPlaywright(value) ? { handle: keep(value) } : { value: value instanceof Buffer ? null : value ?? null };
}

function answer(message) {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

answer({ value: browser.version() });
for await (const line of createInterface({ input: process.stdin })) {
  try {
    answer(await call(JSON.parse(line)));
  } catch (error) {
    answer({ error: String(error.message ?? error) });
  }
}
await browser.close();
