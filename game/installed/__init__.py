"""Narrators that the operator installs from the page.

registry      which are installed, as the database says
publishing    what workers are told of them, and the results of their jobs
installation  the operator's actions: install, connect, retry, remove

Postgres has the narrators. Workers have no access to it: their desired state is published to Redis
after each change and by every sweep (inference.queue.installs), and job results come back as tasks.
Each new job raises a row's `attempt`, so results of older jobs are ignored.
"""
