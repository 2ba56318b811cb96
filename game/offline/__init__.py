"""Grue as an app on a phone or desktop, and its last adventure where there is no network."""
