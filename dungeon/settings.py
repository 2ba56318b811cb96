"""Every setting of Grue, read once from the environment, then passed on.

README.md lists the variables; a wrong one stops start-up with a line that names it.
"""

import logging
from datetime import timedelta
from pathlib import Path
from typing import Any

import dj_database_url
from csp.constants import NONE, SELF

from dungeon import email, environment, languages, logs, network, secrets, services, tracing
from inference.config import InferenceConfig
from inference.queue import keys

BASE_DIR = Path(__file__).resolve().parent.parent

secrets.load_mounted()

DEBUG = environment.boolean("DEBUG", False)
HOST = environment.host("HOST", "127.0.0.1")
PORT = environment.whole_number("PORT", 8000, 1, 65535)
# In a container HOST is the container's own; this is where its engine publishes PORT.
PUBLISHED_HOST = environment.host("PUBLISHED_HOST", HOST)
DATA_DIR = environment.folder("DATA_DIR", BASE_DIR / "var")
MODELS_DIR = environment.folder("MODELS_DIR", DATA_DIR / "models")
NARRATORS_FILE = environment.file("NARRATORS_FILE", BASE_DIR / "narrators.yaml")
# The narrator that tells where a player chose none, by its name; the file says where this is empty.
NARRATOR = environment.text("NARRATOR")
MAX_WAIT_SECONDS = environment.whole_number("MAX_WAIT_SECONDS", 300, 1, 86400)
LOG_LEVEL = environment.one_of(
    "LOG_LEVEL", "INFO", ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]
)
# Where nobody names servers, the ones that `make play` starts.
DATABASE_URL = environment.address(
    "DATABASE_URL",
    services.database_url(DATA_DIR),
    ("postgres", "postgresql"),
    lambda url: len(url.path) > 1,
    "postgres://user:password@host:5432/grue",
)
REDIS_URL = environment.address(
    "REDIS_URL",
    services.redis_url(DATA_DIR),
    ("redis", "rediss", "unix"),
    lambda url: bool(url.path if url.scheme == "unix" else url.hostname),
    "redis://:password@host:6379/0",
)
SECRET_KEY = environment.secret(
    "SECRET_KEY", lambda: secrets.stored_secret(DATA_DIR / "secret_key"), least=32
)

# By which names and from which pages browsers may come. Listening on every address of the machine
# (HOST=0.0.0.0) means being reached by each of them. A page served by us is let in by Django's CSRF
# check without being named. What browsers see when a proxy stands before us is PUBLIC_URL, and that
# one line is enough: PUBLIC_URL=https://home.example/grue/. CSRF_TRUSTED_ORIGINS is for others.
_public_origin, BASE_PATH = environment.public_url("PUBLIC_URL")
PUBLIC_URL = _public_origin + BASE_PATH
CSRF_TRUSTED_ORIGINS = [_public_origin] if _public_origin else []
CSRF_TRUSTED_ORIGINS += environment.origins("CSRF_TRUSTED_ORIGINS")
FORCE_SCRIPT_NAME = BASE_PATH or None  # before every address that we make
_reachable = [*network.reachable_as(HOST), *network.reachable_as(PUBLISHED_HOST)]
_names = [network.in_url(name) for name in dict.fromkeys(_reachable)]
_named = environment.host_names("ALLOWED_HOSTS")
_names += _named
ALLOWED_HOSTS = [*_names, *(network.host_of(origin) for origin in CSRF_TRUSTED_ORIGINS)]
# For the socket's OriginValidator. "*" allows any name for a Host header, never any page.
ALLOWED_ORIGINS = [network.origin(name, PORT) for name in _names if name != "*"]
ALLOWED_ORIGINS += CSRF_TRUSTED_ORIGINS
# Published everywhere: any private address in a Host header is let in, since a container cannot
# know those of its host, and a laptop's change (dungeon.hosts). Names must be listed.
PRIVATE_ADDRESSES_ALLOWED = PUBLISHED_HOST in network.EVERY
# The origin that links are printed with.
_shown = network.shown_host(PUBLISHED_HOST, _named if environment.text("PUBLISHED_HOST") else None)
PUBLIC_ORIGIN = next(iter(CSRF_TRUSTED_ORIGINS), network.origin(network.in_url(_shown), PORT))
# An https origin means that a proxy ends TLS before us and says so in this header. Without a proxy
# a client could claim it, and would get cookies that its own plain http page then cannot use.
if any(origin.startswith("https://") for origin in CSRF_TRUSTED_ORIGINS):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

