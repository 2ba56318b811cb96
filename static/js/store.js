// The state of the story on this page. Every change of it goes through the reducer (story.js).

import * as story from "./story.js";

export class Store {
  state = story.empty();

  /** @param {Protocol.Event | import("./story.js").PageEvent} event */
  reduce(event) {
    this.state = story.reduce(this.state, event);
  }
}
