"""Narrators that an operator installs while Grue runs: what can be, what it needs, and doing it.

catalogue       the entries that ship with Grue
machine         what this machine has: memory, cores, card, disk, and how fast its memory reads
estimates       what an entry needs of a machine, and about how fast its narrator would be there
jobs            what game and worker send each other about it: plain data
sealing         encryption of the keys of servers
installer       a worker's part: compares the desired state with the present one
job_run         one job: a narrator is installed or removed
job_lease       the lease of a job
install_process starts and watches the process that installs
process         that process
machine_report  the report of a worker's machine
"""
