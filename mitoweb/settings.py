"""Settings. Every one that a lab may change is an environment variable, read here and nowhere else.

Two ways to run:
* Demo (no DATABASE_URL): own PostgreSQL under var/, demo accounts with random passwords, plain http on this machine.
* Installation (DATABASE_URL set): nothing is made up; what is missing or unsafe stops the start (mitoweb/checks.py).
Secrets may be given as NAME or as NAME_FILE, a file that holds the value.
"""

import os
import secrets
from datetime import timedelta
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from csp.constants import NONE, SELF, WASM_UNSAFE_EVAL
from django.core.exceptions import ImproperlyConfigured
from environs import Env, validate

BASE_DIR = Path(__file__).resolve().parent.parent
env = Env()


def at_least(least: float) -> validate.Range:
    return validate.Range(least, None)


def _read_secret(name: str, default: str = "") -> str:
    """The value of NAME, or what the file NAME_FILE holds."""
    path = env.str(f"{name}_FILE", "")
    if not path:
        return env.str(name, default)
    if env.str(name, ""):
        raise ImproperlyConfigured(f"{name} and {name}_FILE are both set: keep one.")
    try:
        return Path(path).read_text().strip()
    except OSError as error:
        raise ImproperlyConfigured(f"{name}_FILE: {path} cannot be read ({error.strerror}).") from None


try:
    VERSION = version("mitoweb")
except PackageNotFoundError:  # run from a checkout that was not installed
    VERSION = "0.1.0"

# Where things lie --------------------------------------------------------------------------------------------
VAR_DIR = Path(env.str("MITOWEB_VAR", str(BASE_DIR / "var"))).resolve()
SLIDES_ROOT = Path(env.str("MITOWEB_SLIDES", str(VAR_DIR / "slides")))  # content, one folder per slide
UPLOADS_ROOT = Path(env.str("MITOWEB_UPLOADS", str(VAR_DIR / "uploads")))  # part files; same filesystem as SLIDES_ROOT
SEALED_ROOT = Path(env.str("MITOWEB_SEALED", str(VAR_DIR / "sealed")))  # originals; same filesystem as SLIDES_ROOT
TILE_CACHE_ROOT = Path(env.str("MITOWEB_TILE_CACHE", str(VAR_DIR / "tiles")))
MODELS_ROOT = Path(env.str("MITOWEB_MODELS", str(VAR_DIR / "models")))  # weights beside those shipped
# Patches that trainings read and frames that the gate reads: cut from slides, and can be cut again.
DATA_SETS_ROOT = Path(env.str("MITOWEB_DATA_SETS", str(VAR_DIR / "data_sets")))
LOCKED_SETS_ROOT = Path(env.str("MITOWEB_LOCKED_SETS", str(VAR_DIR / "locked_sets")))
GATES_ROOT = Path(env.str("MITOWEB_GATES", str(VAR_DIR / "gates")))  # pictures of the gate's reports
# Checkpoints of training runs; one that is lost begins its run anew.
TRAINING_ROOT = Path(env.str("MITOWEB_TRAINING", str(VAR_DIR / "training")))
SHIPPED_MODELS = BASE_DIR / "analysis" / "weights"
DATA_DIR = Path(env.str("MITOWEB_DATA", str(BASE_DIR.parent / "shared" / "data")))  # real data for demo and tests

# Safety ------------------------------------------------------------------------------------------------------
DATABASE_URL = _read_secret("DATABASE_URL")
DEMO = not DATABASE_URL
DEBUG = env.bool("MITOWEB_DEBUG", False)


def _demo_secret_key() -> str:
    """Made by `manage.py up`, mode 0600; before that, a key that nobody knows and that is forgotten."""
    path = VAR_DIR / "secret-key"
    readable = os.access(path, os.R_OK)  # not so for another user's var/, which `up` says in one sentence
    return path.read_text().strip() if readable else secrets.token_urlsafe(50)


