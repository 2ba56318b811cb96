"""Training narrators on players' adventures, with their owners' consent.

consent        whether an owner allows training on an adventure
anonymisation  removes names and e-mail addresses from a text
corpus         writes adventures with consent as files of a corpus
runs           a training run from its start in the admin to its end
tasks          Celery tasks of the queue "finetune"
"""
