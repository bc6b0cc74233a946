import { armCopyButtons } from "./copy.ts";
import { refresh } from "./fragment.ts";

/** Follows a challenge by its events, or by asking where that breaks, and finishes the login in the browser that began it. */
const POLL_MS = 1500;

const id = location.pathname.split("/").at(-1) ?? "";
const block = (): HTMLElement => document.getElementById("challenge") as HTMLElement;
let running: Promise<void> | undefined;
let again = false;
let polling: ReturnType<typeof setInterval> | undefined;
let events: EventSource | undefined;

/** Others on this page wait for the status too. */
function tell(): void {
  document.dispatchEvent(new CustomEvent("challenge", { detail: block().dataset.status }));
}

async function update(): Promise<void> {
  if (running !== undefined) {
    again = true;
    return running;
  }
  running = (async () => {
    do {
      again = false;
      await refresh();
    } while (again);
  })()
    .catch(poll)
    .finally(() => {
      running = undefined;
    });
  await running;
  settle();
}

function settle(): void {
  armCopyButtons();
  startCountdown();
  tell();
  const { status } = block().dataset;
  const over = block().hasAttribute("data-over");
  if (status === "confirmed" || over) (document.getElementById("ways") as HTMLElement).hidden = true;
  const form = document.getElementById("continue") as HTMLFormElement | null;
  if (form !== null && !form.hasAttribute("data-sent")) {
    form.setAttribute("data-sent", "");
    form.requestSubmit();
  }
  if (over) stop();
}

function poll(): void {
  polling ??= setInterval(() => void update(), POLL_MS);
}

function stop(): void {
  events?.close();
  clearInterval(polling);
  clearInterval(countdown);
}

let countdown: ReturnType<typeof setInterval> | undefined;

/** The server says how much is left, so this browser's clock may be wrong. */
function startCountdown(): void {
  clearInterval(countdown);
  const shown = document.querySelector<HTMLElement>("[data-left]");
  if (shown === null) return;
  const until = performance.now() + Number(shown.dataset.left) * 1000;
  countdown = setInterval(() => {
    const left = Math.max(0, Math.round((until - performance.now()) / 1000));
    shown.textContent = left >= 60 ? `${Math.floor(left / 60)} min ${left % 60} s` : `${left} s`;
    if (left === 0) {
      clearInterval(countdown);
      void update();
    }
  }, 1000);
}

function follow(): void {
  events = new EventSource(`/login/v1/challenges/${id}/events`);
  for (const name of ["status", "notice"]) events.addEventListener(name, () => void update());
  events.addEventListener("error", () => {
    // Ended after a final status, or broken: the page itself tells which.
    if (events?.readyState === EventSource.CLOSED) poll();
    void update();
  });
}

settle();
if (!block().hasAttribute("data-over")) follow();
