import { refresh } from "./fragment.ts";

/** The chain page keeps itself fresh: soon after an event where the server tells them, else every few seconds. */
const POLL_MS = 3000;
const SETTLE_MS = 150;
/** Ages grow even when nothing happens. */
const QUIET_MS = 15_000;

const line = document.getElementById("follow") as HTMLElement;
const text = document.getElementById("follow-text") as HTMLElement;
const pause = document.getElementById("pause") as HTMLButtonElement;
let timer: ReturnType<typeof setTimeout> | undefined;
let told = false;
let running = false;

function say(words: string): void {
  if (text.textContent !== words) text.textContent = words;
}

function isPaused(): boolean {
  return pause.getAttribute("aria-pressed") === "true";
}

function plan(ms: number): void {
  clearTimeout(timer);
  if (!isPaused() && !document.hidden) timer = setTimeout(() => void update(), ms);
}

async function update(): Promise<void> {
  if (running) return plan(SETTLE_MS);
  running = true;
  try {
    await refresh();
    line.classList.remove("lost");
    say("Live");
  } catch {
    line.classList.add("lost");
    say("No connection, trying again");
  }
  running = false;
  plan(told ? QUIET_MS : POLL_MS);
}

function listen(): void {
  // Topics for everybody alone: at those of services the browser would ask every visitor for a password.
  const events = new EventSource("/login/v1/events?topics=block.new,txn.pending");
  const soon = (): void => plan(SETTLE_MS);
  events.addEventListener("open", () => {
    told = true;
  });
  for (const name of ["block.new", "txn.pending"]) events.addEventListener(name, soon);
  events.addEventListener("error", () => {
    told = false;
    plan(POLL_MS);
    if (events.readyState === EventSource.CLOSED) events.close(); // no such stream here: asking will do
  });
}

pause.addEventListener("click", () => {
  pause.setAttribute("aria-pressed", String(!isPaused()));
  line.classList.toggle("paused", isPaused());
  say(isPaused() ? "Paused" : "Live");
  if (isPaused()) clearTimeout(timer);
  else void update();
});
document.addEventListener("visibilitychange", () => {
  if (document.hidden) clearTimeout(timer);
  else if (!isPaused()) void update();
});
line.hidden = false;
listen();
plan(POLL_MS);
