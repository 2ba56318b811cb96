// What game/offline/views.py puts before static/worker/worker.js.

declare const KEPT: {
  /** Another one whenever a file of the shell is. */
  version: string;
  /** Addresses of files that are the same for everybody. */
  shell: string[];
  /** Address of the page without a network. */
  offline: string;
  /** "/", or the path below which Grue is served, with a slash at its end. */
  base: string;
};
