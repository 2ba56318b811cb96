"""Narrators that learn: whose adventures they may learn from, and trainings of the admin.

consent     an owner's word for an adventure, given and taken back
anonymous   a text without names and addresses
collecting  adventures with consent, as files of a corpus
runs        a training from its start in the admin to its end
tasks       the queue "finetune"
"""
