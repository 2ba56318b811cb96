.POSIX:
.PHONY: play test check bench faults

# make play HOST=0.0.0.0 PORT=8001 DATA_DIR=~/grue: what is set here reaches Grue's environment.

play:
	@sh scripts/environment.sh light
	@exec .venv/bin/python manage.py play

test:
	@sh scripts/environment.sh light test
	@sh scripts/test.sh

check:
	@sh scripts/environment.sh light test
	@sh scripts/check.sh

bench:
	@sh scripts/environment.sh light test
	@exec .venv/bin/python manage.py bench

# make faults TURNS=500: breaks a house of its own for hours, and writes the table of docs/reliability.md.
TURNS = 10000

faults:
	@sh scripts/environment.sh light test
	@exec .venv/bin/python -m tests.faults --turns $(TURNS) --report docs/reliability.md
