"""Addresses under /accounts/: allauth's, some of them with a step of ours before."""

from allauth.account.urls import urlpatterns as account_urls
from django.urls import URLPattern, URLResolver, include, path

from game.accounts import views

# The pages that send e-mail. Where the host cannot, each says so.
BY_MAIL = {"account_email", "account_reset_password", "account_email_verification_sent"}
# A way in that is not used here (a code by mail instead of a password), and two that are ours.
NOT_HERE = {"account_confirm_login_code", "account_login", "account_signup"}

for pattern in account_urls:
    if pattern.name in BY_MAIL:
        pattern.callback = views.by_mail(pattern.callback)

urlpatterns: list[URLPattern | URLResolver] = [
    path("", views.home, name="account_home"),
    path("data/", views.data, name="account_data"),
    path("delete/", views.delete, name="account_delete"),
    path("invited/<str:token>/", views.invited, name="invited"),
    path("login/", views.log_in, name="account_login"),
    path("signup/", views.sign_up, name="account_signup"),
    *(each for each in account_urls if each.name not in NOT_HERE),
    path("2fa/", include("allauth.mfa.urls")),
]
