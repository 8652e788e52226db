"use strict";
// One sample at a time. An answer that the server has not confirmed is kept in the browser's storage with its request id
// and sent again until it is, so that a server that was killed and started again loses and doubles nothing.

const KEPT = "selfsup-unsent";
const byId = (id) => document.getElementById(id);
const state = { queue: "next", sample: null, kind: "open", classes: [], sheet: null, busy: false, page: "", report: null };

function element(name, text = "", attributes = {}) {
  const made = document.createElement(name);
  made.textContent = text;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

// What the server made of a sample: it is escaped there, and the page's policy runs no script in it.
function shown(html) {
  const made = document.createElement("div");
  made.innerHTML = html;
  return made;
}

function request() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function alarm(text) {
  byId("alert").textContent = text;
  byId("alert").hidden = !text;
}

// -- talking to the server

class Refused extends Error {}

async function call(path, body) {
  const options = body === undefined ? {} : {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
  };
  const reply = await fetch(path, options);
  const said = await reply.json().catch(() => ({ text: `the server answered ${reply.status}` }));
  if (!reply.ok) throw Object.assign(new Refused(said.text), { status: reply.status });
  return said;
}

const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

// Sends what changes something until the server has taken or refused it.
async function send(path, body) {
  if (state.busy) return null;
  state.busy = true;
  try {
    localStorage.setItem(KEPT, JSON.stringify({ page: state.page, path, body }));
    return await sendKept();
  } finally {
    state.busy = false;
  }
}

async function sendKept() {
  const { path, body } = JSON.parse(localStorage.getItem(KEPT));
  for (;;) {
    try {
      const said = await call(path, body);
      localStorage.removeItem(KEPT);
      alarm("");
      return said;
    } catch (error) {
      if (error instanceof Refused && error.status !== 401) {
        localStorage.removeItem(KEPT);
        alarm(error.message);
        return null;
      }
      alarm(error instanceof Refused
        ? `Not saved yet. ${error.message}; this answer is kept in the browser.`
        : "Not saved yet: the server does not answer. This answer is kept and sent again.");
      await pause(1500);
    }
  }
}

// -- showing

function showClasses() {
  const place = byId("classes");
  place.replaceChildren();
  const keys = keysOf(state.classes);
  for (const name of state.classes) {
    const button = element("button", "", { type: "button", "data-class": name });
    if (keys.has(name)) button.append(element("kbd", keys.get(name)), " ");
    button.append(name);
    if (state.sample && state.sample.prediction === name) button.classList.add("predicted");
    button.addEventListener("click", () => give(name));
    place.append(button);
  }
  byId("new").hidden = state.kind === "closed";
  byId("new").lastChild.textContent = state.kind === "number" ? " Number" : " New class";
  if (state.kind === "number") openText();
}

// Classes that are digits have their own keys; otherwise the first ten have 1 to 9 and 0.
function keysOf(classes) {
  const digits = classes.length > 0 && classes.every((name) => /^[0-9]$/.test(name));
  return new Map(classes.slice(0, 10).map((name, place) => [name, digits ? name : String((place + 1) % 10)]));
}

function show(sample) {
  state.sample = sample;
  state.sheet = null;
  byId("sheet").hidden = true;
  byId("work").hidden = false;
  byId("sample").replaceChildren(sample ? shown(sample.html) : element("p", nothingLeft()));
  byId("about").textContent = sample ? aboutOf(sample) : "";
  byId("suggestion").textContent = sample ? suggestionOf(sample) : "";
  byId("accept").disabled = !sample || !sample.prediction;
  byId("cluster").disabled = !sample || sample.cluster === null;
  for (const id of ["unsure", "skip", "new", "zoom"]) byId(id).disabled = !sample;
  showClasses();
  showNear(sample ? sample.nearest : []);
  for (const button of byId("classes").children) button.disabled = !sample;
}

function nothingLeft() {
  const last = { next: "Every sample has an answer.", doubted: "No label looks wrong.", disputed: "No sample is disputed." };
  return last[state.queue];
}

function aboutOf(sample) {
  const parts = [sample.name || sample.id.slice(0, 12)];
  if (sample.delivery) parts.push(sample.delivery);
  parts.push(`for ${sample.use}`);
  if (sample.cluster !== null) parts.push(`cluster ${sample.cluster}`);
  if (sample.why) parts.push(sample.why);
  return parts.join(" · ");
}

function suggestionOf(sample) {
  const parts = [];
  if (sample.label) parts.push(`labelled ${sample.label}`);
  for (const one of sample.said) parts.push(`${one.annotator}: ${one.label}`);
  if (sample.prediction) {
    const sure = sample.confidence === null ? "" : ` (${Math.round(100 * sample.confidence)} %)`;
    parts.push(`prediction: ${sample.prediction}${sure}`);
  }
  return parts.join(" · ");
}

function showNear(nearest) {
  const place = byId("near");
  place.hidden = !nearest.length;
  place.replaceChildren(element("h2", "Nearest labelled samples"));
  for (const one of nearest) {
    const figure = element("figure");
    figure.append(shown(one.html), element("figcaption", one.label));
    place.append(figure);
  }
}

const percent = (share) => `${(100 * share).toFixed(1)} %`;

function showProgress(progress) {
  state.report = progress.report;
  const figures = [
    ["labels in this sitting", progress.sitting], [`labels by you`, progress.own], ["labels in the data", progress.data],
  ];
  byId("figures").replaceChildren(...figures.flatMap(([name, value]) => [element("dt", name), element("dd", value)]));
  const counts = byId("counts");
  counts.replaceChildren(element("caption", "Labels of each class: in the data, new"));
  counts.hidden = !progress.classes.length;
  for (const one of progress.classes) {
    const row = element("tr");
    row.append(element("th", one.name, { scope: "row" }), element("td", one.data), element("td", one.new ? `+${one.new}` : ""));
    counts.append(row);
  }
  for (const button of document.querySelectorAll("nav button")) {
    button.querySelector(".count").textContent = progress.queues[button.dataset.queue];
  }
  byId("expected").textContent = expectedOf(progress.expected);
  showAgreement(progress.agreement);
  byId("run").textContent = progress.run.text;
  byId("retrain").disabled = progress.run.state === "open";
}

function expectedOf(expected) {
  if (!expected) return "";
  return `With ${expected.labels} labels for training, a linear model on the features is expected to be right in ` +
    `${percent(expected.accuracy)} (95 % interval ${percent(expected.low)} to ${percent(expected.high)}) of the test ` +
    `samples; ${percent(expected.now)} now. Extrapolated from its accuracy with fewer labels.`;
}

function showAgreement(rows) {
  const place = byId("agreement");
  place.replaceChildren();
  if (!rows.length) place.append(element("p", "No other annotator yet.", { class: "quiet" }));
  for (const one of rows) {
    const kappa = one.kappa === null ? "" : `, Cohen's kappa ${one.kappa.toFixed(2)}`;
    const text = one.both ? `${one.annotator}: ${one.same} of ${one.both} labels agree${kappa}` : `${one.annotator}: no sample in common`;
    place.append(element("p", text, { class: "quiet" }));
  }
}

// -- answers

async function give(label) {
  if (!state.sample) return;
  if (state.sheet) return giveAll(label);
  const sample = state.sample;
  const said = await send("/api/answer", { request: request(), queue: state.queue, id: sample.id, label });
  if (said) taken(said, label === null ? "cannot tell" : label);
}

async function giveAll(label) {
  const ids = state.sheet.samples.map((one) => one.id);
  const said = await send("/api/together", { request: request(), queue: state.queue, ids, label });
  if (said) taken(said, `${ids.length} samples: ${label}`);
}

function taken(said, text) {
  byId("saved").textContent = `Saved: ${text}`;
  const known = said.progress.classes.map((one) => one.name);
  if (state.kind === "open") state.classes = known;
  showProgress(said.progress);
  closeText();
  show(said.sample);
}

async function undo() {
  const said = await send("/api/undo", { request: request() });
  if (!said) return;
  showProgress(said.progress);
  byId("saved").textContent = said.undone ? `Taken back: ${said.undone} label${said.undone > 1 ? "s" : ""}` : "Nothing to undo";
  if (said.sample) show(said.sample);
}

async function skip() {
  if (!state.sample) return;
  const said = await send("/api/skip", { queue: state.queue, id: state.sample.id });
  if (said) show(said.sample);
}

async function load(queue) {
  state.queue = queue;
  for (const button of document.querySelectorAll("nav button")) {
    button.setAttribute("aria-current", String(button.dataset.queue === queue));
  }
  show((await call(`/api/next?queue=${queue}`)).sample);
}

async function openSheet() {
  if (!state.sample || state.sample.cluster === null) return;
  const sheet = await call(`/api/cluster/${state.sample.cluster}`);
  state.sheet = sheet;
  const place = byId("sheet");
  place.replaceChildren(element("h2", `Cluster ${sheet.cluster}: ${sheet.samples.length} samples without a label`));
  const thumbs = element("div", "", { class: "thumbs" });
  for (const one of sheet.samples) {
    const figure = element("figure");
    figure.append(shown(one.html));
    thumbs.append(figure);
  }
  const buttons = element("div", "", { role: "group", "aria-label": "Label of all samples shown" });
  for (const name of state.classes) {
    const button = element("button", `All ${sheet.samples.length}: ${name}`, { type: "button" });
    button.disabled = !sheet.samples.length;
    button.addEventListener("click", () => giveAll(name));
    buttons.append(button, " ");
  }
  const back = element("button", "Back (Esc)", { type: "button" });
  back.addEventListener("click", () => show(state.sample));
  const rest = sheet.left ? `${sheet.left} more follow when these have a label.` : "";
  place.append(thumbs, element("p", rest, { class: "quiet" }), buttons, back);
  byId("work").hidden = true;
  place.hidden = false;
  back.focus();
}

function openText() {
  if (state.kind === "closed" || !state.sample) return;
  byId("written-name").textContent = state.kind === "number" ? "Number" : "New class";
  byId("written").inputMode = state.kind === "number" ? "decimal" : "text";
  byId("text").hidden = false;
  byId("written").focus();
}

function closeText() {
  byId("written").value = "";
  if (state.kind === "number") return;
  byId("text").hidden = true;
  byId("sample").focus();
}

function zoom() {
  const on = byId("sample").classList.toggle("zoomed");
  byId("zoom").setAttribute("aria-pressed", String(on));
}

async function retrain() {
  byId("retrain").disabled = true;
  try {
    byId("run").textContent = (await call("/api/retrain", {})).run.text;
    alarm("");
  } catch (error) {
    alarm(error.message);
  }
}

// -- keys

function play() {
  const sound = byId("sample").querySelector("audio");
  if (sound) sound.paused ? sound.play() : sound.pause();
}

const KEYS = { p: play, s: skip, u: undo, "?": () => give(null), n: openText, z: zoom, c: openSheet };

function pressed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape") {
    if (state.sheet) show(state.sample);
    closeText();
    byId("sample").focus();
    return;
  }
  const typing = event.target.matches("input, textarea, select");
  if (typing || event.repeat) return;
  const named = [...keysOf(state.classes)].find(([, key]) => key === event.key);
  const action = KEYS[event.key.toLowerCase()];
  if (named && !state.sheet) {
    give(named[0]);
  } else if (event.key === "Enter" && !event.target.matches("button, a, audio")) {
    if (state.sample && state.sample.prediction && !state.sheet) give(state.sample.prediction);
  } else if (action && !state.sheet) {
    action();
  } else {
    return;
  }
  event.preventDefault();
}

