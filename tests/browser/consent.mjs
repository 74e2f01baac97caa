// Links accounts through a real browser: headless Chromium opens the consent page of `brokerdeck sim` and presses a button.
// Usage: node consent.mjs PATH-OF-BROKERDECK PATH-OF-CHROMIUM
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

const [, , binary, browserPath] = process.argv;
const home = mkdtempSync(join(tmpdir(), "brokerdeck-browser-"));
const children = [];
const fail = (text) => { throw new Error(text); };
const check = (condition, text) => condition || fail(text);

function start(args, options = {}) {
  const child = spawn(binary, args, { env: { PATH: process.env.PATH, HOME: home }, stdio: ["pipe", "pipe", "pipe"], ...options });
  children.push(child);
  child.errors = "";
  child.stderr.on("data", (data) => { child.errors += data; });
  child.ended = new Promise((resolve) => child.on("exit", (code) => resolve(code)));
  child.lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return child;
}

const first = async (child) => (await child.lines.next()).value ?? fail(`no output; it said: ${child.errors}`);

function configure(ready) {
  const address = (endpoints) => `{ api_url = "${endpoints.api_url}", stream_url = "${endpoints.stream_url}" }`;
  const path = join(home, "config.toml");
  writeFileSync(path, `[tokens]\nstore = "file"\n[[brokers]]\nid = "sim"\nname = "Simulated"\nenvironment = "both"
authorize_url = "${ready.authorize_url}"\ntoken_url = "${ready.token_url}"\npaper = ${address(ready.paper)}\nlive = ${address(ready.live)}
client_id = "${ready.client_id}"\nclient_secret = "${ready.client_secret}"\nredirect_uris = ${JSON.stringify(ready.redirect_uris)}\n`);
  return path;
}

async function consent(browser, config, button) {
  const link = start(["link", "sim", "--no-browser", "--yes", "--config", config, "--data-dir", join(home, button)]);
  const url = await first(link);
  check(url.includes("code_challenge_method=S256"), `PKCE is asked for: ${url}`);
  const page = await browser.newPage();
  await page.goto(url);
  check((await page.content()).includes("Allow"), "the consent page offers Allow");
  await page.click(`#${button}`);
  await page.waitForLoadState();
  const landed = page.url();
  check(!landed.includes("code="), `the code has left the address bar: ${landed}`);
  await page.close();
  return { code: await link.ended, errors: link.errors };
}

try {
  const sim = start(["sim", "--seed", "3"]);
  const config = configure(JSON.parse(await first(sim)));
  const browser = await chromium.launch({
    executablePath: browserPath,
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  });
  const allowed = await consent(browser, config, "allow");
  check(allowed.code === 0, `allow links: exit ${allowed.code}\n${allowed.errors}`);
  const denied = await consent(browser, config, "deny");
  check(denied.code === 1, `deny fails with 1: exit ${denied.code}\n${denied.errors}`);
  check(/denied/i.test(denied.errors), `and says so: ${denied.errors}`);
  await browser.close();
  console.log("browser: 2 passed, 0 failed");
} finally {
  for (const child of children) child.kill("SIGTERM");
  rmSync(home, { recursive: true, force: true });
}
