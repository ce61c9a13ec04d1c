// Helpers of the tests: a demo that ends with the tests, the controls of its cloud, and a browser.

import { spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
const BINARY = process.env.APPSTREAMING_EXPORTER_BINARY ?? join(ROOT, "target", "debug", "appstreaming-exporter");
const SCREENSHOTS = join(ROOT, "target", "screenshots");
mkdirSync(SCREENSHOTS, { recursive: true });

/** The exporter with a simulated fleet, which does not change unless the arguments set a speed. */
export class Demo {
  static async start(...args) {
    const demo = new Demo();
    const all = ["demo", "--web.listen-address", "127.0.0.1:0", "--speed", "0", "--set", "poll.interval=1s", ...args];
    // Removes settings of the user who runs the tests.
    const isKept = ([name]) => !name.startsWith("APPSTREAMING_EXPORTER_");
    const env = Object.fromEntries(Object.entries(process.env).filter(isKept));
    demo.process = spawn(BINARY, all, { stdio: ["ignore", "pipe", "pipe"], env });
    demo.output = "";
    for (const stream of [demo.process.stdout, demo.process.stderr]) {
      stream.on("data", (data) => (demo.output += data));
    }
    demo.process.on("error", (error) => (demo.output += error));
    const printed = (pattern) => eventually(`the demo prints ${pattern}`, () => pattern.exec(demo.output)?.[1]);
    demo.url = `http://${await printed(/listening address=(\S+)\n/)}`;
    demo.cloud = await printed(/(http:\/\/\S+)\/_truth/);
    return demo;
  }

  /** Waits until every target has been polled. */
  async ready() {
    await eventually("the demo is ready", async () => (await fetch(`${this.url}/-/ready`)).ok);
    return this;
  }

  async truth() {
    return (await fetch(`${this.cloud}/_truth`)).json();
  }

  async control(change) {
    const response = await fetch(`${this.cloud}/_control`, { method: "POST", body: JSON.stringify(change) });
    if (!response.ok) throw new Error(await response.text());
    return response.json();
  }

  async fleet(query = "") {
    return (await fetch(`${this.url}/api/v1/fleet${query}`)).json();
  }

  /** Causes problems of several kinds and returns the groups. */
  async trouble() {
    const { groups } = await this.truth();
    const set = (index, change) => this.control({ set_group: { group_id: groups[index].group_id, ...change } });
    await set(0, { status: "FAILED" });
    await set(2, { expires_in_seconds: 3 * 86_400 });
    await set(5, { expires_in_seconds: 5 * 3_600 });
    await set(6, { status: "MAINTAINING" });
    return groups;
  }

  async stop() {
    const gone = new Promise((resolve) => this.process.once("exit", resolve));
    this.process.kill();
    await gone;
  }
}

/** A browser whose pages record every error and every request to other servers as a complaint. */
export class Browser {
  static async launch() {
    const it = new Browser();
    // Containers and CI run as root, where the sandbox of Chromium does not work.
    it.chromium = await chromium.launch({
      executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
      args: ["--no-sandbox"],
    });
    return it;
  }

  async open(url, { scheme = "light", width = 1360, height = 900, scripts = true } = {}) {
    const context = await this.chromium.newContext({
      colorScheme: scheme,
      viewport: { width, height },
      javaScriptEnabled: scripts,
      bypassCSP: false,
    });
    const page = await context.newPage();
    page.complaints = [];
    page.responses = [];
    page.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) page.complaints.push(message.text());
    });
    page.on("pageerror", (error) => page.complaints.push(String(error)));
    page.on("request", (request) => {
      const outside = new URL(request.url()).origin !== new URL(url).origin;
      if (outside && !request.url().startsWith("data:")) page.complaints.push(`request to ${request.url()}`);
    });
    page.on("response", (response) => page.responses.push({ url: response.url(), status: response.status() }));
    await page.goto(url);
    return page;
  }

  close() {
    return this.chromium.close();
  }
}

export function screenshot(page, name, options = {}) {
  return page.screenshot({ path: join(SCREENSHOTS, `${name}.png`), animations: "disabled", ...options });
}

/** Repeats a query until its result is truthy. */
export async function eventually(what, query, seconds = 30) {
  const end = Date.now() + seconds * 1_000;
  for (;;) {
    let problem = "";
    try {
      const result = await query();
      if (result) return result;
    } catch (error) {
      problem = `: ${error}`;
    }
    if (Date.now() > end) throw new Error(`timed out after ${seconds} s: ${what}${problem}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