function wire() {
  document.addEventListener("keydown", pressed);
  for (const button of document.querySelectorAll("nav button")) {
    button.addEventListener("click", () => load(button.dataset.queue).catch((error) => alarm(error.message)));
  }
  const clicks = { accept: () => give(state.sample.prediction), unsure: () => give(null), skip, undo, new: openText, zoom, cluster: openSheet, retrain, cancel: closeText };
  for (const [id, action] of Object.entries(clicks)) byId(id).addEventListener("click", () => action());
  byId("text").addEventListener("submit", (event) => {
    event.preventDefault();
    give(byId("written").value);
  });
}

async function start() {
  history.replaceState(null, "", "/"); // the token stays out of the address, the history and screenshots
  wire();
  const began = await call("/api/start");
  Object.assign(state, { page: `${began.recipe}/${began.annotator}`, kind: began.kind, classes: began.classes });
  document.title = `Label ${began.recipe}`;
  byId("title").textContent = `${began.recipe}, labelled by ${began.annotator}`;
  const kept = JSON.parse(localStorage.getItem(KEPT) || "null");
  if (kept && kept.page === state.page) await sendKept();
  else localStorage.removeItem(KEPT);
  showProgress((await call("/api/progress")).progress);
  await load("next");
  setInterval(async () => {
    try {
      const before = state.report;
      showProgress((await call("/api/progress")).progress);
      const writing = !byId("text").hidden || state.sheet || state.busy;
      if (state.report !== before && !writing) await load(state.queue); // a training has ended: its list is another one
    } catch { /* the next answer tells */ }
  }, 5000);
}

start().catch((error) => alarm(error.message));
