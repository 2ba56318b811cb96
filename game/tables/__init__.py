"""Tables: adventures that several play, or that others watch.

members        who is in it: joining, leaving, removal, roles, handing over, closing
invites        links and codes with which one joins
roster         the table as plain data for pages, and its event
qr             an invite's link as a picture for phones
views          the table's page, for its members
join_views     the pages with which one joins
"""
