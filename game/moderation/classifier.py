"""The host's own function that checks texts beside the rules.

`CLASSIFIER=package.module.function` names it. It gets a text, its place (`input`, `output` or
`publish`) and the audience of the story, and returns a list of
`inference.contract.screening.Finding`. It is called once per text in the process that stores it,
and has to be fast. It gets replies when they are complete, so it can queue but not block them.
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
    """The findings of the host's classifier; none without one, or if it fails."""
    if not settings.CLASSIFIER:
        return []
    classifier = load_classifier(settings.CLASSIFIER)
    try:
        return list(classifier(text, where, audience))
    except Exception as problem:  # the host's function may raise anything; the rules still apply
        logger.error("the classifier failed: %s", type(problem).__name__)
        return []


@lru_cache(maxsize=4)
def load_classifier(path: str) -> Classifier:
    """Import the classifier. Raises ImproperlyConfigured."""
    try:
        found = import_string(path)
    except ImportError as problem:
        raise ImproperlyConfigured(f"CLASSIFIER: {problem}") from None
    if not callable(found):
        raise ImproperlyConfigured(f"CLASSIFIER: {path} is no function")
    return found  # type: ignore[no-any-return]