# Who may play: `open` is guests and whoever signs up, `invite` is who has an account or an invite,
# `single` makes everybody who reaches this host its one player, the operator in the end.
ACCOUNTS = environment.one_of("ACCOUNTS", "open", ["open", "invite", "single"])
# Where mail goes out. Without it no e-mail address is asked for.
_mail = environment.read("EMAIL_URL", email.NOWHERE, email.parse, email.WANTS, secret=True)
EMAIL_URL = bool(_mail)
# Proxies before us that say in X-Forwarded-For who asks. An address that a client only claims must
# not count: with it nobody would ever be too many.
TRUSTED_PROXIES = environment.whole_number(
    "TRUSTED_PROXIES",
    int(bool(PUBLIC_URL) or any(each.startswith("https://") for each in CSRF_TRUSTED_ORIGINS)),
    0,
    10,
)
# With ACCOUNTS=single, a browser on this very machine is the operator's. Behind a proxy and in a
# container that is not to be seen, and the operator types the code that the terminal prints.
LOOPBACK_OPERATOR = environment.boolean(
    "LOOPBACK_OPERATOR",
    not (
        TRUSTED_PROXIES
        or CSRF_TRUSTED_ORIGINS
        or environment.text("ALLOWED_HOSTS")
        or network.in_container()
    ),
)
# Where strangers may sign up, those who run the place prove with an app that it is them.
STAFF_NEED_TOTP = ACCOUNTS == "open" and bool(
    not network.is_loopback(HOST) or CSRF_TRUSTED_ORIGINS or environment.text("ALLOWED_HOSTS")
)

# Figures for Prometheus. Whoever reads /metrics has this token, or asks from a private network.
METRICS_TOKEN = environment.secret("METRICS_TOKEN", lambda: "", least=16)
# Where workers serve theirs, on HOST; 0 is nowhere.
METRICS_PORT = environment.whole_number("METRICS_PORT", 0, 0, 65535)
LOG_FORMAT = environment.one_of("LOG_FORMAT", "TEXT", ["TEXT", "JSON"]).lower()

# What a player may have under way at once, over all adventures.
TURNS_PER_PLAYER = environment.whole_number("TURNS_PER_PLAYER", 2, 1, 1000)
# Windows that a player may have open at once, over all adventures; of more, the oldest close.
MAX_ADVENTURE_MB = environment.whole_number("MAX_ADVENTURE_MB", 32, 1, 10_000)
WINDOWS_PER_PLAYER = environment.whole_number("WINDOWS_PER_PLAYER", 5, 1, 1000)
# A turn goes on when nobody watches any more. A host who pays for each word may have it stopped
# after so many seconds without a window; 0 is never.
STOP_WHEN_AWAY_SECONDS = environment.whole_number("STOP_WHEN_AWAY_SECONDS", 0, 0, 86400)

# Actions are taken also while no worker of their narrator runs: where workers come when turns wait.
NARRATORS_ON_DEMAND = environment.boolean("NARRATORS_ON_DEMAND", False)

# What the models that one worker has loaded may hold together, in MiB; 0 is all there is.
MODEL_MEMORY_MB = environment.whole_number("MODEL_MEMORY_MB", 0, 0, 1 << 30)
# What turns under way have left when a worker is asked to go (SIGTERM); then another worker goes on
# with them. To stay 10 s below what ends the worker by force.
DRAIN_SECONDS = environment.whole_number("DRAIN_SECONDS", 20, 0, 86400)
# Whether idle workers read what next prompts begin with while players read and type.
READ_AHEAD = environment.boolean("READ_AHEAD", True)

# What texts are held against: a file of rules, `shipped` for the one that comes with Grue, `none`.
# Where nobody comes but whoever sits here, or there is a single player, there are none unless they
# are asked for.
_alone = ACCOUNTS == "single" or not (
    not network.is_loopback(HOST) or CSRF_TRUSTED_ORIGINS or environment.text("ALLOWED_HOSTS")
)
RULES_FILE = environment.rules_file(
    "RULES_FILE",
    BASE_DIR / "game" / "moderation" / "rules.yaml",
    "none" if _alone else "shipped",
)
# A function that looks at texts beside the rules, as `package.module.name`: docs/moderation.md.
CLASSIFIER = environment.text("CLASSIFIER")

CELERY_INFERENCE = INFERENCE = InferenceConfig(
    redis_url=REDIS_URL,
    narrators_file=NARRATORS_FILE,
    narrator=NARRATOR,
    models_dir=MODELS_DIR,
    memory_mb=MODEL_MEMORY_MB,
    drain_seconds=DRAIN_SECONDS,
    secret=SECRET_KEY,
    read_ahead=READ_AHEAD,
)

