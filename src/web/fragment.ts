/**
 * The server makes every page; these put its newer version in place of an older one. Parts that change are marked
 * `data-live` and have an id; all else, what a visitor is typing included, stays as it is.
 */
interface Policy {
  createHTML(text: string): string;
}
interface Policies {
  createPolicy(name: string, rules: { createHTML: (text: string) => string }): Policy;
}

// Our own page, as this site served it, is parsed and nothing else; browsers without trusted types need no policy.
const policies = (globalThis as { trustedTypes?: Policies }).trustedTypes;
const policy: Policy = policies?.createPolicy("fragment", { createHTML: (text) => text }) ?? {
  createHTML: (text) => text,
};

/** True when something changed. @throws whatever fetch throws, or an error for an answer that is no page */
export async function refresh(): Promise<boolean> {
  const response = await fetch(location.href, {
    headers: { accept: "text/html" },
    signal: AbortSignal.timeout(10_000),
  });
  if (!response.ok) throw new Error(`${response.status}`);
  const page = new DOMParser().parseFromString(policy.createHTML(await response.text()), "text/html");
  let changed = false;
  for (const fresh of page.querySelectorAll<HTMLElement>("[data-live][id]")) {
    const old = document.getElementById(fresh.id);
    if (old === null || old.outerHTML === fresh.outerHTML) continue;
    changed = true;
    const focused = old.contains(document.activeElement) ? document.activeElement?.id : undefined;
    markNew(old, fresh);
    replace(old, fresh);
    if (focused) document.getElementById(focused)?.focus();
  }
  if (changed) document.title = page.title;
  return changed;
}

/** Announcements are read out where the element stays and its text changes. */
function replace(old: HTMLElement, fresh: HTMLElement): void {
  const spoken = old.querySelector<HTMLElement>("[role=status][id]");
  const said = spoken && fresh.querySelector<HTMLElement>(`#${spoken.id}`);
  if (!spoken || !said) {
    old.replaceWith(document.importNode(fresh, true));
    return;
  }
  const words = [...said.childNodes].map((node) => document.importNode(node, true));
  const same = spoken.textContent === said.textContent;
  const rest = document.importNode(fresh, true);
  for (const name of old.getAttributeNames()) if (!rest.hasAttribute(name)) old.removeAttribute(name);
  for (const name of rest.getAttributeNames()) old.setAttribute(name, rest.getAttribute(name) ?? "");
  const place = rest.querySelector(`#${spoken.id}`) as HTMLElement;
  const before: Node[] = [];
  const after: Node[] = [];
  let passed = false;
  for (const node of [...rest.childNodes]) {
    if (node === place) passed = true;
    else (passed ? after : before).push(node);
  }
  for (const node of [...old.childNodes]) if (node !== spoken) node.remove();
  spoken.before(...before);
  spoken.after(...after);
  if (!same) spoken.replaceChildren(...words);
}

function markNew(old: HTMLElement, fresh: HTMLElement): void {
  for (const row of fresh.querySelectorAll("tr[id]"))
    if (old.querySelector(`#${row.id}`) === null) row.classList.add("new");
}
