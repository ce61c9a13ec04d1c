// Tests the pages in a real browser: with and without scripts, with the keyboard, on a phone.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";
import { Browser, Demo, eventually, screenshot } from "./support.mjs";

const AXE = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

let browser, demo, groups;

before(async () => {
  browser = await Browser.launch();
  demo = await Demo.start("--groups", "16");
  groups = await demo.trouble();
  await demo.ready();
  await eventually("the problems are visible", async () => (await demo.fleet("?status=FAILED")).groups.length === 1);
});

after(async () => {
  await browser?.close();
  await demo?.stop();
});

const ids = (page) => page.$$eval("table.groups tbody tr", (rows) => rows.map((row) => row.id.split("/").pop()));
const count = (page) => page.textContent(".count");

async function opened(path, options, look) {
  const page = await browser.open(demo.url + path, options);
  try {
    await look(page);
    assert.deepEqual(page.complaints, []);
  } finally {
    await page.context().close();
  }
}

test("the page shows problems first, then every group", () =>
  opened("/", {}, async (page) => {
    assert.match(await page.textContent("h1"), /critical problem/);
    assert.match(await page.title(), /^\(\d+\) Fleet/);
    const shown = await ids(page);
    assert.deepEqual(shown.toSorted(), groups.map((group) => group.group_id).toSorted());
    assert.equal(shown[0], groups[0].group_id, "the most urgent group comes first");
    const [problems, list] = await Promise.all(["#problems", "#groups"].map((id) => page.locator(id).boundingBox()));
    assert.ok(problems.y < list.y);
    await screenshot(page, "fleet-light");
  }));

test("a change is shown without reloading, and an unchanged page is not sent again", () =>
  opened("/", {}, async (page) => {
    const before = await page.evaluate(() => (globalThis.untouched = document.querySelector("main")) && true);
    assert.ok(before);
    const { group_id } = groups[9];
    await demo.control({ set_group: { group_id, status: "CEASED" } });
    const row = `table.groups tr[id$="${group_id}"]`;
    await page.waitForFunction((row) => document.querySelector(row)?.textContent.includes("CEASED"), row, { timeout: 20_000 });
    assert.ok(await page.evaluate(() => globalThis.untouched === document.querySelector("main")), "no reload");
    await demo.control({ set_group: { group_id, status: null } });
    await page.waitForFunction((row) => !document.querySelector(row).textContent.includes("CEASED"), row, { timeout: 20_000 });
    const unchanged = () => page.responses.some((response) => response.status === 304);
    await eventually("a response without a body", unchanged, 60);
  }));

test("the focus is kept when the page changes", () =>
  opened("/", {}, async (page) => {
    await page.focus("select[name=show]");
    await demo.control({ set_group: { group_id: groups[10].group_id, status: "MAINTAINING" } });
    await page.waitForFunction(
      (id) => document.querySelector(`tr[id$="${id}"]`).textContent.includes("MAINTAINING"), groups[10].group_id, { timeout: 20_000 });
    assert.equal(await page.evaluate(() => document.activeElement.name), "show");
    await demo.control({ set_group: { group_id: groups[10].group_id, status: null } });
  }));

test("a search filters while typing and is kept in the address", () =>
  opened("/", {}, async (page) => {
    await page.fill("input[name=q]", groups[3].group_id);
    await page.waitForFunction(() => document.querySelectorAll("table.groups tbody tr").length === 1);
    assert.deepEqual(await ids(page), [groups[3].group_id]);
    assert.match(await count(page), /^1 of 16 groups/);
    assert.ok(page.url().endsWith(`?q=${groups[3].group_id}`));
    await page.reload();
    assert.equal(await page.inputValue("input[name=q]"), groups[3].group_id);
    assert.equal((await ids(page)).length, 1);
    await page.click("text=show all");
    await page.waitForFunction(() => document.querySelectorAll("table.groups tbody tr").length === 16);
    assert.equal(await page.inputValue("input[name=q]"), "");
    await page.goBack();
    await page.waitForFunction(() => document.querySelectorAll("table.groups tbody tr").length === 1);
  }));

