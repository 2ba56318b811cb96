"""A narrator of one's own: from adventures in text files to a model. docs/finetuning.md.

corpus      the shape of the files, read
split       which adventures are held out
likeness    which adventures are nearly the same
rules       what is wrong with an adventure, as far as a program can see it
prepare     samples for training, through the prompts that serve

All of it is pure: no Django, no torch, and files only where a function says so.
"""
