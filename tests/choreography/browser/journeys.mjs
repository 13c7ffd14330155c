// What a case worker does in Chromium. Usage: node journeys.mjs CHROMIUM URL NAME PASSWORD JOURNEY [PATH…]
// The last line of the output is a JSON object: what was seen, and what axe-core finds on each page.
import axe from "axe-core";
import { chromium } from "playwright-core";

const [executablePath, base, name, password, journey, ...paths] = process.argv.slice(2);
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
const found = [];
const complaints = [];

async function open(colorScheme, viewport) {
  const context = await browser.newContext({ colorScheme, viewport, reducedMotion: "reduce" });
  const page = await context.newPage();
  page.setDefaultTimeout(60_000);
  page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(String(error)));
  await page.goto(`${base}/admin/`);
  await examine(page, "sign-in");
  await page.fill("[name=name]", name);
  await page.fill("[name=password]", password);
  await page.press("[name=password]", "Enter");
  await page.waitForURL(`${base}/admin/`);
  return page;
}

async function examine(page, what) {
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate(() => window.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"] }));
  for (const { id, impact, nodes } of violations) found.push({ what, id, impact, where: nodes.map((node) => node.html.slice(0, 160)) });
}

// What is on the page in one look has been examined as a whole; in the other only its colours are different.
async function examineInBoth(page, what) {
  await examine(page, what);
  await page.emulateMedia({ colorScheme: "dark" });
  const { violations } = await page.evaluate(() => window.axe.run(document, { runOnly: { type: "rule", values: ["color-contrast"] } }));
  for (const { id, impact, nodes } of violations) found.push({ what: `${what}, dark`, id, impact, where: nodes.map((node) => node.html.slice(0, 160)) });
  await page.emulateMedia({ colorScheme: "light" });
}

// The browser calls an answer that is meant to be an error one.
async function expectingErrors(act) {
  const before = complaints.length;
  await act();
  complaints.splice(before, complaints.length, ...complaints.slice(before).filter((said) => !/status of 4\d\d/.test(said)));
}

const journeys = {
  // Every page, each in both looks, and as wide as a phone; what forms answer to mistakes as well.
  async walk() {
    const page = await open("light", { width: 1280, height: 900 });
    const seen = { examined: 0, wide: [] };
    const look = async (what) => {
      for (const details of await page.locator("details:not([open]):not(.menu) > summary").all()) if (await details.isVisible()) await details.click();
      await examineInBoth(page, what);
      await page.setViewportSize({ width: 390, height: 844 });
      if (await page.evaluate(() => document.documentElement.scrollWidth) > 390) seen.wide.push(what);
      await page.setViewportSize({ width: 1280, height: 900 });
      seen.examined += 1;
    };
    const go = async (path) => page.goto(base + path);
    await expectingErrors(async () => {
      for (const path of paths) await go(path).then(() => look(path));
      await go("/admin/order");
      await page.getByLabel("unter einer neuen Domain").check();
      await page.fill("[name=new_domain]", "neu.example");
      await page.getByText("ob sie sich registrieren lässt").waitFor();
      await look("order with a new domain");
      for (const field of ["customer_name", "customer_email", "name"]) await page.fill(`[name=${field}]`, "erika@sommer.example");
      await page.getByRole("button", { name: "Bestellen" }).click();
      await page.locator("#wrong-registrant_street").waitFor();
      await look("order with mistakes");
      await go(paths.find((path) => path.endsWith("/registration")));
      await page.fill("[name=registrant_phone]", "030 1");
      await page.getByRole("button", { name: "Mit diesen Angaben registrieren" }).click();
      await page.locator("#wrong-registrant_phone").waitFor();
      await look("owner with mistakes");
      await go(paths.find((path) => path.includes("/letters/")));
      await page.locator("form input[name^='data.']").first().fill("berichtigt");
      await page.getByRole("button", { name: "Ansehen, was geschehen würde" }).click();
      await page.locator("#preview, [aria-invalid]").first().waitFor();
      await look("corrected letter");
    });
    return seen;
  },
  // Order as one types, watch it go live without touching anything, give a preview link and end it, cancel.
  async order() {
    const page = await open("light", { width: 1280, height: 900 });
    await page.goto(`${base}/admin/order`);
    await page.fill("[name=customer_name]", "Erika Sommer");
    await page.fill("[name=customer_email]", "erika@sommer.example");
    await page.fill("[name=name]", "Bäckerei Sommer");
    await page.getByText("ist frei").waitFor();
    await examine(page, "order");
    await page.getByRole("button", { name: "Bestellen" }).click();
    await page.waitForURL("**/admin/projects/*");
    const seen = { project: page.url().split("/").pop() };
    await page.locator("h1 + p .pill.done", { hasText: "online" }).waitFor();
    await page.getByText("dass sein Projekt online ist").first().waitFor();
    await examine(page, "live");
    await page.getByRole("button", { name: "Vorschau-Link machen" }).click();
    const link = (await page.locator(".flash").innerText()).match(/http\S+/)[0];
    const stranger = await browser.newContext();
    const look = async () => (await stranger.request.get(base + new URL(link).pathname, { maxRedirects: 0 })).status();
    seen.preview = [await look()];
    await page.getByRole("button", { name: "Beenden" }).click();
    await page.getByText("Der Vorschau-Link ist beendet.").waitFor();
    seen.preview.push(await look());
    const status = await page.getByRole("link", { name: "Statusseite des Kunden" }).getAttribute("href");
    const customer = await stranger.newPage();
    await customer.goto(base + new URL(status).pathname);
    await examine(customer, "status");
    await page.getByRole("link", { name: "Projekt stornieren" }).click();
    await examine(page, "cancel");
    await page.fill("[name=reason]", "doppelt bestellt");
    await page.getByRole("button", { name: "Ja, Projekt stornieren" }).click();
    await page.locator("h1 + p .pill.quiet", { hasText: "storniert" }).waitFor();
    return seen;
  },
  // From the first page to what has failed, and on with one; the other with all of its cause; on a phone, in the dark.
  async retry() {
    const page = await open("dark", { width: 390, height: 844 });
    await examine(page, "what needs me");
    await page.getByRole("link", { name: "Ansehen" }).first().click();
    const seen = { said: await page.locator(".card.bad h2").innerText() };
    const failed = page.url();
    await examine(page, "failed");
    await page.getByText("Erneut versuchen", { exact: true }).click();
    await page.fill(".ask [name=reason]", "INWX geht wieder");
    await page.getByRole("button", { name: "Ja, erneut versuchen" }).click();
    await page.locator("h1 + p .pill.done", { hasText: "online" }).waitFor();
    await page.locator(".menu > summary").click();
    await examine(page, "menu");
    await page.locator(".menu").getByRole("link", { name: "Was ansteht" }).click();
    await page.getByRole("link", { name: seen.said }).click();
    await examine(page, "problem");
    const other = await page.locator(".rows a").first().getAttribute("href");
    seen.other = !failed.endsWith(other);
    const letter = await page.getByRole("link", { name: "Diesen Auftrag berichtigen" }).getAttribute("href");
    await page.getByText("Alle erneut versuchen, erst wenige").click();
    await page.fill(".ask [name=reason]", "INWX geht wieder");
    await page.getByRole("button", { name: "Ja, beginnen" }).click();
    await page.goto(base + other);
    await page.locator("h1 + p .pill.done", { hasText: "online" }).waitFor();
    const said = complaints.length;
    await page.goto(base + letter);
    await examine(page, "error");
    complaints.length = said; // that the answer was a 404
    return seen;
  },
};

try {
  console.log(JSON.stringify({ seen: await journeys[journey](), found, complaints }));
} finally {
  await browser.close();
}
