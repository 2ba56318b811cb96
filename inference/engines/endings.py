"""Tokens that end a reply."""

# Each of these ends a reply, whichever of them the model's file names: instruct models also end
# with <|endoftext|>, or go on with a message of the user.
ENDS = (
    "<|endoftext|>",
    "<|im_end|>",
    "<|im_start|>",
    "</s>",
    "<|eot_id|>",
    "<|end_of_text|>",
    "<|start_header_id|>",
)
