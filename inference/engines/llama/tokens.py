"""Tokens of a text: the tokenizer of llama.cpp's server, asked over a socket file."""

import http.client
import json
import socket
from pathlib import Path
from typing import Any

from inference.contract.sampling import SamplingParams
from inference.engines.special_tokens import LIKE_SPECIAL, SpecialTokens
from inference.models.gguf import CONTROL, USER_DEFINED, read_token_kinds


class ServerApi(http.client.HTTPConnection):
    """The HTTP API of the library's server on its socket file."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=60)
        self._path = path

    def connect(self) -> None:
        """Connect to the socket file."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """The parsed response. Raises ValueError with the server's error, else OSError."""
        try:
            answer = self._request(path, body)
        except (http.client.HTTPException, OSError):
            # The server closes a connection after some requests, and when it is idle for seconds.
            self.close()
            answer = self._request(path, body)
        if "error" in answer:
            raise ValueError(" ".join(str(answer["error"].get("message", "")).split())[:300])
        return answer

    def _request(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        self.request("POST", path, json.dumps(body).encode(), {"Content-Type": "application/json"})
        answer: dict[str, Any] = json.loads(self.getresponse().read())
        return answer


class Tokenizer:
    """The model's tokenizer. Every method raises ValueError for text with a lone surrogate."""

    def __init__(self, api: ServerApi) -> None:
        self._api = api

    def encode(self, text: str, special: bool, begin: bool = False) -> list[int]:
        """The tokens of `text`, by number.

        `special`: names of special tokens are read as these tokens. `begin`: the model's token for
        the beginning of a text is added, where it has one.
        """
        if not text:
            return []
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise ValueError("the text holds half of a surrogate pair") from error
        body = {"content": text, "parse_special": special, "add_special": begin}
        ids: list[int] = self._api.post("/tokenize", body)["tokens"]
        return ids

    def logit_biases(self, sampling: SamplingParams) -> list[list[float]]:
        """`sampling.logit_bias` as pairs of token and bias.

        A bias applies to the first token of a text: to that of a word after a space, and to the
        word without a space where it is a single token. The first of several tokens may begin any
        word.
        """
        biases: dict[int, float] = {}
        for text, bias in sampling.logit_bias.items():
            if text[0].isalnum():
                biases.update(dict.fromkeys(self.first_tokens((f" {text}",)), bias))
                alone = self._encode_within_line(text)
                biases.update(dict.fromkeys(alone if len(alone) == 1 else [], bias))
            else:
                biases.update(dict.fromkeys(self.first_tokens((text,)), bias))
        return [[token, bias] for token, bias in biases.items()]

    def first_tokens(self, texts: tuple[str, ...]) -> list[int]:
        """The first token of each text where it stands within a line."""
        return [token for text in texts for token in self._encode_within_line(text)[:1]]

    def _encode_within_line(self, text: str) -> list[int]:
        # Some tokenizers add a space before a text, but not after a line break.
        line_break = self.encode("\n", special=False)
        ids = self.encode("\n" + text, special=False)
        if ids[: len(line_break)] == line_break:
            return ids[len(line_break) :]
        return self.encode(text, special=False)


def special_tokens(model: Path) -> SpecialTokens:
    """The special tokens of a GGUF: control tokens, and added tokens that look like them.

    Other added tokens are white space or plain words, which structure nothing.
    """
    kinds = read_token_kinds(model)
    added = [name for name in kinds[USER_DEFINED] if LIKE_SPECIAL.fullmatch(name)]
    return SpecialTokens([*kinds[CONTROL], *added])
