.POSIX:
.PHONY: play test test-quill test-torch test-containers test-docs check bench eval eval-measures faults

# make play HOST=0.0.0.0 PORT=8001 DATA_DIR=~/grue: what is set here reaches Grue's environment.

play:
	@sh scripts/environment.sh light
	@exec .venv/bin/python manage.py play

test:
	@sh scripts/environment.sh light test
	@sh scripts/test.sh

# The tests of the built-in narrator quill, whose model (1.1 GB) is fetched first where it is not here.
test-quill:
	@sh scripts/environment.sh light test
	@.venv/bin/python scripts/fetch_narrator.py quill smol
	@exec .venv/bin/python -m pytest -m quill

# The tests that need torch: the transformers engine, fine-tuning, the export of a checkpoint for openvino.
test-torch:
	@sh scripts/environment.sh light test torch finetune
	@.venv/bin/python -m inference.models.export
	@exec .venv/bin/python -m pytest -m torch

# A stranger's path through docker-compose.yml, from nothing, with Docker alone: up, ten turns, backup, damage,
# restore, upgrade, back. BUILD_NETWORK=host helps where Docker's bridge reaches no package index.
test-containers:
	@exec sh scripts/test-containers.sh

# What README.md and docs/ tell people to type, in a copy of this folder: tests/docs_commands.yaml.
test-docs:
	@sh scripts/environment.sh light test
	@exec .venv/bin/python -m pytest -s -m '' tests/project/test_docs.py tests/project/test_docs_run.py tests/project/test_platforms.py

check:
	@sh scripts/environment.sh light test frontend
	@sh scripts/check.sh

bench:
	@sh scripts/environment.sh light test
	@.venv/bin/python manage.py bench
	@.venv/bin/python -m inference.lab.compare_engines --narrator smol
	@if .venv/bin/python -c 'import transformers' 2>/dev/null; then \
	    .venv/bin/python -m inference.lab.compare_engines; else \
	    echo 'grue: the engines beside plain generate: sh scripts/environment.sh light torch' >&2; fi

# make eval NARRATOR=bard OPTIONS='--seeds 1 --save var/bard': how well it tells, as one table.
eval:
	@sh scripts/environment.sh light
	@exec .venv/bin/python manage.py evaluate $(NARRATOR) $(OPTIONS)

# How far the figures of `make eval` can be believed: its measures against replies that were labelled by hand.
eval-measures:
	@sh scripts/environment.sh light
	@exec .venv/bin/python manage.py evaluate --check-measures

# make faults TURNS=500: breaks a house of its own for hours, and writes the table of docs/reliability.md.
TURNS = 10000

faults:
	@sh scripts/environment.sh light test
	@.venv/bin/python -m pytest -m full -s tests
	@exec .venv/bin/python -m tests.faults --turns $(TURNS) --report docs/reliability.md
