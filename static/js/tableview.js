// The table above the input: who plays, whose turn it is, and what is proposed. Not there while the
// owner plays alone.

import { t } from "./i18n.js";
import { $, touch } from "./page.js";
import * as table from "./table.js";
import { button, fit, make } from "./turnview.js";

/** @typedef {import("./story.js").State} State */
/**
 * What the buttons do. `withdrawn` is given the text that was taken back; `leave` is called where
 * the element that had the cursor is gone.
 *
 * @typedef {{vote: (member: string) => void, skip: () => void, agree: () => void,
 *   approve: (member: string, text?: string) => void,
 *   withdraw: (proposal: Protocol.ProposalData) => void,
 *   leave: () => void, announce: (text: string) => void}} TableActions
 */

export class TableView {
  /** @param {TableActions} actions */
  constructor(actions) {
    this.actions = actions;
    this.box = $("table");
    /** @type {State | null} */
    this.state = null;
    /** @type {Map<string, ProposalView>} */
    this.proposals = new Map(); // by member
    this.said = ""; // the line that was announced last
    /** @type {State["table"]} */
    this.drawn = null;
    $("table-skip").addEventListener("click", () => actions.skip());
    $("table-agree").addEventListener("click", () => actions.agree());
    setInterval(() => this.tick(), 1000);
  }

  /**
   * @param {State} state
   * @param {boolean} telling the narrator has not finished yet
   */
  show(state, telling) {
    this.state = state;
    this.box.hidden = !state.table;
    if (!state.table) return;
    if (state.table !== this.drawn) {
      this.drawn = state.table;
      this.showMembers(state);
      this.showProposals(state);
      this.showAsked(state);
    }
    this.showTurn(state, telling);
    this.tick();
  }

  /** @param {State} state */
  showMembers(state) {
    const items = (state.table?.members ?? []).map((member) => memberItem(state, member));
    $("table-members").replaceChildren(...items);
  }

  /**
   * @param {State} state
   * @param {boolean} telling
   */
  showTurn(state, telling) {
    const line = table.turnLine(state, telling);
    $("table-line").textContent = line;
    $("table-turn").classList.toggle("mine", isMine(state) && !telling);
    const skip = telling ? "" : table.skipLabel(state);
    $("table-skip").hidden = !skip;
    $("table-skip").textContent = skip;
    $("table-turn").hidden = !line && !skip;
    if (line !== this.said) this.actions.announce(line);
    this.said = line;
  }

  /** The time goes by. */
  tick() {
    const left = this.state && table.secondsLeft(this.state, Date.now());
    const text = left === null ? "" : table.timeLeft(left);
    if ($("table-time").textContent !== text) $("table-time").textContent = text;
  }

  /** @param {State} state */
  showProposals(state) {
    const list = $("table-proposals");
    const had = list.contains(document.activeElement);
    const proposals = state.table?.proposals ?? [];
    const members = new Set(proposals.map(({ member }) => member));
    for (const [member, view] of this.proposals) {
      if (members.has(member)) continue;
      view.element.remove();
      this.proposals.delete(member);
    }
    for (const proposal of proposals) {
      let view = this.proposals.get(proposal.member);
      if (!view) {
        view = new ProposalView(this.actions);
        this.proposals.set(proposal.member, view);
        list.append(view.element);
      }
      if (view.show(state, proposal)) this.announce(state, proposal);
    }
    list.hidden = !proposals.length;
    if (had && !list.contains(document.activeElement)) this.actions.leave();
  }

  /**
   * Somebody else proposed something.
   *
   * @param {State} state
   * @param {Protocol.ProposalData} proposal
   */
  announce(state, proposal) {
    if (proposal.member === state.you?.member) return;
    const name = table.nameOf(state, proposal.member);
    this.actions.announce(`${name}: ${table.proposalText(proposal)}`);
  }

  /** @param {State} state */
  showAsked(state) {
    const line = table.askedLine(state);
    if (line && line !== $("table-asked-line").textContent) this.actions.announce(line);
    $("table-asked").hidden = !line;
    $("table-asked-line").textContent = line;
    const text = table.askedText(state);
    $("table-asked-text").hidden = !text;
    $("table-asked-text").textContent = text;
    $("table-agree").hidden = !table.agreement(state);
  }
}

/** @param {State} state */
const isMine = ({ table: now, you }) => now?.order === "round" && now.turn_of === you?.member;

/**
 * A name with what the member is: for the eye as a sign, for listeners in words.
 *
 * @param {State} state
 * @param {Protocol.MemberData} member
 */
function memberItem(state, member) {
  const { table: now, you } = state;
  const item = make("li", "member");
  item.title = member.description ?? "";
  const turn = now?.turn_of === member.id;
  if (turn) item.setAttribute("aria-current", "true");
  const written = now?.proposals?.some((each) => each.member === member.id) ?? false;
  if (turn) item.append(sign("▸", t("whose turn it is")));
  item.append(speakerName(member.name, table.colourOf(state, member.id)));
  if (member.id === you?.member) item.append(make("span", "of", t("(you)")));
  if (member.role === "owner") item.append(sign("★", t("owner")));
  if (now?.master === member.id) item.append(sign("♛", t("game master")));
  if (written) item.append(sign("✓", t("has written")));
  return item;
}

