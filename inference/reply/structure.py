"""What only looks like structure: template tokens and our own markers in a text."""

import re

from inference.reply.characters import clean

# Tokens of common families: ChatML, Llama 2 and 3, Mistral, Gemma, DeepSeek, Phi, T5, BERT.
TEMPLATE_TOKEN = re.compile(
    r"<[|｜][^<>\n]{0,60}?[|｜]?>|</?s>|<</?SYS>>|\[/?INST\]|<(?:start|end)_of_(?:turn|utterance|image)>"
    r"|<(?:bos|eos|pad|unk|mask|sep|cls)>|\[(?:BOS|EOS|PAD|UNK|CLS|SEP|MASK|gMASK)\]"
    r"|\[/?(?:TOOL_CALLS|TOOL_RESULTS|AVAILABLE_TOOLS|SYSTEM_PROMPT|THINK)\]"
    r"|</?(?:think|tool_call|tool_response|tools)>|<(?:unused|extra_id_|special_|reserved_)\w{1,16}>"
    r"|<fim_(?:prefix|suffix|middle|pad)>|<0x[0-9A-F]{2}>"
    r"|<(?:repo_?name|file_sep|filename|gh_stars|empty_output|(?:issue|jupyter)_\w{1,20})>",
    re.IGNORECASE,
)
MAY_BE_TOKEN = re.compile(r"[<\[]\S{0,24}$")  # at the end of text that goes on
AUTHORS_NOTE = re.compile(
    r"\[(?=\s*author['’]?s note\b)", re.IGNORECASE
)  # our own, in a transcript
# Before a reply; the story does without.
LABELS = (
    "narrator:",
    "assistant:",
    "reply:",
    "response:",
    "story:",
    "answer:",
    "continuation:",
    "narration:",
    "scene:",
    "output:",
    "text:",
)
HALF_TOKEN = re.compile(r"<[|｜]")  # nobody writes this in a story
MARKUP = re.compile(r"</?(?:p|br|b|i|u|em|strong|span|div|center|hr|h[1-6])\s*/?>", re.IGNORECASE)


def neutralise(text: str) -> str:
    """`text` as story and never as structure: no template tokens, no lines that look like `> `."""
    text = clean(text)
    before = None
    while before != text:  # what is taken out may leave a token behind
        before = text
        text = TEMPLATE_TOKEN.sub("", text)
    text = re.sub(r"<[|｜]+", "<", text)
    text = re.sub(r"[|｜]+>", ">", text)
    text = AUTHORS_NOTE.sub("(", text)
    return re.sub(r"^[ \t>]*>[ \t]*", "", text, flags=re.MULTILINE)


def is_line_markup(word: str, label: bool) -> bool:
    """Whether a line that begins with `word` begins with a heading, rule or bullet.

    `label`: "Narrator:" counts as well.
    """
    if set(word) <= set("#•-=_~") and word not in ("-", "—"):
        return True
    return label and word.lower() in LABELS
