"""Accounts: sign-up, log-in, access control, invites, data export and deletion."""
