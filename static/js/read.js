// The reading page: its story is all there; what is left is to hear it, print it and set its letters.

import { Aloud, bindControls } from "./aloud.js";
import { t } from "./i18n.js";

/** @param {string} id */
const $ = (id) => /** @type {HTMLElement} */ (document.getElementById(id));
const settings = /** @type {HTMLDialogElement} */ ($("settings"));
const story = [...document.querySelectorAll("article.turn")].map((element) => {
  const reply = element.querySelector(".reply");
  return {
    id: element.getAttribute("data-turn") ?? "",
    element,
    boxes: { shown: element.querySelector(".action"), reply },
    shown: element.querySelector(".action")?.textContent ?? "",
    reply: [...(reply?.querySelectorAll("p") ?? [])].map((p) => p.textContent).join("\n"),
    done: true,
  };
});

const aloud = new Aloud({
  turns: () => story,
  box: (id, part) => {
    const turn = story.find((each) => each.id === id);
    if (!turn) return null;
    const { boxes, element } = turn;
    const { top, bottom } = element.getBoundingClientRect();
    if (bottom < 0 || top > innerHeight) element.scrollIntoView({ block: "start" });
    return boxes[part];
  },
  onChange: (on) => {
    $("aloud").textContent = on ? `■ ${t("Stop reading")}` : t("Read aloud");
  },
});

$("aloud").hidden = !aloud.possible;
$("aloud").addEventListener("click", () => {
  if (aloud.on) aloud.stop();
  else {
    const seen = story.find(({ element }) => element.getBoundingClientRect().bottom > 80);
    aloud.start((seen ?? story[0]).id);
  }
});
$("print").addEventListener("click", () => print());
bindControls(aloud, $("voice"));

settings.addEventListener("click", ({ target }) => {
  const closes = target instanceof Element && target.closest("[data-closes]");
  if (target === settings || closes) settings.close();
});
document.querySelector("[data-opens]")?.addEventListener("click", () => settings.showModal());
document.addEventListener("keydown", ({ key }) => key === "Escape" && aloud.stop());
