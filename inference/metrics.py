"""The metrics of a worker for Prometheus. Which process serves them is the host's choice."""

from prometheus_client import Counter, Gauge, Histogram

STEPS = Counter("grue_engine_steps", "Engine steps that brought text.", ["narrator"])
BATCH = Histogram(
    "grue_engine_batch_size",
    "Turns that one step brought text for.",
    ["narrator"],
    buckets=(1, 2, 4, 8, 12, 16, 24, 32, 48, 64, 96, 128),
)
SLOTS = Gauge("grue_worker_slots", "Turns that this worker can run at once.", ["narrator"])
RUNNING = Gauge("grue_worker_telling", "Turns that this worker runs now.", ["narrator"])
MEMORY = Gauge("grue_engine_memory_bytes", "Resident memory of the engine's process.", ["narrator"])
ATTEMPTS = Counter("grue_attempts", "Attempts of turns that were started.", ["narrator"])
LEASES_LOST = Counter(
    "grue_leases_lost",
    "Leases lost: the turn was stopped, or has another worker.",
    ["narrator"],
)
RETRIED = Counter(
    "grue_replies_retold", "Automatic retries of replies, by fault.", ["narrator", "why"]
)
DEATHS = Counter("grue_engine_deaths", "Engines that died.", ["narrator"])
REQUEUED = Counter("grue_turns_handed_on", "Turns requeued for another worker.", ["narrator"])
PROMPT_TOKENS = Counter("grue_prompt_tokens", "Tokens of all prompts.", ["narrator"])
# What an engine with a prefix cache need not read again. Most engines do not report it, so it is
# what the prompt shares with the story's last one.
PROMPT_TOKENS_SHARED = Counter(
    "grue_prompt_tokens_known",
    "Tokens at a prompt's front that were in the story's last prompt here, too.",
    ["narrator"],
)
PROMPT_TOKENS_CACHED = Counter(
    "grue_prompt_tokens_cached",
    "Tokens of prompts that the engine found in its cache, from engines that report it (llama).",
    ["narrator"],
)
READ_AHEADS = Counter(
    "grue_read_aheads",
    "Prefills of next prompts while no turn waited: started, finished, dropped.",
    ["narrator", "what"],
)
BACKGROUND = Counter(
    "grue_background_jobs", "Jobs done while no turn waited, by kind.", ["narrator", "kind"]
)
