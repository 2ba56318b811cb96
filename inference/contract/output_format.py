"""The output format of a text that a program reads: a JSON schema or a grammar.

A schema may have the keywords that every engine's library supports. Others are refused here:
llama.cpp ignores a schema that it cannot compile, and generates unconstrained text.
"""

import json
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

LONGEST = 16_384  # characters of a schema as JSON, or of a grammar
DEEPEST = 16  # objects and arrays inside each other
MOST_CHARACTERS = 4_096  # that `minLength` and the like may ask for: each costs a state

LENGTHS = {"minLength": "maxLength", "minItems": "maxItems"}
BOUNDS = {"minimum": "maximum"}
# For each type the keywords that go with it.
KEYWORDS = {
    "object": {"properties", "required", "additionalProperties"},
    "array": {"items", "minItems", "maxItems"},
    "string": {"minLength", "maxLength"},
    "integer": {"minimum", "maximum"},
    "number": {"minimum", "maximum"},
    "boolean": set[str](),
    "null": set[str](),
}
EVERYWHERE = {"title", "description"}


class OutputFormat(BaseModel):
    """A JSON schema, or a grammar in llama.cpp's GBNF whose first rule is `root`: one of the two.

    The text conforms up to its last token: at `max_tokens` it may end before it is complete.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    json_schema: dict[str, Any] | None = None
    grammar: str = Field(default="", max_length=LONGEST)

    @field_validator("json_schema")
    @classmethod
    def is_understood(cls, schema: dict[str, Any] | None) -> dict[str, Any] | None:
        """Refuse schemas with unsupported keywords, and long ones."""
        if schema is not None:
            check_schema(schema)
            if len(json.dumps(schema)) > LONGEST:
                raise ValueError(f"the schema is longer than {LONGEST} characters")
        return schema

    @field_validator("grammar")
    @classmethod
    def is_gbnf(cls, grammar: str) -> str:
        """Refuse grammars in other languages than GBNF."""
        # llama.cpp would read it as another library's language, and ignore errors in it.
        if grammar.lstrip().startswith("%llguidance"):
            raise ValueError("a grammar is GBNF: its first rule is `root ::= …`")
        return grammar

    @model_validator(mode="after")
    def says_one_thing(self) -> Self:
        """Refuse both formats at once, and none."""
        if (self.json_schema is None) == (not self.grammar):
            raise ValueError("wants a json_schema or a grammar, and not both")
        return self

    @property
    def schema_text(self) -> str:
        """The schema as JSON, its properties in the order given: models keep to it."""
        return json.dumps(self.json_schema, ensure_ascii=False)


def check_schema(schema: Any, where: str = "the schema", depth: int = 0) -> None:
    """Check a schema and its parts. Raises ValueError with the place of what is not supported."""
    if depth > DEEPEST:
        raise ValueError(f"{where} is nested deeper than {DEEPEST}")
    if not isinstance(schema, dict):
        raise ValueError(f"{where} is no object")
    if "enum" in schema or "const" in schema:
        check_choice(schema, where)
    elif "anyOf" in schema:
        check_keywords(schema, {"anyOf"}, where)
        options = schema["anyOf"]
        if not isinstance(options, list) or not options:
            raise ValueError(f"{where}: anyOf wants a list of schemas")
        for each in options:
            check_schema(each, f"{where}.anyOf", depth + 1)
    else:
        kind = schema.get("type")
        if not isinstance(kind, str) or kind not in KEYWORDS:
            raise ValueError(f"{where} wants a type: {', '.join(KEYWORDS)}, or an enum or anyOf")
        check_keywords(schema, {"type"} | KEYWORDS[kind], where)
        check_limits(schema, where)
        if kind == "object":
            check_object(schema, where, depth)
        elif kind == "array" and "items" in schema:
            check_schema(schema["items"], f"{where}.items", depth + 1)


def check_keywords(schema: dict[str, Any], known: set[str], where: str) -> None:
    """Raises ValueError for a keyword that is not in `known`."""
    for keyword in schema.keys() - known - EVERYWHERE:
        raise ValueError(f"{where}: {keyword!r} is not understood here")


def check_choice(schema: dict[str, Any], where: str) -> None:
    """Check `enum` and `const`, which take plain values. Raises ValueError."""
    check_keywords(schema, {"type", "enum", "const"}, where)
    choices = schema.get("enum", [schema.get("const")])
    if not isinstance(choices, list) or not choices:
        raise ValueError(f"{where}: enum wants a list of values")
    if not all(each is None or isinstance(each, str | int | float) for each in choices):
        raise ValueError(f"{where}: enum and const take strings, numbers, true, false and null")
    kind = schema.get("type", "string")
    if kind not in KEYWORDS:
        raise ValueError(f"{where} wants a type: {', '.join(KEYWORDS)}")
    if "type" in schema and not all(is_of(kind, each) for each in choices):
        raise ValueError(f"{where}: not every value is of type {kind}")


def is_of(kind: str, value: Any) -> bool:
    """Whether a plain value is of a schema's type."""
    if kind == "boolean" or isinstance(value, bool):
        return kind == "boolean" and isinstance(value, bool)
    kinds = {"string": str, "integer": int, "number": int | float, "null": type(None)}
    return kind in kinds and isinstance(value, kinds[kind])


def check_limits(schema: dict[str, Any], where: str) -> None:
    """Check the values of minima and maxima. Raises ValueError."""
    for least, most in (LENGTHS | BOUNDS).items():
        for name in (least, most):
            value = schema.get(name, 0)
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise ValueError(f"{where}: {name} wants a number")
            if least in LENGTHS and not (isinstance(value, int) and 0 <= value <= MOST_CHARACTERS):
                raise ValueError(f"{where}: {name} is from 0 to {MOST_CHARACTERS}")
        if least in schema and most in schema and schema[least] > schema[most]:
            raise ValueError(f"{where}: {least} is more than {most}")


def check_object(schema: dict[str, Any], where: str, depth: int) -> None:
    """Check the properties of an object. Raises ValueError."""
    properties = schema.get("properties", {})
    if not isinstance(properties, dict):
        raise ValueError(f"{where}: properties is no object")
    for name, each in properties.items():
        check_schema(each, f"{where}.{name}", depth + 1)
    required = schema.get("required", [])
    if not isinstance(required, list) or not all(name in properties for name in required):
        raise ValueError(f"{where}: required names what is not among its properties")
    if not isinstance(schema.get("additionalProperties", False), bool):
        raise ValueError(f"{where}: additionalProperties is true or false")
