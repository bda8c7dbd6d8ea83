"use strict";
// Asks for the page every few seconds and shows what is new, so that nothing jumps and nothing that was marked is lost.
// While the tab is hidden it asks nothing. When keyward does not answer, it says so and since when.
(() => {
  const every = 5000;
  const patience = 10000;
  const notice = document.getElementById("notice");
  let timer = 0;
  let asking = false;
  let silent = null;
  let heard = new Date();

  const marked = () => {
    const selection = document.getSelection();
    return selection !== null && !selection.isCollapsed;
  };

  const show = (next) => {
    // another version of keyward answers: its style and its script come with the page
    if (next.querySelector("style").textContent !== document.querySelector("style").textContent) {
      location.reload();
      return;
    }
    const focused = document.activeElement === null ? "" : document.activeElement.id;
    for (const id of ["main", "foot", "icon"]) {
      const [old, fresh] = [document.getElementById(id), next.getElementById(id)];
      if (!old.isEqualNode(fresh)) old.replaceWith(document.adoptNode(fresh));
    }
    document.title = next.title;
    const again = focused === "" ? null : document.getElementById(focused);
    if (again !== null) again.focus({ preventScroll: true });
  };

  const tell = (why) => {
    if (silent === null) {
      silent = heard;
      // in UTC, as every time on this page
      notice.textContent = `Keyward has not answered this page since ${silent.toISOString().slice(11, 19)} UTC: ${why}. ` +
        "What stands below is old.";
      notice.hidden = false;
      document.body.classList.add("old");
      document.title = "No answer - " + document.title;
    }
  };

  const refresh = async () => {
    if (asking) return;
    asking = true;
    const stop = new AbortController();
    const limit = setTimeout(() => stop.abort(), patience);
    try {
      // not the address of the tab: it may hold a login, and such addresses are not fetched
      const answer = await fetch(location.origin + location.pathname, { cache: "no-store", signal: stop.signal });
      if (!answer.ok) throw new Error(`its answer is ${answer.status}`);
      const next = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (next.getElementById("main") === null) throw new Error("its answer is not this page");
      if (silent !== null || !marked()) show(next);
      heard = new Date();
      silent = null;
      notice.hidden = true;
      notice.textContent = "";
      document.body.classList.remove("old");
    } catch (error) {
      tell(error instanceof TypeError || error.name === "AbortError" ? "it cannot be reached" : error.message);
    } finally {
      clearTimeout(limit);
      asking = false;
      plan();
    }
  };

  const plan = () => {
    clearTimeout(timer);
    if (document.visibilityState === "visible") timer = setTimeout(refresh, every);
  };

  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") refresh();
    else clearTimeout(timer);
  });
  plan();
})();
