"""GPT-2s with random weights in a checkpoint's folder: as fast as real ones, and nothing to fetch.

`python -m inference.lab.shapes FOLDER 124M` makes one; it wants the torch environment.
"""

import argparse
import json
from pathlib import Path
from typing import Any, NamedTuple


class Shape(NamedTuple):
    """How large a GPT-2 is. The published ones have 50,257 tokens and 1,024 positions."""

    layers: int
    heads: int
    width: int
    vocabulary: int = 50_257
    positions: int = 1024


SHAPES = {
    "124M": Shape(12, 12, 768),
    "355M": Shape(24, 16, 1024),
    "774M": Shape(36, 20, 1280),
    "1.5B": Shape(48, 25, 1600),
}
END = "<|endoftext|>"
# What the tokenizer's merges are learned of.
WORDS = (
    "You follow the river down through the reeds until the old mill comes into view. The miller "
    "counts the sacks twice and says that one of them was not there before. Far away a bell rings, "
    "and the crows rise from the field all at once. You open the door of the tower and look up."
)


def make(folder: Path, shape: Shape, seed: int = 0, words_only: bool = False) -> None:
    """Write config, tokenizer and safetensors. The weights are those that training begins with."""
    import torch  # noqa: PLC0415  this module is imported where torch may not be
    import transformers  # noqa: PLC0415

    folder.mkdir(parents=True, exist_ok=True)
    end = make_tokenizer(folder, shape)
    config = transformers.GPT2Config(
        n_layer=shape.layers,
        n_head=shape.heads,
        n_embd=shape.width,
        n_positions=shape.positions,
        vocab_size=shape.vocabulary,
        bos_token_id=end,
        eos_token_id=end,
    )
    torch.manual_seed(seed)
    model = transformers.GPT2LMHeadModel(config)
    if words_only:
        say_words_only(model, folder)
    model.save_pretrained(folder)


def say_words_only(model: Any, folder: Path) -> None:
    """Leave the model nothing to say but whole words of WORDS, one token each.

    What random weights say else is half characters and names of no word, and becomes other tokens,
    and many more, when it is read again as part of the story. Costs no speed and no training.
    """
    import torch  # noqa: PLC0415
    from tokenizers import Tokenizer  # noqa: PLC0415

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    split = [tokenizer.encode(f" {word}").ids for word in WORDS.split() if word.isalpha()]
    words = [ids[0] for ids in split if len(ids) == 1]
    with torch.no_grad():
        embedding = model.transformer.wte.weight  # shared with the output
        embedding[:, 0] = -1
        embedding[words, 0] = 1
        model.transformer.ln_f.bias[0] = 20


def make_tokenizer(folder: Path, shape: Shape, text: str = WORDS) -> int:
    """Write a tokenizer of GPT-2's kind, filled up to the vocabulary's size; the end's number."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers  # noqa: PLC0415  # noqa: PLC0415

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=shape.vocabulary - 1,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator([text], trainer)
    missing = shape.vocabulary - 1 - tokenizer.get_vocab_size()
    learned = json.loads(tokenizer.to_str())
    vocabulary = learned["model"]["vocab"]
    # Names that no text is split into, so that every number stands for some word.
    vocabulary |= {f"Ġword{number}": len(vocabulary) + number for number in range(missing)}
    tokenizer = Tokenizer.from_str(json.dumps(learned))
    tokenizer.add_special_tokens([AddedToken(END, special=True)])
    tokenizer.save(str(folder / "tokenizer.json"))
    about = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": END,
        "eos_token": END,
        "unk_token": END,
        "model_max_length": shape.positions,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(about, indent=2) + "\n")
    return int(tokenizer.token_to_id(END))


def main() -> None:
    """Command line: write a checkpoint with random weights."""
    parser = argparse.ArgumentParser(description="Makes a GPT-2 with random weights.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("shape", choices=SHAPES)
    given = parser.parse_args()
    make(given.folder, SHAPES[given.shape], words_only=True)


if __name__ == "__main__":
    main()
