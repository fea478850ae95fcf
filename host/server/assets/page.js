// What a page does by itself, besides htmx. Everything here is a convenience: without it the pages work as forms and links.
"use strict";

// The link that `skillhost up` prints carries a token in its fragment, which no server and no log gets to see.
(() => {
  const submit = () => {
    const found = /^#token=([A-Za-z0-9_-]+)$/.exec(location.hash);
    if (!found) return;
    history.replaceState(null, "", location.pathname + location.search);
    const form = document.getElementById("login");
    if (!form) return;
    form.elements.token.value = found[1];
    form.requestSubmit();
  };
  submit();
  addEventListener("hashchange", submit);
})();

// A part that is asked for again and again is put in place only when it has changed, so that focus and selection stay.
(() => {
  const last = new WeakMap();
  document.addEventListener("htmx:beforeSwap", (event) => {
    const { target, requestConfig, serverResponse, xhr } = event.detail;
    if (requestConfig?.verb !== "get" || xhr.status !== 200) return;
    if (last.get(target) === serverResponse) event.detail.shouldSwap = false;
    last.set(target, serverResponse);
  });
})();
