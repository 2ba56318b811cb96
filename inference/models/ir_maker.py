"""Run by inference/models/export.py in the environment of its lock; imports nothing of ours.

`python ir_maker.py CHECKPOINT FOLDER WEIGHTS REFERENCE`: writes the IR with its tokenizer, and a
file REFERENCE beside it with what the checkpoint itself says greedily after a prompt.
"""

import json
import sys
from pathlib import Path

PROMPTS = (
    "You open the door and look around. The room is",
    "A, B, C, D, E, F, G,",
    "You open the door. You open the door. You open the",
    "Once upon a time, there",
    "The sun rises in the east and sets in the",
)
TOKENS = 16
# How far ahead of the next one a token must be, in nats: what int8 and another processor round may
# move it by some tenths.
MARGIN = 1.0


def main() -> None:
    """Export the checkpoint to OpenVINO's format, and write a reference text beside it."""
    checkpoint, folder, weights, reference = sys.argv[1:]
    from optimum.commands import optimum_cli  # noqa: PLC0415  heavy, and only here

    sys.argv = ["optimum-cli", "export", "openvino", "--task", "text-generation-with-past"]
    sys.argv += ["--weight-format", weights, "--model", checkpoint, folder]
    optimum_cli.main()
    prompt, text = surest(checkpoint)
    if text:
        (Path(folder) / reference).write_text(
            json.dumps({"prompt": prompt, "text": text}), encoding="utf-8"
        )


def surest(checkpoint: str) -> tuple[str, str]:
    """The prompt after which the checkpoint is sure for longest, and the words it is sure of."""
    import torch  # noqa: PLC0415
    from transformers import AutoModelForCausalLM, AutoTokenizer  # noqa: PLC0415

    tokenizer = AutoTokenizer.from_pretrained(checkpoint, local_files_only=True)
    model = AutoModelForCausalLM.from_pretrained(
        checkpoint, local_files_only=True, use_safetensors=True, dtype=torch.float32
    )
    best = (PROMPTS[0], "")
    longest = 0
    for prompt in PROMPTS:
        ids = torch.tensor([tokenizer.encode(prompt, add_special_tokens=False)])
        told = model.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            max_new_tokens=TOKENS,
            do_sample=False,
            output_logits=True,
            return_dict_in_generate=True,
        )
        first, second = torch.cat(told.logits).topk(2).values.T
        unsure = (first - second < MARGIN).nonzero().flatten()
        sure = int(unsure[0]) if len(unsure) else len(first)
        if sure > longest:
            words = told.sequences[0, ids.shape[1] : ids.shape[1] + sure]
            best = (prompt, tokenizer.decode(words, skip_special_tokens=True))
            longest = sure
    return best


if __name__ == "__main__":
    main()
