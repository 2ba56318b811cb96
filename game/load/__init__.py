"""A load test: many virtual players over real sockets, and its figures.

setup        accounts and adventures of the test, created in the database and deleted again
players      one virtual player: a socket, its actions, and what it measures
runner       all virtual players, from the first socket to the last turn
figures      delays in bins, and their percentiles
audit        what Postgres stores of each turn, compared with what its player received
report       the live table and the page with the figures
queue_bench  measurements of the queue of turns
"""