SECRET_KEY = _read_secret("SECRET_KEY") or (_demo_secret_key() if DEMO else "")
ALLOWED_HOSTS = env.list("MITOWEB_HOSTS", ["localhost", "127.0.0.1", "[::1]"] if DEMO else [])
CSRF_TRUSTED_ORIGINS = env.list("MITOWEB_ORIGINS", [])
HTTPS = env.bool("MITOWEB_HTTPS", not DEMO)
SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = env.int("MITOWEB_HSTS_SECONDS", 31_536_000 if HTTPS else 0, validate=at_least(0))
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
# How many proxies of ours stand in front; what forwarding headers say beyond them is not believed.
PROXIES = env.int("MITOWEB_PROXIES", 0, validate=validate.Range(0, 9))
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if PROXIES else None
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_NAME = "__Host-session" if HTTPS else "mitoweb-session"
CSRF_COOKIE_NAME = "__Host-csrf" if HTTPS else "mitoweb-csrf"
# A session ends after 30 minutes in which no person asked for anything (every tile and verdict counts, what an open
# page polls by itself does not), when the browser is closed, and after 12 hours, a long day of reading, in any case.
# Nothing is lost by it: verdicts are saved one by one, and after signing in again the same view opens.
SESSION_COOKIE_AGE = 60 * env.int("MITOWEB_IDLE_MINUTES", 30, validate=validate.Range(1, 720))
SESSION_LONGEST = timedelta(hours=12)
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        # hash-wasm hashes files of gigabytes piece by piece, which the browser's own digest cannot.
        "script-src": [SELF, WASM_UNSAFE_EVAL],
        "style-src": [SELF],
        "img-src": [SELF, "data:", "blob:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "worker-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
        "object-src": [NONE],
    }
}

# Applications ------------------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "mitoweb.site",  # these two come first: their templates and the user model win
    "mitoweb.people",
    "mitoweb.lib.jobs",
    "slides",
    "analysis",
    "frontend",
    "mitoweb.site.apps.AdministrationConfig",  # django.contrib.admin with our site
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.postgres",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "rest_framework",
    "knox",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_htmx",
    "django_q",
    "csp",
]
MIDDLEWARE = [
    "mitoweb.lib.logs.RequestIdMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "mitoweb.site.middleware.BodyLimitMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "mitoweb.people.middleware.SessionLifeMiddleware",
    "mitoweb.people.middleware.DenyByDefaultMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "mitoweb.site.middleware.CacheControlMiddleware",
]
ROOT_URLCONF = "mitoweb.urls"
WSGI_APPLICATION = "mitoweb.wsgi.application"
GUNICORN_CONF = BASE_DIR / "slides" / "web_server" / "gunicorn_conf.py"
PLAIN_WEB_SERVER = env.bool("MITOWEB_PLAIN_WEB_SERVER", False)  # do without slides/web_server
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "frontend" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "mitoweb.site.context.add_page_frame",
            ],
        },
    }
]

# Database, cache, queue --------------------------------------------------------------------------------------
if DEMO:
    from mitoweb.lib import embedded_db

    DATABASES = {"default": embedded_db.django_database(VAR_DIR)}
    DATABASE_OWNER = {"USER": embedded_db.NAME}
else:
    import dj_database_url

    def _read_database(name: str, address: str) -> dict:
        try:
            return dict(dj_database_url.parse(address))
        except ValueError:  # which may quote the address, and with it the password
            raise ImproperlyConfigured(f"{name} must be an address as postgres://role:password@host/name.") from None

    DATABASES = {"default": _read_database("DATABASE_URL", DATABASE_URL)}
    # As whom `migrate` and `restore` connect; the role of DATABASE_URL then needs no rights but to log in.
    _owner = _read_secret("DATABASE_OWNER_URL")
    _owner_facts = _read_database("DATABASE_OWNER_URL", _owner) if _owner else {}
    DATABASE_OWNER = {key: _owner_facts[key] for key in ("USER", "PASSWORD") if _owner}
DATABASES["default"] |= {"CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True}
DATABASES["default"].setdefault("OPTIONS", {})["connect_timeout"] = 5
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
# Shared by all processes, as the sign-in limits must be; culled late, since a lost entry would be a limit forgotten.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "django_cache",
        "OPTIONS": {"MAX_ENTRIES": 100_000},
    }
}
# django-q2 only rings: the job row is the truth (mitoweb/lib/jobs).
Q_CLUSTER = {
    "name": "mitoweb",
    "orm": "default",
    "workers": 1,
    "timeout": 20,
    "retry": 120,
    "max_attempts": 2,
    "ack_failures": True,
    "poll": 1,
    "save_limit": 50,
    "catch_up": False,
    "label": "Starts of jobs",
}

