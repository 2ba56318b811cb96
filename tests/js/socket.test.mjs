import assert from "node:assert/strict";
import { mock, test } from "node:test";

import { backoff, Socket, uuid } from "../../static/js/socket.js";

class FakeSocket {
  static made = [];

  constructor(url) {
    this.url = url;
    this.readyState = 0;
    this.sent = [];
    FakeSocket.made.push(this);
  }

  open() {
    this.readyState = 1;
    this.onopen?.();
  }

  hear(event) {
    this.onmessage?.({ data: typeof event === "string" ? event : JSON.stringify(event) });
  }

  cut(code = 1006) {
    this.readyState = 3;
    this.onclose?.({ code });
  }

  send(text) {
    this.sent.push(JSON.parse(text));
  }

  close() {
    this.readyState = 3;
  }
}

function connected() {
  mock.timers.enable({ apis: ["setTimeout", "setInterval"] });
  FakeSocket.made = [];
  const heard = [];
  const statuses = [];
  const socket = new Socket(
    "ws://host/ws/adventures/1/",
    { onEvent: (event) => heard.push(event), onStatus: (status) => statuses.push(status) },
    { WebSocket: FakeSocket, fetch: () => Promise.reject(new Error("no network")) },
  );
  socket.connect();
  FakeSocket.made[0].open();
  return { socket, heard, statuses, last: () => FakeSocket.made.at(-1) };
}

const ending = (work) => () => {
  try {
    work();
  } finally {
    mock.timers.reset();
  }
};

test("a UUID is made without crypto.randomUUID", () => {
  assert.match(uuid(), /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/u);
  assert.equal(
    uuid((bytes) => bytes.fill(255)),
    "ffffffff-ffff-4fff-bfff-ffffffffffff",
  );
  assert.notEqual(uuid(), uuid());
});

test("pauses grow, stay below 15 s, and are never in step", () => {
  assert.equal(
    backoff(0, () => 1),
    400,
  );
  assert.equal(
    backoff(0, () => 0),
    200,
  );
  assert.equal(
    backoff(3, () => 1),
    3200,
  );
  assert.equal(
    backoff(50, () => 1),
    15000,
  );
});

test(
  "after a cut it comes back where it was and sends again what was not answered",
  ending(() => {
    const { socket, last, statuses } = connected();
    assert.equal(last().url, "ws://host/ws/adventures/1/");
    last().hear({ type: "snapshot", id: "10-0" });
    socket.send({ type: "undo_turn", key: "answered" });
    last().hear({ type: "accepted", key: "answered" });
    socket.send({ type: "take_action", key: "lost", kind: "do", text: "look" });
    last().hear({ type: "head.moved", id: "11-2", version: 7 });
    last().hear({ type: "turn.token", id: "11-3" });
    last().cut();
    assert.equal(statuses.at(-1), "offline");
    socket.send({ type: "take_action", key: "offline", kind: "do", text: "wait" });
    mock.timers.tick(400);
    assert.equal(FakeSocket.made.length, 2);
    assert.equal(new URL(last().url).searchParams.get("after"), "11-3");
    assert.equal(new URL(last().url).searchParams.get("version"), "7");
    last().open();
    assert.deepEqual(
      last().sent.map(({ key }) => key),
      ["lost", "offline"],
    );
    assert.equal(statuses.at(-1), "open");
  }),
);

test(
  "an error with the key answers a command too",
  ending(() => {
    const { socket, last } = connected();
    socket.send({ type: "take_action", key: "k", kind: "do", text: "" });
    last().hear({ type: "error", code: "busy", message: "Wait.", key: "k" });
    assert.equal(socket.unanswered.size, 0);
  }),
);

test(
  "codes that are meant end it: no coming back",
  ending(() => {
    for (const [code, status] of [
      [4401, "signed-out"],
      [4404, "gone"],
      [4408, "signed-out"],
      [4409, "elsewhere"],
    ]) {
      const { last, statuses } = connected();
      last().cut(code);
      mock.timers.tick(60_000);
      assert.equal(FakeSocket.made.length, 1);
      assert.equal(statuses.at(-1), status);
      mock.timers.reset();
    }
  }),
);

test(
  "whoever floods comes back much later",
  ending(() => {
    const { last } = connected();
    last().cut(4429);
    mock.timers.tick(5_000);
    assert.equal(FakeSocket.made.length, 1);
    mock.timers.tick(10_000);
    assert.equal(FakeSocket.made.length, 2);
  }),
);

test(
  "a connection that no longer answers is given up",
  ending(() => {
    const { last, statuses } = connected();
    mock.timers.tick(20_000);
    assert.equal(last().sent.at(-1).type, "ping");
    last().hear({ type: "pong" });
    mock.timers.tick(19_000);
    assert.equal(statuses.at(-1), "open");
    mock.timers.tick(1_000);
    mock.timers.tick(10_000);
    assert.equal(statuses.at(-1), "offline");
  }),
);

test(
  "frames that are no events are passed over",
  ending(() => {
    const { last, heard } = connected();
    for (const odd of ["{", "7", "null", '"x"', "[]", "{}"]) last().hear(odd);
    assert.deepEqual(heard, []);
    last().hear({ type: "pong" });
    assert.equal(heard.length, 1);
  }),
);

test(
  "starting over asks for a snapshot",
  ending(() => {
    const { socket, last } = connected();
    last().hear({ type: "snapshot", id: "10-0" });
    socket.restart();
    assert.equal(new URL(last().url).searchParams.get("after"), null);
  }),
);

test("a socket that never opens asks why, and says it", async () => {
  for (const [trusted, status] of [
    [true, "blocked"],
    [false, "untrusted"],
  ]) {
    mock.timers.enable({ apis: ["setTimeout", "setInterval"] });
    try {
      FakeSocket.made = [];
      const statuses = [];
      const asked = [];
      const answer = async (url) => {
        asked.push(url);
        return { json: async () => ({ trusted }) };
      };
      const socket = new Socket(
        "wss://host/grue/ws/adventures/1/?after=9",
        { onEvent: () => {}, onStatus: (each) => statuses.push(each) },
        { WebSocket: FakeSocket, fetch: answer, origin: "https://host" },
      );
      socket.connect();
      for (let tries = 0; tries < 4; tries += 1) {
        FakeSocket.made.at(-1).cut();
        await new Promise((done) => {
          setImmediate(done);
        });
        mock.timers.tick(20_000);
      }
      assert.deepEqual(asked, ["https://host/grue/ws/adventures/1/?origin=https%3A%2F%2Fhost"]);
      assert.equal(statuses.at(-1), status);
      FakeSocket.made.at(-1).open();
      FakeSocket.made.at(-1).cut();
      assert.equal(statuses.at(-1), "offline", "what was wrong is over");
      socket.close();
    } finally {
      mock.timers.reset();
    }
  }
});
