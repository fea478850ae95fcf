// The live feed: what happens, on the page while it happens. Without it the pages show what was when they were loaded.
"use strict";

(() => {
  const FIRST_WAIT = 500; // ms, before the socket is tried again; doubles
  const LONGEST_WAIT = 30_000; // ms
  const POLL = 3_000; // ms, between two looks while the socket is out of reach
  const DISPATCH = 700; // ms, the least between two of the same signal to the page
  const TELL = 10_000; // ms, the least between two announcements to a screen reader
  const LINES = 500; // that the page keeps
  const WAITING = 1_000; // that a pause keeps

  const feed = document.getElementById("feed");

  // What happened, for the parts of a page that show it: `hx-trigger="skillhost:skill from:body"`.
  const signals = new Map();
  function signal(family) {
    const name = { tool: "run" }[family] ?? family;
    const last = signals.get(name) ?? { at: -Infinity, timer: 0 };
    signals.set(name, last);
    if (last.timer) return;
    const wait = Math.max(0, last.at + DISPATCH - performance.now());
    last.timer = setTimeout(() => {
      last.timer = 0;
      last.at = performance.now();
      document.body.dispatchEvent(new CustomEvent(`skillhost:${name}`));
    }, wait);
  }
  const FAMILIES = ["tool", "skill", "approval", "agent"];

  // What is shown. On pages without the feed there is nothing to show, and everything is only a signal.
  const view = feed ? shown(feed) : { gap() {}, add() {}, say() {} };

  function shown(list) {
    const phrases = JSON.parse(list.dataset.phrases);
    const state = document.getElementById("feed-state");
    const news = document.getElementById("feed-news");
    const empty = document.getElementById("feed-empty");
    const pause = document.getElementById("pause");
    const waiting = [];
    let left = 0;
    let paused = false;
    let untold = 0;
    let telling = 0;
    document.getElementById("reload").hidden = true;
    pause.hidden = false;
    pause.addEventListener("click", () => {
      paused = !paused;
      pause.setAttribute("aria-pressed", String(paused));
      if (!paused) {
        if (left > 0) put(gapLine(`${left} more events went by while this was paused.`, null));
        left = 0;
        for (const line of waiting.splice(0)) put(line);
      }
      label();
    });

    function label() {
      const count = waiting.length + left;
      pause.textContent = paused ? (count ? `Resume (${count} waiting)` : "Resume") : "Pause";
    }
    function put(line) {
      list.prepend(line);
      while (list.children.length > LINES) list.lastElementChild.remove();
      empty.hidden = true;
    }
    function show(line) {
      if (paused) {
        waiting.push(line);
        if (waiting.length > WAITING) {
          waiting.shift();
          left += 1;
        }
        label();
        return;
      }
      put(line);
      untold += 1;
      telling ||= setTimeout(() => {
        news.textContent = untold === 1 ? "One new event." : `${untold} new events.`;
        untold = telling = 0;
      }, TELL);
    }
    return {
      add(event) {
        show(eventLine(phrases, event));
      },
      gap(words, href) {
        show(gapLine(words, href));
      },
      say(words) {
        state.textContent = words;
      },
    };
  }

  function element(name, attributes, ...children) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  }

  function eventLine(phrases, event) {
    const { seq, event_type: kind, timestamp } = event;
    const { words, tone } = sentence(phrases, event);
    const href = more(event);
    const text = href ? [element("a", { href }, ...prose(words))] : prose(words);
    return element(
      "li",
      { class: tone, "data-seq": seq },
      icon(kind.split(".")[0]),
      " ",
      element("time", { datetime: timestamp }, timestamp.slice(11, 19)),
      " ",
      element("span", { class: "words" }, ...text),
      " ",
      element("code", { class: "kind" }, seen(kind)),
    );
  }

  // Where there is more about it, by the same rule as the host's: nobody is led where they may not go.
  const decides = document.querySelector("#sections a[href='/approvals']") !== null;
  function more({ event_type: kind, run, data }) {
    if (run) return `/runs/${encodeURIComponent(run)}`;
    const family = kind.split(".")[0];
    if (family === "approval" && decides) return "/approvals";
    const skill = family === "skill" && kind !== "skill.removed" ? data?.skill : null;
    return typeof skill === "string" && /^[a-z][a-z0-9-]{0,47}$/.test(skill) ? `/skills/${skill}` : null;
  }

  // With what stands between backticks as code.
  function prose(words) {
    return words.split(/`([^`]*)`/).map((part, index) => (index % 2 ? element("code", {}, part) : part));
  }

  function gapLine(words, href) {
    const text = element("span", { class: "words" }, words);
    if (href) text.append(" ", element("a", { href }, "See them in Events"));
    return element("li", { class: "gap" }, text);
  }

  function icon(family) {
    const space = "http://www.w3.org/2000/svg";
    const svg = document.createElementNS(space, "svg");
    svg.setAttribute("class", "icon");
    svg.setAttribute("aria-hidden", "true");
    svg.setAttribute("focusable", "false");
    const use = document.createElementNS(space, "use");
    use.setAttribute("href", `#icon-${family}`);
    svg.append(use);
    return svg;
  }

  // The same sentences as the host makes, from the same table.
  function sentence(phrases, { event_type: kind, source, data }) {
    const phrase = Object.hasOwn(phrases, kind) ? phrases[kind] : null;
    let whole = phrase !== null;
    const words = phrase?.words.replace(/\{([^}:]+)(?::(\w+))?\}/g, (_, path, form) => {
      let value = data;
      for (const name of path.split(".")) {
        value = typeof value === "object" && value !== null && Object.hasOwn(value, name) ? value[name] : undefined;
      }
      if (form === "us" && Number.isSafeInteger(value) && value >= 0) return duration(value);
      if (form === "list" && Array.isArray(value)) {
        return value.length === 0 ? "nothing" : value.map((one) => (typeof one === "string" ? one : "")).join(", ");
      }
      if (!form && (typeof value === "string" || typeof value === "number")) return String(value);
      whole = false;
      return "";
    });
    if (whole) return { words: seen(words), tone: phrase.tone ?? "plain" };
    const holds = data === null || (typeof data === "object" && !Array.isArray(data) && Object.keys(data).length === 0);
    const shown = holds ? "" : ` ${[...JSON.stringify(data)].slice(0, 160).join("")}`;
    return { words: seen(`${source}: ${kind}${shown}`), tone: "plain" };
  }

  function duration(micros) {
    if (micros >= 60_000_000) return `${Math.floor(micros / 60_000_000)} min ${Math.floor(micros / 1_000_000) % 60} s`;
    const [value, unit] =
      micros < 1_000 ? [micros, "µs"] : micros < 1_000_000 ? [micros / 1_000, "ms"] : [micros / 1_000_000, "s"];
    const digits = Number.isInteger(value) || value >= 100 ? 0 : value >= 10 ? 1 : 2;
    return `${value.toFixed(digits)} ${unit}`;
  }

  // With everything unseen made visible, and cut.
  function seen(text) {
    const chars = [...text.replace(/[\n\t]/g, " ")];
    const cut = chars.length > 400 ? [...chars.slice(0, 400), "…"] : chars;
    return cut
      .map((char) => (/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(char) ? `\\u{${char.codePointAt(0).toString(16)}}` : char))
      .join("");
  }

  // The last event that was shown; and up to where the feed has given everything, wanted or not.
  let head = Number(feed?.dataset.head ?? 0);
  let complete = 0;
  let replay = { left: 0, until: 0 };
  let epoch = null;

  function take(event) {
    if (event.seq <= head) return;
    head = event.seq;
    // What was before the page is in it.
    if (!feed && Date.parse(event.timestamp) < performance.timeOrigin) return;
    view.add(event);
    signal(event.event_type.split(".")[0]);
  }
  function missed(words, from, to) {
    const range = new URLSearchParams(to ? { after: from, before: to + 1 } : { after: from });
    view.gap(words, `/events?${range}`);
    FAMILIES.forEach(signal);
  }

  const kinds = feed ? JSON.parse(feed.dataset.kinds) : ["tool.completed", "tool.failed", "skill.*", "approval.*", "agent.*"];
  let wait = FIRST_WAIT;
  let polling = 0;

  function connect() {
    const socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws`);
    socket.addEventListener("open", () => {
      const since = epoch === null ? undefined : { epoch, seq: Math.max(head, complete) };
      socket.send(JSON.stringify({ action: "subscribe", channel: "events", kinds, since }));
    });
    socket.addEventListener("message", ({ data }) => {
      const message = JSON.parse(data);
      if (message.type === "subscribed") subscribed(message);
      if (message.type === "event") {
        take(message.payload);
        replayed(1);
      }
      if (message.type === "summary") {
        const { suppressed, from, to } = message;
        missed(suppressed === 1 ? "One more event." : `${suppressed} more events.`, from - 1, to);
        head = Math.max(head, to);
      }
    });
    socket.addEventListener("close", () => {
      poll();
      setTimeout(connect, wait * (0.75 + Math.random() / 2));
      wait = Math.min(wait * 2, LONGEST_WAIT);
    });
  }

  function replayed(count) {
    replay.left -= count;
    if (replay.left <= 0) complete = Math.max(complete, replay.until);
  }

  function subscribed({ epoch: now, recovered, head: reached, replayed: coming }) {
    wait = FIRST_WAIT;
    clearTimeout(polling);
    polling = 0;
    // Positions of another log mean nothing here; and what a page never followed it has not missed.
    if (epoch !== null && (now !== epoch || recovered === false)) {
      missed("Some events went by while the feed was out of reach.", now === epoch ? Math.max(head, complete) : 0, reached);
      if (now !== epoch) head = complete = 0;
    }
    epoch = now;
    replay = { left: coming, until: reached };
    replayed(0);
    view.say("Live: new events appear at the top.");
  }

  function poll() {
    if (polling) return;
    view.say("The live feed is out of reach; asking every few seconds.");
    // Elsewhere the parts of the page ask by themselves.
    if (!feed) return;
    polling = setTimeout(ask, POLL);
  }

  async function ask() {
    try {
      const query = new URLSearchParams(location.search);
      query.set("after", head);
      const answer = await fetch(`/activity/new?${query}`, { headers: { "hx-request": "true" } });
      if (answer.status === 401) return location.reload();
      if (answer.ok && polling) {
        const { head: now, gap, events } = await answer.json();
        if (gap) missed("Some events went by.", head, events[0].seq - 1);
        events.forEach(take);
        head = Math.max(head, now);
      }
    } catch {
      // The host is away; the next look may find it.
    }
    if (polling) polling = setTimeout(ask, POLL);
  }

  connect();
})();