INSTALLED_APPS = [
    "daphne",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "axes",
    "game",
    "dungeon",  # for its commands
]
MIDDLEWARE = [
    "dungeon.requests.RequestNameMiddleware",
    "dungeon.requests.ProbeMiddleware",
    "dungeon.origins.ProxyHintsMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "dungeon.https.HttpsMiddleware",
    # Pages, scripts and styles shrink to a third. The one secret in a page, its CSRF token, is
    # masked anew in each answer, so that lengths tell nothing of it.
    "django.middleware.gzip.GZipMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "dungeon.requests.BodyLimitMiddleware",
    "game.accounts.access.AccessMiddleware",
    "game.disk_space.FullDiskMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "axes.middleware.AxesMiddleware",
    "game.refusals.RefusalMiddleware",
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
                "django.template.context_processors.i18n",
                "dungeon.languages.words",
                "game.accounts.access.access_context",
                "game.addresses.for_pages",
                "game.tastes.views.looks",
                "game.offline.views.player_tag",
                "game.moderation.pages.moderation_context",
            ]
        },
    }
]

_database = dj_database_url.parse(DATABASE_URL, conn_max_age=600, conn_health_checks=True)
_database["OPTIONS"] = {"connect_timeout": 5, **_database.get("OPTIONS", {})}
DATABASES = {"default": _database}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "game.Player"

# Counts of who did what how often. See dungeon.cache for what happens while Redis is away.
CACHES = {
    "default": {
        "BACKEND": "dungeon.cache.ForgivingCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": keys.CACHE,
        "OPTIONS": {
            "serializer": "dungeon.cache.JsonSerializer",
            "socket_timeout": 1,
            "socket_connect_timeout": 1,
        },
    }
}
# An action, and how often it may be done: per address (ip) or player (user), in a minute (m), an
# hour (h), a day (d). Households and schools share an address.
LIMITS = {
    "guest": "20/m/ip,300/d/ip",
    "begin": "60/m/ip,20/m/user",
    "report": "20/h/ip,10/h/user",
    "export": "60/m/ip,30/m/user",
    "import": "30/m/ip,300/d/ip,10/m/user",
    "data": "10/h/user",
    "operator_code": "10/m/ip,60/h/ip",
    "edit": "30/m/user",
    "narrators": "30/m/user",
    "search": "60/m/user,120/m/ip",
    # Codes of invites: a guess a second from one home would take a century.
    "join": "10/m/ip,60/h/ip,30/h/user",
    "invite": "30/h/user",
}

# What a request may bring, in bytes, by the name of the route; the server refuses more before it is
# read (dungeon.http_limits). Most bring a form of a few texts, percent-encoded, in any script.
BODY_LIMIT = 256 * 1024
BODY_LIMITS = {
    "import_cards": 2 * 1024 * 1024 + 64 * 1024,  # the file, and the form around it
    "import_scenario": 4 * 1024 * 1024 + 64 * 1024,
    "import_files": 32 * 1024 * 1024 + 64 * 1024,  # game.imports.importing.LARGEST
    **dict.fromkeys(
        ("new_scenario", "edit_scenario", "admin:game_scenario_add", "admin:game_scenario_change"),
        4 * 1024 * 1024,  # two hundred cards
    ),
}
# A card has twenty fields in the form of a scenario.
DATA_UPLOAD_MAX_NUMBER_FIELDS = 6_000
# Django's own bound, in memory. The one above is met first.
DATA_UPLOAD_MAX_MEMORY_SIZE = max(BODY_LIMITS.values())