# People ------------------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "people.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "mitoweb.people.passwords.EndTokens"},
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/cases/"
ACCOUNT_ADAPTER = "mitoweb.people.adapter.ClosedAdapter"  # no open sign-up: people are invited
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_LOGOUT_REDIRECT_URL = "/accounts/login/"
ACCOUNT_PREVENT_ENUMERATION = True
# allauth has limits of its own for new passwords and confirmations; these are those of the sign-in.
ACCOUNT_RATE_LIMITS = {
    "login": "30/m/ip",
    "login_failed": "10/m/ip,5/5m/key",
}
ACCOUNT_SESSION_REMEMBER = False  # a reading room's computer is shared
ACCOUNT_REAUTHENTICATION_TIMEOUT = 300
# Without a mail server nothing is sent and the page to reset a password is not there: an administrator sets one.
EMAIL_HOST = env.str("MITOWEB_EMAIL_HOST", "")
EMAIL_PORT = env.int("MITOWEB_EMAIL_PORT", 587)
EMAIL_HOST_USER = env.str("MITOWEB_EMAIL_USER", "")
EMAIL_HOST_PASSWORD = _read_secret("MITOWEB_EMAIL_PASSWORD")
EMAIL_USE_TLS = env.bool("MITOWEB_EMAIL_TLS", True)
DEFAULT_FROM_EMAIL = SERVER_EMAIL = env.str("MITOWEB_EMAIL_FROM", "mitoweb@localhost")
EMAIL_BACKEND = f"django.core.mail.backends.{'smtp' if EMAIL_HOST else 'dummy'}.EmailBackend"

# API ---------------------------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "mitoweb.people.authentication.LimitedTokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_FILTER_BACKENDS": ["mitoweb.lib.filters.ExactFilters"],
    "DEFAULT_PAGINATION_CLASS": "mitoweb.lib.paging.Pages",
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["mitoweb.lib.json_bodies.ShallowJSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "mitoweb.api_errors.api_exception_handler",
    "PAGE_SIZE": 50,
}
REST_KNOX = {"TOKEN_MODEL": "people.ApiToken", "TOKEN_TTL": timedelta(days=90), "AUTH_HEADER_PREFIX": "Token"}
KNOX_TOKEN_MODEL = REST_KNOX["TOKEN_MODEL"]
MIGRATION_MODULES = {"knox": None}  # its own table would stay empty beside ours
SPECTACULAR_SETTINGS = {
    "TITLE": "MitoWeb",
    "DESCRIPTION": "From a whole-slide image to a reviewed mitotic count. Research use only.",
    "VERSION": VERSION,
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.IsAuthenticated"],
    "COMPONENT_SPLIT_REQUEST": True,
    "SCHEMA_PATH_PREFIX": "/api/",
    "ENUM_NAME_OVERRIDES": {
        "JobStateEnum": "mitoweb.lib.jobs.models.Job.State",
        "ModelStateEnum": "analysis.models.ModelStanding.State",
        "ModelUploadStateEnum": "analysis.models.ModelUpload.State",
        "TrainingRunStateEnum": "analysis.models.TrainingRun.State",
        "GateStateEnum": "analysis.models.GateReport.State",
        "GateVerdictEnum": "analysis.models.GateReport.Verdict",
        "PurposeEnum": "analysis.models.Activation.Purpose",
        "VerdictPurposeEnum": "analysis.models.Verdict.Purpose",
        "FieldLookKindEnum": "analysis.models.FieldLook.Kind",
        "RegionKindEnum": ["count", "tumour"],
        "CountedRegionKindEnum": ["best", "alternate", "whole", "drawn"],
        "ProtocolChosenEnum": ["case", "team", "default"],
    },
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "mitoweb.site.schema.document_errors",
        "mitoweb.site.schema.add_summaries",
    ],
}

