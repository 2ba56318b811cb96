"""Many players who are not there: a load test over real sockets, and its figures.

making     players and adventures of the test, made in the database and taken away again
players    one virtual player: a socket, actions, and what came of them
figures    delays in bins, and their percentiles
audit      what Postgres says of each turn, beside what its player was told
report     the page with the figures
"""
