"""The metrics of a worker for Prometheus. Which process serves them is the host's choice."""

from prometheus_client import Counter, Gauge, Histogram

STEPS = Counter("grue_engine_steps", "Steps that brought words.", ["narrator"])
BATCH = Histogram(
    "grue_engine_batch_size",
    "Turns that one step brought words for.",
    ["narrator"],
    buckets=(1, 2, 4, 8, 12, 16, 24, 32, 48, 64, 96, 128),
)
SLOTS = Gauge("grue_worker_slots", "Turns that this worker can tell at once.", ["narrator"])
RUNNING = Gauge("grue_worker_telling", "Turns that this worker tells now.", ["narrator"])
MEMORY = Gauge("grue_engine_memory_bytes", "What the engine's process holds.", ["narrator"])
ATTEMPTS = Counter("grue_attempts", "Attempts to tell a turn that were begun.", ["narrator"])
LEASES_LOST = Counter(
    "grue_leases_lost", "Turns taken from this worker: stopped, or given to another.", ["narrator"]
)
RETRIED = Counter("grue_replies_retold", "Replies told again unseen, by why.", ["narrator", "why"])
DEATHS = Counter("grue_engine_deaths", "Engines that died.", ["narrator"])
REQUEUED = Counter("grue_turns_handed_on", "Turns left to another worker.", ["narrator"])
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
    "Tokens of prompts that the engine found in its cache, by engines that say so (llama).",
    ["narrator"],
)
READ_AHEADS = Counter(
    "grue_read_aheads",
    "Beginnings of next prompts that were read while nobody waited: started, finished, dropped.",
    ["narrator", "what"],
)
BACKGROUND = Counter(
    "grue_background_jobs", "What was told when no turn waited, by kind.", ["narrator", "kind"]
)
