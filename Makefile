.POSIX:
.PHONY: play test check bench

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
