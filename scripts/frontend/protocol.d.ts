// Made by scripts/socket_types.py from game/play/protocol.py: change that file, and run it again.

declare namespace Protocol {
  /** A command was carried out. `turn` is the turn that it made or went to. */
  interface Accepted {
    type: "accepted";
    key: string;
    turn?: string | null;
  }

  /** As game master: tell the proposal of a member, as it stands or with another text. */
  interface ApproveProposal {
    key: string;
    type: "approve_proposal";
    member: string;
    text?: string | null;
  }

  /** A change that waits until more than half of the players send the same command. */
  interface AskedChange {
    type: string;
    turn: string | null;
    member: string;
    agreed: string[];
    needed: number;
    action?: string | null;
    reply?: string | null;
  }

  /** A chapter now ends with a turn, has another title, or (title "") was reopened. */
  interface ChaptersChanged {
    version?: number | null;
    type: "chapters.changed";
    turn: string;
    title: string;
  }

  /** Replace the action or the reply of a turn, or both. */
  interface EditTurn {
    key: string;
    type: "edit_turn";
    turn: string;
    action?: string | null;
    reply?: string | null;
  }

  /** A command was refused, or the socket is about to close. `retry_after` is in seconds. */
  interface ErrorEvent {
    type: "error";
    code: "bad_message" | "not_allowed" | "busy" | "not_your_turn" | "too_many" | "full" | "rejected" | "unknown_turn" | "narrator_down";
    message: string;
    key?: string | null;
    retry_after?: number | null;
  }

  /** Make a turn of the tree the head. */
  interface GoToTurn {
    key: string;
    type: "go_to_turn";
    turn: string;
  }

  /** Another turn is the head. `undo`: whether undo is possible; `redo`: the turn it leads to. */
  interface HeadMoved {
    version?: number | null;
    type: "head.moved";
    head: string;
    undo: boolean;
    redo: string | null;
  }

  /** The last change, if it was an edit: undo applies to it, or redo if it is `undone`. */
  interface LastEdit {
    turn: string;
    undone: boolean;
  }

  /** One who acts in the adventure, by their character's name; their account is not named. */
  interface MemberData {
    id: string;
    name: string;
    role: "owner" | "player" | "spectator";
    description?: string;
  }

  /** Ask for a pong. */
  interface Ping {
    type: "ping";
  }

  /** The adventure's own fields changed: title, plot, narrator, options, cards. */
  interface PlotChanged {
    version?: number | null;
    type: "adventure.changed";
    adventure: Record<string, any>;
  }

  /** The answer to a ping. */
  interface Pong {
    type: "pong";
  }

  /** What a member proposes. `text` is null for those who may not read it yet. */
  interface ProposalData {
    member: string;
    kind: string | null;
    text: string | null;
    votes?: string[];
  }

  /** Redo what was undone last. */
  interface RedoTurn {
    key: string;
    type: "redo_turn";
  }

  /** Forward the log from just after an id; "" asks for a snapshot. */
  interface Resume {
    type: "resume";
    after: string;
  }

  /** Take the action of a turn again, beside it. */
  interface RetryTurn {
    key: string;
    type: "retry_turn";
    turn: string;
  }

  /** An action taken at the same place as others, with the turns that have it, oldest first. */
  interface SiblingAction {
    shown: string;
    turns: string[];
  }

  /** As owner: pass the turn on, or tell what there is, without waiting for who has not acted. */
  interface SkipMember {
    key: string;
    type: "skip_member";
  }

  /** The whole adventure, with the log id to continue from. */
  interface Snapshot {
    type: "snapshot";
    id: string;
    adventure: Record<string, any>;
    turns: TurnData[];
    earlier: boolean;
    head: string;
    undo: boolean;
    redo: string | null;
    last_edit?: LastEdit | null;
    suggestions?: string[];
    table?: TableData | null;
    you?: Viewer | null;
  }

  /** Stop the turn under way. */
  interface StopTurn {
    key: string;
    type: "stop_turn";
    turn: string;
  }

  /** Members, their characters or the rules of playing together changed; null: one plays alone. */
  interface TableChanged {
    version?: number | null;
    type: "table.changed";
    table: TableData | null;
  }