# Uploads and tiles -------------------------------------------------------------------------------------------
UPLOAD_MAX_BYTES = env.int("MITOWEB_UPLOAD_MAX_BYTES", 100 * 2**30, validate=at_least(1))
UPLOAD_LIFE = timedelta(days=env.int("MITOWEB_UPLOAD_DAYS", 7, validate=at_least(1)))
UPLOAD_OPEN_PER_USER = env.int("MITOWEB_UPLOADS_PER_USER", 200, validate=at_least(1))
# Pieces on their way into one web process at the same time, of one person and of all: no more than half of its threads
# (slides/web_server/gunicorn_conf.py), so that pages and tiles find one.
UPLOAD_PIECES_PER_USER = env.int("MITOWEB_UPLOAD_PIECES_PER_USER", 4, validate=validate.Range(1, 8))
UPLOAD_PIECES = env.int("MITOWEB_UPLOAD_PIECES", 8, validate=validate.Range(1, 8))
# A client that sends nothing for so long is given up, and so is one that for as long sends less than this on average;
# of a piece of an upload what has come is kept.
BODY_SILENCE_S = env.float("MITOWEB_BODY_SILENCE_S", 30, validate=validate.Range(0.1, 600))
BODY_BYTES_PER_S = env.float("MITOWEB_BODY_BYTES_PER_S", 4096, validate=validate.Range(1, None))
DISK_RESERVE_BYTES = env.int("MITOWEB_DISK_RESERVE_BYTES", 2**30 if DEMO else 5 * 2**30, validate=at_least(0))
# Of each team; 0: as much as the disk has.
UPLOAD_QUOTA_BYTES = env.int("MITOWEB_UPLOAD_QUOTA_BYTES", 0, validate=at_least(0))
# How long originals are kept; 0: deleted once the copy is verified.
SEALED_DAYS = env.int("MITOWEB_SEALED_DAYS", 30, validate=at_least(0))
WATCH_DIR = env.str("MITOWEB_WATCH_DIR", "")  # files laid here are imported by themselves
TILE_CACHE_BYTES = env.int("MITOWEB_TILE_CACHE_BYTES", 2 * 2**30, validate=at_least(0))  # 0: none
SEND_BY_NGINX = env.str("MITOWEB_SEND_BY_NGINX", "")  # prefix of the internal location that holds the tile cache
DECODERS = env.int("MITOWEB_DECODERS", 2, validate=at_least(1))  # decoder processes of each web process
DECODER_MEMORY_MB = env.int("MITOWEB_DECODER_MEMORY_MB", 4096, validate=at_least(1))
DECODER_TIMEOUT_S = env.float("MITOWEB_DECODER_TIMEOUT_S", 20, validate=at_least(0.1))
DECODERS_SEE = [SLIDES_ROOT]  # of the disk, beside the program, where bubblewrap is there; see DecoderPool
ALLOW_UNCONFINED = env.bool("MITOWEB_ALLOW_UNCONFINED", False)  # where nothing hides other files from a slide's process
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 2**20  # of any body but a piece of an upload: forms, JSON, what is sent in vain
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.TemporaryFileUploadHandler"]

# Analysis ----------------------------------------------------------------------------------------------------
DEVICE = env.str("MITOWEB_DEVICE", "auto")  # auto, cpu, cuda, cuda:1 …
# Of what an analysis stores at once; a larger one takes more memory.
TILE_PX = env.int("MITOWEB_TILE_PX", 3072, validate=at_least(256))
TORCH_THREADS = env.int("MITOWEB_TORCH_THREADS", 0, validate=at_least(0))  # 0: as many as there are cores
# Of a training on a CPU; a run goes on with as many as it began with, for the same digits. 0: half of the cores.
TRAINING_THREADS = env.int("MITOWEB_TRAINING_THREADS", 0, validate=at_least(0))
# The data that the shipped version was trained on, where a laboratory has them and may use them: trainings replay them.
REPLAY_DATA = env.str("MITOWEB_REPLAY_DATA", "")
JOB_LOG_BYTES = 20_000
EXTRA_TASKS = env.list("MITOWEB_EXTRA_TASKS", [])  # modules with more job handlers

# Pages -------------------------------------------------------------------------------------------------------
LANGUAGE_CODE = "en-gb"
TIME_ZONE = "UTC"
USE_TZ = True
STATIC_URL = "/static/"
STATIC_ROOT = VAR_DIR / "static"
WHITENOISE_USE_FINDERS = True  # no collectstatic step before the first start
WHITENOISE_MAX_AGE = 0  # always asked again, answered by 304: an upgrade is seen at once
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "mitoweb.lib.logs.JsonFormatter"}},
    "filters": {"request_id": {"()": "mitoweb.lib.logs.RequestIdFilter"}},
    "handlers": {
        "stderr": {"class": "logging.StreamHandler", "formatter": "json", "filters": ["request_id"]},
    },
    "root": {"handlers": ["stderr"], "level": env.str("MITOWEB_LOG_LEVEL", "INFO")},
    "loggers": {"django.server": {"handlers": ["stderr"], "propagate": False}},
}
