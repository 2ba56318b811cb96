"""The process that runs narrators: takes turns, has an engine generate replies, logs them.

tasks               Celery's side: start, end, and results on their way to the game
pool/               the narrators of the process
narrator_worker     one narrator: owns all of the following
engine_supervisor   starts its engine, and another one when that dies
warm_up             tries an engine before it gets turns
turn_taker          takes turns from the queue while slots are free
turn_runner         runs a turn to its end, with automatic retries
retry_reply         what is changed for a retry
running_replies     the replies in progress
reply               one of them
step_writer         writes the engine's texts to the logs
lease_keeper        renews leases
idle/               what it does while no turn waits
summaries           the texts of summaries
prefix_stats        estimates how much of a prompt was read before
runtime_tuning      Python's settings for many threads
"""