/**
 * @param {string} mark
 * @param {string} words
 */
function sign(mark, words) {
  const box = make("span", "sign");
  const seen = make("span", "", mark);
  seen.setAttribute("aria-hidden", "true");
  box.title = words;
  box.append(seen, make("span", "visually-hidden", words));
  return box;
}

/**
 * @param {string} name
 * @param {number} colour
 */
function speakerName(name, colour) {
  const box = make("bdi", colour ? `speaker speaker-${colour}` : "speaker", name);
  box.dir = "auto";
  return box;
}

/** One proposal of the list. */
class ProposalView {
  /** @param {TableActions} actions */
  constructor(actions) {
    this.actions = actions;
    /** @type {Protocol.ProposalData | null} */
    this.proposal = null;
    this.element = make("li", "proposal");
    this.name = make("span");
    this.text = make("span", "proposed");
    this.text.dir = "auto";
    this.votes = make("span", "votes");
    this.buttons = make("span", "proposal-buttons");
    this.vote = button("small", t("Vote"), "", () => actions.vote(this.member));
    this.approve = button("small", t("Approve"), "", () => actions.approve(this.member));
    this.edit = button("small", t("Edit"), "", () => this.openEditor());
    this.withdraw = button("small", t("Withdraw"), "", () => {
      if (this.proposal) actions.withdraw(this.proposal);
    });
    this.buttons.append(this.vote, this.approve, this.edit, this.withdraw);
    /** @type {HTMLTextAreaElement | null} */
    this.editor = null;
    this.form = make("form", "proposal-editor");
    this.form.hidden = true;
    this.element.append(this.name, this.text, this.votes, this.buttons, this.form);
  }

  get member() {
    return this.proposal?.member ?? "";
  }

  /**
   * Whether it says something new.
   *
   * @param {State} state
   * @param {Protocol.ProposalData} proposal
   */
  show(state, proposal) {
    const before = this.proposal;
    this.proposal = proposal;
    const name = table.nameOf(state, proposal.member);
    const rights = table.rightsTo(state, proposal);
    this.name.replaceChildren(speakerName(name, table.colourOf(state, proposal.member)));
    const words = table.proposalText(proposal);
    if (this.text.textContent !== words) this.text.textContent = words;
    const voters = (proposal.votes ?? []).map((id) => table.nameOf(state, id)).filter(Boolean);
    this.votes.textContent = voters.length ? t("Votes: {names}", { names: voters.join(", ") }) : "";
    this.votes.hidden = !voters.length;
    this.vote.hidden = !rights.vote;
    this.vote.setAttribute("aria-pressed", String(rights.voted));
    this.vote.textContent = rights.voted ? t("✓ Your vote") : t("Vote");
    this.approve.hidden = this.edit.hidden = !rights.approve || this.editor !== null;
    this.withdraw.hidden = !rights.own;
    this.label(name);
    return before?.text !== proposal.text || before?.kind !== proposal.kind;
  }

  /**
   * Buttons that stand in several rows say whose proposal they are about.
   *
   * @param {string} name
   */
  label(name) {
    for (const each of [this.vote, this.approve, this.edit]) {
      each.setAttribute("aria-label", `${each.textContent}: ${name}`);
    }
  }

  /** The game master tells it in other words. */
  openEditor() {
    const area = make("textarea");
    area.dir = "auto";
    area.rows = 1;
    area.value = this.proposal?.text ?? "";
    area.setAttribute("aria-label", t("What is told in its place"));
    area.addEventListener("input", () => fit(area));
    area.addEventListener("keydown", (event) => this.key(event, area));
    const save = button("small primary", t("Approve"), "", () => this.approveEdited(area));
    const cancel = button("small", t("Cancel"), "", () => this.closeEditor());
    this.editor = area;
    this.form.replaceChildren(area, save, cancel);
    this.form.hidden = false;
    this.approve.hidden = this.edit.hidden = true;
    fit(area);
    area.focus({ preventScroll: touch.matches });
  }

  /**
   * @param {KeyboardEvent} event
   * @param {HTMLTextAreaElement} area
   */
  key(event, area) {
    if (event.isComposing) return;
    if (event.key === "Escape") {
      event.stopPropagation();
      this.closeEditor();
    } else if (event.key === "Enter" && !event.shiftKey && !touch.matches) {
      event.preventDefault();
      this.approveEdited(area);
    }
  }

  /** @param {HTMLTextAreaElement} area */
  approveEdited(area) {
    const text = area.value.trim();
    if (text) this.actions.approve(this.member, text);
  }

  closeEditor() {
    this.editor = null;
    this.form.hidden = true;
    this.form.replaceChildren();
    this.approve.hidden = this.edit.hidden = false;
    this.edit.focus();
  }
}
