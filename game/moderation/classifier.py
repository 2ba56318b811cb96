"""The host's own function that looks at texts beside the rules.

`CLASSIFIER=package.module.function` names it: it gets a text, the place where the text stands
(`input`, `output` or `publish`) and the audience of the story, and returns a list of
`inference.contract.screening.Finding`. It is called in the process that takes the text, once for
each, and has to be quick. It gets replies when they are complete: it can put those in the queue.
"""

import logging
from collections.abc import Callable, Sequence
from functools import lru_cache

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from inference.contract.screening import Finding

logger = logging.getLogger(__name__)

Classifier = Callable[[str, str, str], Sequence[Finding]]


def classify(text: str, where: str, audience: str) -> list[Finding]:
    """What the host's classifier finds; nothing where there is none, or where it fails."""
    if not settings.CLASSIFIER:
        return []
    look = load(settings.CLASSIFIER)
    try:
        return list(look(text, where, audience))
    except Exception as problem:  # it is the host's: whatever it raises, the rules have spoken
        logger.error("the classifier failed: %s", type(problem).__name__)
        return []


@lru_cache(maxsize=4)
def load(path: str) -> Classifier:
    try:
        found = import_string(path)
    except ImportError as problem:
        raise ImproperlyConfigured(f"CLASSIFIER: {problem}") from None
    if not callable(found):
        raise ImproperlyConfigured(f"CLASSIFIER: {path} is no function")
    return found  # type: ignore[no-any-return]