test("filtering by status and by kind of problem is kept in the address", () =>
  opened("/", {}, async (page) => {
    await page.selectOption("select[name=status]", "FAILED");
    await page.waitForFunction(() => document.querySelectorAll("table.groups tbody tr").length === 1);
    assert.match(page.url(), /\?status=FAILED$/);
    await page.selectOption("select[name=status]", "");
    await page.selectOption("select[name=show]", "group_expires_in_7_days");
    await page.waitForFunction(() => location.search === "?show=group_expires_in_7_days");
    await eventually("the filter is applied", async () => (await ids(page)).includes(groups[2].group_id) && (await ids(page)).length < 8);
  }));

test("columns sort in both directions and mark the direction", () =>
  opened("/", {}, async (page) => {
    await page.click("th >> text=Group");
    await page.waitForSelector("th[aria-sort=ascending] >> text=Group");
    const names = () => page.$$eval("table.groups tbody th a", (links) => links.map((link) => link.textContent));
    const ascending = await names();
    await page.click("th >> text=Group");
    await page.waitForSelector("th[aria-sort=descending] >> text=Group");
    assert.deepEqual((await names()).length, ascending.length);
    assert.equal((await names()).at(-1), ascending[0]);
    assert.match(page.url(), /sort=-name/);
  }));

test("without scripts every function works with additional clicks", () =>
  opened("/", { scripts: false }, async (page) => {
    assert.equal(await page.locator("table.groups tbody tr").count(), 16);
    await page.fill("input[name=q]", groups[4].group_id);
    await page.click("button >> text=Apply");
    assert.equal(await page.locator("table.groups tbody tr").count(), 1);
    await page.click("text=show all");
    await page.click("th >> text=Idle");
    assert.match(page.url(), /sort=-idle/);
    await page.locator("table.groups tbody a").first().click();
    assert.match(page.url(), /\/groups\/demo\/aig-/);
    assert.ok(await page.isVisible("text=over the last hour"));
    await page.click("nav >> text=Exporter");
    assert.ok(await page.isVisible("text=Active configuration"));
    assert.equal(await page.textContent("#replica"), "replica: single");
  }));

test("every control is reachable by keyboard, and the focus is visible", () =>
  opened("/", {}, async (page) => {
    await page.keyboard.press("Tab");
    assert.equal(await page.evaluate(() => document.activeElement.className), "skip");
    assert.ok(await page.isVisible(".skip"));
    const visited = new Set();
    for (let step = 0; step < 40; step += 1) {
      await page.keyboard.press("Tab");
      const focus = await page.evaluate(() => {
        const { activeElement: element } = document;
        const { outlineStyle, outlineWidth } = getComputedStyle(element);
        const form = ["INPUT", "SELECT"].includes(element.tagName);
        return { what: element.name || element.textContent, visible: outlineStyle !== "none" && (form || parseFloat(outlineWidth) >= 2) };
      });
      assert.ok(focus.visible, `the focus on ${focus.what} is visible`);
      visited.add(focus.what);
    }
    for (const what of ["Fleet", "Exporter", "q", "status", "show", "Group", "Headroom"]) assert.ok(visited.has(what), what);
    assert.ok([...visited].indexOf("q") < [...visited].indexOf("Headroom"));
    await page.focus("th a >> text=Idle");
    await page.keyboard.press("Enter");
    await page.waitForSelector("th[aria-sort=descending] >> text=Idle");
  }));

test("a phone does not scroll horizontally", async () => {
  for (const [name, path] of [["fleet", "/"], ["group", `/groups/demo/${groups[1].group_id}`], ["exporter", "/exporter"]]) {
    await opened(path, { width: 390, height: 844 }, async (page) => {
      const [content, screen] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
      assert.ok(content <= screen, `${name}: ${content} px on a screen of ${screen} px`);
      await screenshot(page, `${name}-phone`);
    });
  }
});

