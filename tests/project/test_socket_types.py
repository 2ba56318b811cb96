"""The socket's messages as types: those of the pages (protocol.d.ts), and what workers write."""

import json
from typing import get_args

import pytest
from pydantic import TypeAdapter

from game.play import protocol
from inference.contract.request import Token
from inference.queue.streams import token_event
from scripts import socket_types


def test_the_pages_types_are_those_of_the_protocol():
    assert socket_types.WRITTEN.read_text() == socket_types.socket_types(), (
        "out of date: .venv/bin/python scripts/socket_types.py"
    )


def test_a_field_of_a_kind_that_no_message_had_is_not_guessed():
    with pytest.raises(ValueError, match="no type of TypeScript"):
        socket_types.type_of({"type": "tuple"})


def test_workers_write_words_as_the_protocol_has_them():
    token = Token(turn="t", attempt=2, index=5, text="and")
    sent = json.loads(token_event(token))
    read = TypeAdapter(protocol.TurnToken).validate_python(sent, strict=True)
    assert read.model_dump() == sent


def test_every_message_that_pages_are_sent_has_a_type_of_its_own():
    models = [
        each
        for union in (protocol.LoggedEvent, protocol.WorkerEvent, protocol.DirectEvent)
        for each in get_args(union)
    ]
    types = [name for each in models for name in get_args(each.model_fields["type"].annotation)]
    assert len(types) == len(set(types))
