// Made by scripts/socket_types.py from game/play/protocol.py: change that file, and run it again.

declare namespace Protocol {
  interface Accepted {
    type: "accepted";
    key: string;
    turn?: string | null;
  }

  /** One of the actions that were taken at the same moment, with its retellings, oldest first. */
  interface ActionHere {
    shown: string;
    turns: string[];
  }

  interface EditTurn {
    key: string;
    type: "edit_turn";
    turn: string;
    action?: string | null;
    reply?: string | null;
  }

  interface ErrorEvent {
    type: "error";
    code: "bad_message" | "not_allowed" | "busy" | "too_many" | "full" | "rejected" | "unknown_turn" | "narrator_down";
    message: string;
    key?: string | null;
    retry_after?: number | null;
  }

  interface GoToTurn {
    key: string;
    type: "go_to_turn";
    turn: string;
  }

  interface HeadMoved {
    version?: number | null;
    type: "head.moved";
    head: string;
    undo: boolean;
    redo: string | null;
  }

  /** An edit with nothing done since: undo takes it back; if it is `undone`, redo brings it. */
  interface LastEdit {
    turn: string;
    undone: boolean;
  }

  interface Ping {
    type: "ping";
  }

  /** The adventure's title, memory or author's note changed (an addition to the protocol). */
  interface PlotChanged {
    version?: number | null;
    type: "adventure.changed";
    adventure: Record<string, any>;
  }

  interface Pong {
    type: "pong";
  }

  interface RedoTurn {
    key: string;
    type: "redo_turn";
  }

  interface Resume {
    type: "resume";
    after: string;
  }

  interface RetryTurn {
    key: string;
    type: "retry_turn";
    turn: string;
  }

  interface Snapshot {
    type: "snapshot";
    id: string;
    adventure: Record<string, any>;
    turns: TurnShown[];
    earlier: boolean;
    head: string;
    undo: boolean;
    redo: string | null;
    last_edit?: LastEdit | null;
  }

  interface StopTurn {
    key: string;
    type: "stop_turn";
    turn: string;
  }

  interface TakeAction {
    key: string;
    type: "take_action";
    kind: "do" | "say" | "story" | "continue";
    text?: string;
  }

  interface TurnEdited {
    version?: number | null;
    type: "turn.edited";
    turn: TurnShown;
    last_edit?: LastEdit | null;
  }

  interface TurnEnded {
    version?: number | null;
    type: "turn.told" | "turn.stopped";
    turn: TurnShown;
  }

  interface TurnFailed {
    version?: number | null;
    type: "turn.failed";
    turn: string;
    reason: string;
  }

  interface TurnQueued {
    version?: number | null;
    type: "turn.queued";
    turn: TurnShown;
    position: number;
    eta_seconds: number | null;
  }

  /** A turn as pages show it. */
  interface TurnShown {
    id: string;
    parent: string | null;
    kind: string;
    action: string;
    shown: string;
    reply: string;
    status: "queued" | "running" | "told" | "stopped" | "failed";
    attempt: number;
    edited: boolean;
    created: string;
    told: string | null;
    reason: string;
    siblings: string[];
    actions?: ActionHere[];
    versions?: number;
    telling?: string | null;
    dice?: Record<string, any> | null;
  }

  /** A worker began an attempt. `fresh`: none came before it, as far as Redis knows. */
  interface TurnStarted {
    type: "turn.started";
    turn: string;
    attempt: number;
    telling: string;
    fresh: boolean;
  }

  /** A piece of a reply. `index` counts the code points before it. */
  interface TurnToken {
    type: "turn.token";
    turn: string;
    attempt: number;
    index: number;
    text: string;
  }

  interface TurnWaiting {
    type: "turn.waiting";
    turn: string;
    position: number;
    eta_seconds: number | null;
  }

  interface UndoTurn {
    key: string;
    type: "undo_turn";
  }

  type Command =
    | TakeAction
    | RetryTurn
    | UndoTurn
    | RedoTurn
    | GoToTurn
    | EditTurn
    | StopTurn
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
