"""How models say that their answer is over."""

# A model that says one of these has ended its answer, whichever of them its file calls the end:
# instruct models also end with <|endoftext|>, or go on to play the user.
ENDS = (
    "<|endoftext|>",
    "<|im_end|>",
    "<|im_start|>",
    "</s>",
    "<|eot_id|>",
    "<|end_of_text|>",
    "<|start_header_id|>",
)
