const escaped = (text) => String(text).replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);

const STYLE = `:root{color-scheme:light dark;--ink:light-dark(#16211c,#e9efe9);--soft:light-dark(#4d5b54,#a9b5ad);--back:light-dark(#f3f6f2,#121815);
--card:light-dark(#fff,#1a221e);--line:light-dark(#d5ddd6,#2e3933);--act:light-dark(#0b6b46,#6fd6a6);--on:light-dark(#fff,#0c1511);--bad:light-dark(#a3201d,#ff9c94)}
*{box-sizing:border-box}body{margin:0;font:1.05rem/1.55 system-ui,sans-serif;color:var(--ink);background:var(--back)}
main{max-width:38rem;margin:2.5rem auto;padding:1.5rem;background:var(--card);border:1px solid var(--line);border-radius:12px}
@media(max-width:40rem){main{margin:0;border:0;border-radius:0;min-height:100vh}}
h1{font-size:1.5rem;line-height:1.25;margin:0 0 .75rem}label{display:block;font-weight:600;margin:1rem 0 .3rem}
input{width:100%;font:inherit;padding:.55rem .7rem;color:inherit;background:var(--back);border:1px solid var(--soft);border-radius:8px}
button,a.button{display:inline-block;margin-top:1rem;padding:.6rem 1.2rem;font:inherit;font-weight:600;color:var(--on);background:var(--act);border:0;border-radius:8px;text-decoration:none;cursor:pointer}
:focus-visible{outline:3px solid var(--act);outline-offset:2px}button.quiet{color:var(--ink);background:none;border:1px solid var(--soft)}
.problem{color:var(--bad);font-weight:600}.soft{color:var(--soft)}code,li{overflow-wrap:anywhere}`;

function page(title, body) {
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(title)} · Rewards</title><style>${STYLE}</style></head><body><main>${body}</main></body></html>`;
}

export function homePage({ asked = "", problem, notice } = {}) {
  return page(
    problem === undefined ? "Log in" : "Please check",
    `<h1>Your rewards</h1>${notice === undefined ? "" : `<p role="status">${escaped(notice)}</p>`}
<p>Prove your reward address to see the visors registered under it.</p>
<form method="post" action="/login"><label for="address">Reward address, or account xpub</label>
<input id="address" name="address" value="${escaped(asked)}" required maxlength="200" autocomplete="username" autocapitalize="none" spellcheck="false"${problem === undefined ? "" : ' aria-invalid="true" aria-describedby="problem" autofocus'}>
${problem === undefined ? "" : `<p class="problem" id="problem" role="alert">${escaped(problem)}</p>`}
<button type="submit">Log in</button></form>`,
  );
}

export function visorsPage({ asked, address, visors }) {
  const list =
    visors.length === 0
      ? "<p>No visors are registered under it.</p>"
      : `<p>${visors.length} ${visors.length === 1 ? "visor is" : "visors are"} registered under it:</p><ul>${visors
          .map(
            ({ key, version }) => `<li><code>${escaped(key)}</code> <span class="soft">${escaped(version)}</span></li>`,
          )
          .join("")}</ul>`;
  return page(
    "Your visors",
    `<h1>You are logged in</h1><p>Reward address <code id="asked">${escaped(asked)}</code>${
      asked === address ? "" : `, proved by <code>${escaped(address)}</code>`
    }.</p>
${list}<form method="post" action="/logout"><button type="submit" class="quiet">Log out</button></form>`,
  );
}

export function pendingPage(verifyPage, back) {
  const link = `${verifyPage}?${new URLSearchParams({ return_to: back })}`;
  return page(
    "Not proved yet",
    `<h1>Not proved yet</h1><p>The login page still waits for your proof.</p>
<p><a class="button" href="${escaped(link)}">Back to the login page</a></p>`,
  );
}

export function errorPage(text) {
  return page("Sorry", `<h1>Sorry</h1><p>${escaped(text)}</p><p><a class="button" href="/">To the start</a></p>`);
}
