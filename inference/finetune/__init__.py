"""A narrator of one's own: from adventures in text files to a model. docs/finetuning.md.

corpus      the shape of the files, read
split       which adventures are held out
likeness    which adventures are nearly the same
rules       what is wrong with an adventure, as far as a program can see it
prepare     samples for training, through the prompts that serve

These are pure: no Django, no torch, and files only where a function says so. What follows reads and
writes files, and wants torch where it is called:

recipe      what params.yaml says
base        the model that learns
training    rows, loss, checkpoints, progress
outcome     what a training made, as a narrator
report      how good it is, beside the base
export      what a host needs, with a card
stages      these as dvc.yaml has them
trouble     what can go wrong, each in one line
"""
