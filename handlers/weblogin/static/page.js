// What makes the login page livelier where scripts run: nothing here is needed
// to log in. Forms are sent without leaving the page, what happens elsewhere is
// followed, times count down.
"use strict";
(() => {
  const base = document.body.dataset.base;
  const words = document.body.dataset;
  const policy = window.trustedTypes
    ? window.trustedTypes.createPolicy("natsgram", { createHTML: (html) => html })
    : { createHTML: (html) => html };
  let sending = false; // a form is on its way, and its answer will be the newest page
  let heard = 0; // the newest version of the page that the server told of
  let due = false; // the page is to be loaded anew, whatever its version is
  let loading = false; // it is on its way
  let again = 1000; // how long to wait with the next try
  let retry = 0;
  let shown = 0; // when the page's times were true
  let warned = false;

  const main = () => document.querySelector("main");
  const announce = (text) => { document.getElementById("announce").textContent = text; };

  // The link's token is behind the #, which no server and no log ever sees.
  function takeToken() {
    const token = document.querySelector("form[action$='/link'] #token");
    const given = location.hash.slice(1);
    if (location.pathname !== `${base}/link` || !/^[\w-]{20,}$/.test(given)) return;
    if (!token) { // a page about another link, with no place for this one
      location.replace(`${base}/link?another#${given}`);
      return;
    }
    token.value = given;
    document.getElementById("token-field").hidden = true;
    history.replaceState(null, "", location.pathname);
  }

  // enliven prepares a page that is shown anew.
  function enliven() {
    shown = performance.now();
    warned = false;
    for (const e of document.querySelectorAll("[data-plain]")) e.hidden = true;
    for (const e of document.querySelectorAll("[data-scripted]")) e.hidden = false;
    for (const b of document.querySelectorAll("button[data-wait]")) b.setAttribute("aria-disabled", "true");
    const password = document.getElementById("password");
    if (password) addReveal(password);
    tick();
  }

  function addReveal(password) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "second";
    button.textContent = words.show;
    button.setAttribute("aria-controls", "password");
    button.addEventListener("click", () => {
      const hidden = password.type === "password";
      password.type = hidden ? "text" : "password";
      button.textContent = hidden ? words.hide : words.show;
      password.focus();
    });
    password.after(button);
  }

  // left is how many seconds of so many there are still.
  const left = (seconds) => Math.ceil(seconds - (performance.now() - shown) / 1000);

  function clock(seconds) {
    const two = (n) => String(n).padStart(2, "0");
    const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
    return h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
  }

  // tick counts every time on the page down.
  function tick() {
    for (const e of document.querySelectorAll("span[data-left]")) {
      const seconds = left(Number(e.dataset.left));
      if (seconds < 12 * 3600) e.textContent = clock(Math.max(seconds, 0));
    }
    for (const b of document.querySelectorAll("button[data-wait]")) {
      if (left(Number(b.dataset.wait)) > 0) continue;
      b.removeAttribute("data-wait");
      if (!b.hasAttribute("aria-busy")) b.removeAttribute("aria-disabled");
    }
    const closing = document.getElementById("closing");
    if (!closing) return;
    const seconds = left(Number(closing.dataset.left));
    if (seconds <= 60 && !warned) {
      warned = true;
      closing.hidden = false;
      announce(closing.querySelector("p").textContent);
    }
    if (seconds <= 0 && !closing.dataset.over) {
      closing.dataset.over = "yes";
      refresh();
    }
  }

  // keep notes what is typed and where the focus is; the function it returns
  // puts both into the page that has come instead.
  function keep() {
    const typed = new Map();
    for (const e of main().querySelectorAll("input[id]")) typed.set(e.id, e.value);
    const reachable = () => [...main().querySelectorAll("a, button, input, summary, [tabindex]")];
    const focus = document.activeElement;
    const at = reachable().indexOf(focus);
    const range = at >= 0 && "selectionStart" in focus ? [focus.selectionStart, focus.selectionEnd] : null;
    return () => {
      for (const [id, value] of typed) {
        const e = document.getElementById(id);
        if (e && e.type !== "hidden") e.value = value;
      }
      const e = at >= 0 && ((focus.id && document.getElementById(focus.id)) || reachable()[at]);
      if (!e || e.tagName !== focus.tagName) return false;
      e.focus({ preventScroll: true });
      if (range && range[0] !== null && e.setSelectionRange) e.setSelectionRange(range[0], range[1]);
      return true;
    };
  }

  // show puts a page that the server sent in place of this one. answered says
  // that the user did something, and is to be led to what came of it.
  function show(html, answered) {
    const page = new DOMParser().parseFromString(policy.createHTML(html), "text/html");
    const next = page.querySelector("main");
    if (!next) throw new Error("no page");
    const old = main();
    const same = old.dataset.step === next.dataset.step;
    const restore = same ? keep() : () => false;
    const lost = old.contains(document.activeElement);
    old.replaceWith(document.adoptNode(next));
    document.title = page.title;
    document.documentElement.lang = page.documentElement.lang;
    due = false;
    enliven();
    const restored = restore();
    const target = document.getElementById("summary") || document.getElementById("title");
    if (answered || (lost && !restored)) {
      target.focus();
      target.scrollIntoView({ block: "nearest" });
    } else if (!same) {
      announce(target.textContent);
    }
    follow();
  }

  const behind = () => "live" in main().dataset && (due || heard > Number(main().dataset.version));

  function refresh() {
    due = true;
    catchUp();
  }

  // catchUp loads the page anew, as often as it takes, if there is something new
  // to show. A form that is on its way comes first: its answer may be it.
  async function catchUp() {
    if (sending || loading || !behind()) return;
    loading = true;
    const asked = heard;
    try {
      const answer = await fetch(`${base}/login`, { headers: { Accept: "text/html" } });
      const html = await answer.text();
      if (answer.status < 500 && !sending) show(html, false);
    } catch {
      // It is tried again.
    }
    loading = false;
    if (!behind()) again = 1000;
    else if (heard > asked) catchUp();
    else {
      clearTimeout(retry);
      retry = setTimeout(catchUp, again);
      again = Math.min(again * 2, 60000);
    }
  }

  function wait(form, button, busy) {
    for (const b of form.querySelectorAll("button")) {
      if (busy) b.setAttribute("aria-disabled", "true");
      else if (!b.dataset.wait) b.removeAttribute("aria-disabled");
    }
    if (!button) return;
    if (busy) {
      button.setAttribute("aria-busy", "true");
      announce(words.busy);
    } else button.removeAttribute("aria-busy");
  }

  async function send(form, button) {
    sending = true;
    wait(form, button, true);
    const body = new URLSearchParams(new FormData(form, button || undefined));
    let html = null;
    try {
      const answer = await fetch(form.action, { method: "POST", body, headers: { Accept: "text/html" } });
      html = await answer.text();
      // What a proxy says that does not reach the bridge is no page.
      if (answer.status >= 502 && !html.includes("<main")) html = null;
    } catch {
      // Nobody answered.
    }
    sending = false;
    announce("");
    try {
      if (html !== null) return show(html, true);
      wait(form, button, false);
      unreached();
    } catch {
      wait(form, button, false);
      plainly(form, button);
    } finally {
      catchUp();
    }
  }

  // unreached says that nothing came of a form. The page stays as it is.
  function unreached() {
    const former = document.getElementById("unreached");
    if (former) former.remove();
    const notice = document.createElement("div");
    notice.id = "unreached";
    notice.className = "summary";
    notice.tabIndex = -1;
    notice.setAttribute("role", "alert");
    notice.append(document.createElement("p"));
    notice.firstChild.textContent = words.unreached;
    main().querySelector(".card").prepend(notice);
    notice.focus();
    notice.scrollIntoView({ block: "nearest" });
  }

  // plainly sends a form as if there were no script.
  function plainly(form, button) {
    form.dataset.native = "yes";
    if (button) {
      button.removeAttribute("aria-disabled");
      button.removeAttribute("data-wait");
    }
    form.requestSubmit(button || undefined);
  }

  document.addEventListener("submit", (event) => {
    const form = event.target;
    const button = event.submitter;
    if (button && button.getAttribute("aria-disabled") === "true") return event.preventDefault();
    if ("native" in form.dataset) return;
    event.preventDefault();
    if (!sending) send(form, button);
  });

  // follow listens for changes made elsewhere: in the chat with the bot, in
  // another tab, by Telegram. The browser reconnects by itself, but not after an
  // error of the server's.
  let stream = null;
  let pause = 1000;
  function follow() {
    const live = "live" in main().dataset;
    if (live && !stream) listen();
    if (!live && stream) {
      stream.close();
      stream = null;
    }
  }

  function listen() {
    const mine = new EventSource(`${base}/updates`);
    stream = mine;
    mine.addEventListener("open", () => {
      pause = 1000;
      heard = 0; // it is told first of all
    });
    mine.addEventListener("change", (event) => {
      if (event.data === "closed") return refresh();
      heard = Number(event.data);
      catchUp();
    });
    mine.addEventListener("error", () => {
      if (mine.readyState !== EventSource.CLOSED || stream !== mine) return;
      stream = null;
      setTimeout(follow, pause);
      pause = Math.min(pause * 2, 60000);
    });
  }

  // A page that the browser had put aside may be out of date.
  window.addEventListener("pageshow", (event) => { if (event.persisted && "live" in main().dataset) refresh(); });
  document.addEventListener("visibilitychange", () => { if (!document.hidden) tick(); });

  // A new link in the address of a page that is open changes what is behind the #
  // alone, and the browser loads nothing.
  window.addEventListener("hashchange", takeToken);

  takeToken();
  enliven();
  follow();
  setInterval(tick, 1000);
  const summary = document.getElementById("summary");
  if (summary) summary.focus();
})();
