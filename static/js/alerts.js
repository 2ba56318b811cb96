// The quiet lines above the input: what went wrong, what is worth knowing, and whether the
// connection holds.

import { t } from "./i18n.js";
import { $ } from "./page.js";

const NOTICE_TIME = 6000; // ms that a notice stays
const SHORT_OUTAGE = 1200; // ms without a connection before it is reported

let hideTimer = 0;

/**
 * @param {string} text
 * @param {"notice" | "problem"} [kind]
 */
export function showAlert(text, kind = "notice") {
  const line = $("alert");
  line.className = `alert ${kind}`;
  $("alert-text").textContent = text;
  line.hidden = false;
  clearTimeout(hideTimer);
  if (kind === "notice") hideTimer = setTimeout(hideAlert, NOTICE_TIME);
}

export function hideAlert() {
  clearTimeout(hideTimer);
  $("alert").hidden = true;
}

/**
 * Say something to this browser's player the first time only.
 *
 * @param {string} name
 * @param {string} text
 */
export function showOnce(name, text) {
  try {
    if (localStorage.getItem(`grue:told:${name}`)) return;
    localStorage.setItem(`grue:told:${name}`, "1");
  } catch {
    return;
  }
  setTimeout(() => showAlert(text), 0);
}

let connectionTimer = 0;

/** @param {import("./socket.js").Status} status */
export function showConnection(status) {
  clearTimeout(connectionTimer);
  /** @type {Partial<Record<import("./socket.js").Status, string>>} */
  const lines = {
    offline: t("Connection lost. What you type is kept; reconnecting …"),
    untrusted: t(
      "The server does not trust the address in your browser's address bar, so nothing can be sent from here. If you run it: its log names the setting.",
    ),
    blocked: t(
      "WebSockets do not get through to the server, so nothing can be sent. If you run it: the proxy before it must pass them on.",
    ),
    "signed-out": t("You are logged out. Copy what you typed, then reload the page."),
    elsewhere: t(
      "This window was closed because you opened too many. Copy what you typed, then reload the page.",
    ),
    gone: t("This adventure no longer exists."),
  };
  document.body.dataset.connection = status;
  const line = lines[status] ?? "";
  connectionTimer = setTimeout(
    () => {
      $("connection").textContent = line;
      $("connection").hidden = !line;
    },
    status === "offline" ? SHORT_OUTAGE : 0,
  );
}

$("alert-close").addEventListener("click", hideAlert);