test("axe reports no violations on any page, light and dark", async () => {
  const paths = { fleet: "/", filtered: "/?q=nothing", group: `/groups/demo/${groups[1].group_id}`, failed: `/groups/demo/${groups[0].group_id}`, missing: "/groups/demo/unknown", exporter: "/exporter" };
  for (const [name, path] of Object.entries(paths)) {
    for (const scheme of ["light", "dark"]) {
      for (const width of [1360, 390]) {
        const page = await browser.open(demo.url + path, { scheme, width });
        // Injected by the debugger, because the policy of the page blocks other scripts.
        await page.evaluate(AXE);
        const { violations } = await page.evaluate(() => globalThis.axe.run());
        const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).slice(0, 3)}`);
        assert.deepEqual(found, [], `${name} in ${scheme} at ${width} px`);
        if (width === 1360) await screenshot(page, `${name}-${scheme}`, { fullPage: name !== "exporter" });
        await page.context().close();
      }
    }
  }
});

test("a lost connection is shown, and it recovers", () =>
  opened("/", {}, async (page) => {
    await page.context().setOffline(true);
    await page.waitForSelector("#live.lost", { timeout: 30_000 });
    assert.match(await page.textContent("#live"), /^No connection since/);
    await page.context().setOffline(false);
    await page.waitForSelector("#live:not(.lost)", { timeout: 30_000 });
    page.complaints = page.complaints.filter((complaint) => !complaint.includes("ERR_INTERNET_DISCONNECTED"));
  }));

test("the page shows why a target is down", async () => {
  const broken = await Demo.start("--groups", "3");
  await broken.ready();
  await broken.control({ faults: [{ fault: { error: { code: "Forbidden.RAM" } } }] });
  await eventually("the target is down", async () => (await broken.fleet()).targets[0].up === false);
  const page = await browser.open(`${broken.url}/`);
  const problem = await page.textContent(".kind.critical");
  for (const part of ["Permission denied", "Forbidden.RAM", "request id", "What to do", "AliyunAppStreamingReadOnlyAccess"]) {
    assert.ok(problem.includes(part), `${part} in ${problem}`);
  }
  await screenshot(page, "target-down");
  await page.context().close();
  await broken.stop();
});

test("before the first poll the page shows the reason for waiting", async () => {
  const waiting = await Demo.start("--groups", "3", "--set", "poll.interval=1h", "--set", "api.requests_per_second=0.1");
  const page = await browser.open(`${waiting.url}/`);
  assert.match(await page.textContent("h1"), /Waiting for the first poll/);
  await screenshot(page, "waiting");
  assert.deepEqual(page.complaints, []);
  await page.context().close();
  await waiting.stop();
});

test("the first paint and a search with 2,000 groups are measured", async (t) => {
  const settings = ["--instances-per-group", "8", "--persistent-per-group", "1", "--set", "api.requests_per_second=5000", "--set", "poll.interval=60s"];
  const large = await Demo.start("--groups", "2000", ...settings);
  await eventually("the fleet is polled", async () => (await large.fleet("?q=nothing")).totals.groups === 2000, 120);
  const page = await browser.open(`${large.url}/`);
  const paint = await page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime);
  const loaded = await page.evaluate(() => performance.getEntriesByType("navigation")[0].loadEventEnd);
  assert.equal(await page.locator("table.groups tbody tr").count(), 2000);
  const { groups } = await large.truth();
  const searched = await page.evaluate(async (id) => {
    const field = document.querySelector("input[name=q]");
    const rows = () => document.querySelectorAll("table.groups tbody tr").length;
    const typed = performance.now();
    field.value = id;
    field.dispatchEvent(new Event("input", { bubbles: true }));
    while (rows() !== 1) await new Promise(requestAnimationFrame);
    const narrowed = performance.now();
    field.value = "";
    field.dispatchEvent(new Event("input", { bubbles: true }));
    while (rows() !== 2000) await new Promise(requestAnimationFrame);
    return [narrowed - typed, performance.now() - narrowed];
  }, groups[1234].group_id);
  const ms = (value) => `${Math.round(value)} ms`;
  t.diagnostic(`first paint ${ms(paint)}, loaded ${ms(loaded)}, search ${ms(searched[0])}, all again ${ms(searched[1])}`);
  await screenshot(page, "two-thousand");
  assert.deepEqual(page.complaints, []);
  await page.context().close();
  await large.stop();
});
