"""Tables: adventures that several play, or that others watch.

members        who is in it: joining, leaving, removal, roles, handing over, closing
invites        links and codes with which one joins
roster         who is a member, and by which name
order          who may act now, what was proposed, what is told of it
rules          the owner's choice of order, time and who may change what was told
commands       what members do by the socket: act, vote, approve, skip
permissions    what each member may do by a command
deadlines      what happens when the time to act is up, as part of the sweep
state          the table as plain data for pages, and its event
qr             an invite's link as a picture for phones
views          the table's page, for its members
join_views     the pages with which one joins
"""
