"""How good a training was: held-out loss and the table of `evaluate`, beside the base."""