# Accounts: django-allauth, with a second factor by app (allauth.mfa).
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "home"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "game.accounts.backend.OneLook",
    "django.contrib.auth.backends.ModelBackend",  # guests' sessions name it
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
    )
]
ACCOUNT_ADAPTER = "game.accounts.adapter.AccountAdapter"
ACCOUNT_FORMS = {
    "login": "game.accounts.forms.LogIn",
    "signup": "game.accounts.forms.SignUp",
    "add_email": "game.accounts.forms.AddEmail",
    "change_password": "game.accounts.forms.ChangePassword",
    "reauthenticate": "game.accounts.forms.Reauthenticate",
    "reset_password": "game.accounts.forms.ResetPassword",
    "reset_password_from_key": "game.accounts.forms.ResetPasswordKey",
}
MFA_FORMS = {
    "authenticate": "game.accounts.forms.AppCode",
    "reauthenticate": "game.accounts.forms.AppReauthenticate",
    "activate_totp": "game.accounts.forms.AddApp",
}
ACCOUNT_LOGIN_METHODS = {"username", "email"} if EMAIL_URL else {"username"}
ACCOUNT_SIGNUP_FIELDS = [
    "username*",
    *(["email*"] if EMAIL_URL else []),
    "password1*",
    "password2*",
]
ACCOUNT_EMAIL_VERIFICATION = "mandatory" if EMAIL_URL else "none"
# A code is typed in the window where one signs up; a link may open in another browser.
ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED = EMAIL_URL
ACCOUNT_EMAIL_VERIFICATION_SUPPORTS_CHANGE = True
ACCOUNT_EMAIL_VERIFICATION_SUPPORTS_RESEND = True
ACCOUNT_EMAIL_NOTIFICATIONS = EMAIL_URL
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False  # or strangers could have mail sent to anybody
ACCOUNT_CHANGE_EMAIL = True
ACCOUNT_USERNAME_VALIDATORS = "game.accounts.names.validators"
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_AUTHENTICATED_LOGIN_REDIRECTS = False  # game.accounts.views does it, but for guests
# By address alone: a limit by name would let anybody keep anybody out. Browsers in which an account
# was logged in to before are counted by themselves (game.accounts.known_browsers). "login_failed",
# which counts by name, remains for the codes of authenticator apps: they come after the password.
ACCOUNT_RATE_LIMITS = {
    "signup": "10/m/ip,60/d/ip",
    "login": None,
    "login_page": "30/m/ip",
    "password": "10/m/ip,100/h/ip",
}
ALLAUTH_TRUSTED_PROXY_COUNT = TRUSTED_PROXIES
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_TOTP_ISSUER = "Grue"
MFA_ALLOW_UNVERIFIED_EMAIL = True  # an address counts only once its code was typed
# A name at an address is shut out after so many wrong passwords.
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_LOCKOUT_CALLABLE = "game.accounts.limits.locked_out"
AXES_CLIENT_IP_CALLABLE = "game.accounts.limits.home_of"
AXES_USERNAME_CALLABLE = "game.accounts.known_browsers.counted_name"
AXES_WHITELIST_CALLABLE = "game.accounts.known_browsers.never_locked"
AXES_RESET_ON_SUCCESS = True
AXES_DISABLE_ACCESS_LOG = True
AXES_VERBOSE = False

EMAIL_BACKEND = f"django.core.mail.backends.{'smtp' if EMAIL_URL else 'dummy'}.EmailBackend"
EMAIL_TIMEOUT = email.SECONDS
globals().update(_mail)

USE_TZ = True
TIME_ZONE = "UTC"

# English, and what there is a translation for: the host's own in DATA_DIR/locale, then ours.
LANGUAGE_CODE = "en"
LOCALE_PATHS = [DATA_DIR / "locale", BASE_DIR / "locale"]
LANGUAGES = languages.spoken(LOCALE_PATHS)
LANGUAGE_COOKIE_AGE = 60 * 60 * 24 * 365
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SAMESITE = "Lax"

STATIC_URL = f"{BASE_PATH}/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = True
WHITENOISE_MAX_AGE = 60

# Below a path, cookies are for that path alone, and have names that nothing else on the host has.
SESSION_COOKIE_PATH = CSRF_COOKIE_PATH = LANGUAGE_COOKIE_PATH = f"{BASE_PATH}/"
if BASE_PATH:
    SESSION_COOKIE_NAME = "grue_sessionid"
    CSRF_COOKIE_NAME = "grue_csrftoken"
    LANGUAGE_COOKIE_NAME = "grue_language"
SESSION_COOKIE_AGE = 60 * 60 * 24 * 365
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "dungeon.origins.csrf_failure"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = None  # dungeon.https sends it, over https alone
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

# `check --deploy` would have these said for all requests; dungeon.https says them for those over
# https, since a host may be reached both ways (W004 HSTS, W008 redirect, W012 and W016 cookies).
# dungeon.environment looks at SECRET_KEY (W009), and stops the start.
SILENCED_SYSTEM_CHECKS = [f"security.W{number}" for number in ("004", "008", "009", "012", "016")]

CELERY_BROKER_URL = services.celery_url(REDIS_URL)

LOGGING = logs.logging_config(LOG_LEVEL, LOG_FORMAT)
logging.captureWarnings(True)
tracing.exit_on_problem()
