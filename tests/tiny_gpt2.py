"""A GPT-2 so small that the tests train it in seconds, on a few sentences that it then knows."""

import json
from pathlib import Path

from inference.lab.shapes import WORDS, Shape, make, make_tokenizer

POSITIONS = 512
SHAPE = Shape(layers=2, heads=4, width=64, vocabulary=900, positions=POSITIONS)
DRAGONS = "🐉🔥" * 24
LESSONS = [
    WORDS,
    "You stand in the old tower. Rain beats on the roof, and the lamp is low. You look up. A bat "
    "hangs from the beam, and it looks back at you. You hold up the lamp, and the bat is gone.",
    "The door is open. The door is open. The door is open. The door is open. The door is open.",
    DRAGONS,
]
STEPS = 80
CHAT = (
    "{% for m in messages %}[{{ m['role'] }}]\n{{ m['content'] }}\n{% endfor %}"
    "{% if add_generation_prompt %}[assistant]\n{% endif %}"
)


def train(folder: Path) -> Path:
    """Make one in `folder`: config, tokenizer with a chat template, safetensors."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    # On busy cores, the threads of so small a model only wait for each other.
    torch.set_num_threads(1)
    make(folder, SHAPE)
    make_tokenizer(folder, SHAPE, "\n".join(LESSONS[:3]))
    about = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps({**about, "chat_template": CHAT}))
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3)
    lessons = [torch.tensor([tokenizer.encode(lesson)]) for lesson in LESSONS]
    for _ in range(STEPS):
        optimizer.zero_grad()
        for lesson in lessons:
            model(input_ids=lesson, labels=lesson).loss.backward()
        optimizer.step()
    model.eval().save_pretrained(folder)
    return folder


def greedy(folder: Path, prompt: str, tokens: int, **options: object) -> str:
    """What plain `generate` says after `prompt`: the reference for every engine."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    ids = torch.tensor([tokenizer.encode(prompt)])
    model = AutoModelForCausalLM.from_pretrained(folder)
    told = model.generate(ids, max_new_tokens=tokens, do_sample=False, **options)
    return tokenizer.decode(told[0, ids.shape[1] :], clean_up_tokenization_spaces=False)
