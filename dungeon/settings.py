"""Every setting of Grue, read once from the environment, then passed on.

PROTOCOL.md lists the variables; a wrong one stops start-up with a line that names it.
"""

import logging
from pathlib import Path
from typing import Any

import dj_database_url
from csp.constants import NONE, SELF

from dungeon import environment, secrets
from inference.config import InferenceConfig

BASE_DIR = Path(__file__).resolve().parent.parent

DEBUG = environment.boolean("DEBUG", False)
HOST = environment.text("HOST", "127.0.0.1")
PORT = environment.whole("PORT", 8000, 1, 65535)
DATA_DIR = environment.path("DATA_DIR", BASE_DIR / "var")
MODELS_DIR = environment.path("MODELS_DIR", DATA_DIR / "models")
NARRATORS_FILE = environment.path("NARRATORS_FILE", BASE_DIR / "narrators.yaml")
MAX_WAIT_SECONDS = environment.whole("MAX_WAIT_SECONDS", 300, 1, 86400)
LOG_LEVEL = environment.one_of(
    "LOG_LEVEL", "INFO", ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]
)
DATABASE_URL = environment.url(
    "DATABASE_URL",
    "postgres://postgres@127.0.0.1:5432/grue",
    ("postgres", "postgresql"),
    "postgres://user:password@host:5432/grue",
)
REDIS_URL = environment.url(
    "REDIS_URL", "redis://127.0.0.1:6379/0", ("redis", "rediss", "unix"), "redis://host:6379/0"
)
SECRET_KEY = environment.text("SECRET_KEY") or secrets.kept_in(DATA_DIR / "secret_key")

ALLOWED_HOSTS = environment.words("ALLOWED_HOSTS") or ["127.0.0.1", "localhost", "[::1]", HOST]
CSRF_TRUSTED_ORIGINS = environment.words("CSRF_TRUSTED_ORIGINS")

# What a player may have under way at once, over all adventures.
TURNS_PER_PLAYER = 2

INFERENCE = InferenceConfig(
    redis_url=REDIS_URL, narrators_file=NARRATORS_FILE, models_dir=MODELS_DIR
)

INSTALLED_APPS = [
    "daphne",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "game",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "dungeon.urls"
ASGI_APPLICATION = "dungeon.asgi.application"
TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

DATABASES = {
    "default": {
        **dj_database_url.parse(DATABASE_URL, conn_max_age=600, conn_health_checks=True),
        "OPTIONS": {"connect_timeout": 5},
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "game.Player"
LOGIN_URL = "/admin/login/"
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"

STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = True
WHITENOISE_MAX_AGE = 60

SESSION_COOKIE_AGE = 60 * 60 * 24 * 365
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "data:"],
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}

CELERY_BROKER_URL = REDIS_URL

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
}
logging.captureWarnings(True)