  /** Who plays together, and how they take turns. */
  interface TableData {
    members: MemberData[];
    order?: "free" | "round" | "together" | "vote" | "master";
    changes?: "owner" | "actor" | "vote";
    seconds?: number;
    turn_of?: string | null;
    master?: string | null;
    until?: string | null;
    proposals?: ProposalData[];
    asked?: AskedChange | null;
  }

  /** Take an action at the head; an empty one continues the story. */
  interface TakeAction {
    key: string;
    type: "take_action";
    kind: "do" | "say" | "story" | "continue";
    text?: string;
  }

  /** A turn as pages show it. */
  interface TurnData {
    id: string;
    parent: string | null;
    kind: string;
    action: string;
    shown: string;
    character?: string;
    member?: string | null;
    reply: string;
    status: "queued" | "running" | "told" | "stopped" | "failed";
    attempt: number;
    edited: boolean;
    created: string;
    told: string | null;
    reason: string;
    siblings: string[];
    actions?: SiblingAction[];
    versions?: number;
    chapter?: string;
    telling?: string | null;
    dice?: Record<string, any> | null;
  }

  /** The texts of a turn were replaced. */
  interface TurnEdited {
    version?: number | null;
    type: "turn.edited";
    turn: TurnData;
    last_edit?: LastEdit | null;
  }

  /** A turn has its reply, or was stopped. */
  interface TurnEnded {
    version?: number | null;
    type: "turn.told" | "turn.stopped";
    turn: TurnData;
  }

  /** A turn failed. `reason` is for the player. */
  interface TurnFailed {
    version?: number | null;
    type: "turn.failed";
    turn: string;
    reason: string;
  }

  /** A turn was added, and waits in its narrator's queue. */
  interface TurnQueued {
    version?: number | null;
    type: "turn.queued";
    turn: TurnData;
    position: number;
    eta_seconds: number | null;
  }

  /** A worker began an attempt. `fresh`: there was none before, as far as Redis knows. */
  interface TurnStarted {
    type: "turn.started";
    turn: string;
    attempt: number;
    telling: string;
    fresh: boolean;
  }

  /** Actions that the narrator suggests after a turn. They change nothing: no version. */
  interface TurnSuggested {
    version?: number | null;
    type: "turn.suggested";
    turn: string;
    actions: string[];
  }

  /** A piece of a reply. `index` counts the code points before it. */
  interface TurnToken {
    type: "turn.token";
    turn: string;
    attempt: number;
    index: number;
    text: string;
  }

  /** The place of a waiting turn in the queue has changed. */
  interface TurnWaiting {
    type: "turn.waiting";
    turn: string;
    position: number;
    eta_seconds: number | null;
  }

  /** Undo the last edit or the last action. */
  interface UndoTurn {
    key: string;
    type: "undo_turn";
  }

  /** Who the player of one page is: the member, with their role and character's name. */
  interface Viewer {
    member: string;
    role: "owner" | "player" | "spectator";
    name?: string;
  }

  /** Vote for the proposal of a member. */
  interface VoteFor {
    key: string;
    type: "vote_for";
    member: string;
  }

  /** Take one's own proposal back. */
  interface WithdrawProposal {
    key: string;
    type: "withdraw_proposal";
  }

  /** The state of the world changed at a turn, other than by its being told or edited. */
  interface WorldChanged {
    version?: number | null;
    type: "world.changed";
    turn: string;
    last_edit?: LastEdit | null;
  }

  type Command =
    | TakeAction
    | RetryTurn
    | UndoTurn
    | RedoTurn
    | GoToTurn
    | EditTurn
    | StopTurn
    | VoteFor
    | ApproveProposal
    | WithdrawProposal
    | SkipMember
    | Resume
    | Ping;

  /** What the log holds; `id` is its place there. */
  type LoggedEvent = (
    | TurnQueued
    | TurnEnded
    | TurnFailed
    | TurnEdited
    | HeadMoved
    | PlotChanged
    | TurnSuggested
    | ChaptersChanged
    | WorldChanged
    | TableChanged
    | TurnStarted
    | TurnToken
  ) & { id: string };

  type Event =
    | LoggedEvent
    | TurnWaiting
    | Accepted
    | Snapshot
    | ErrorEvent
    | Pong;
}
