/** Buttons that copy: hidden without script, and where the browser does not let pages copy. */
const SAID_MS = 2000;

export function armCopyButtons(): void {
  if (!navigator.clipboard) return;
  for (const button of document.querySelectorAll<HTMLButtonElement>("button[data-copy][hidden]")) button.hidden = false;
}

document.addEventListener("click", (event) => {
  const button = event.target instanceof Element ? event.target.closest<HTMLButtonElement>("button[data-copy]") : null;
  if (button !== null) void copy(button);
});

async function copy(button: HTMLButtonElement): Promise<void> {
  const label = [...button.childNodes];
  let said = "Copied";
  try {
    await navigator.clipboard.writeText(button.dataset.copy ?? "");
  } catch {
    said = "Not allowed: select and copy it";
  }
  if (button.hasAttribute("data-said")) return;
  button.setAttribute("data-said", "");
  button.replaceChildren(said);
  setTimeout(() => {
    button.replaceChildren(...label);
    button.removeAttribute("data-said");
  }, SAID_MS);
}

armCopyButtons();
