"""URLs under /accounts/: allauth's, some of them wrapped in a view of ours."""

from allauth.account.urls import urlpatterns as account_urls
from django.urls import URLPattern, URLResolver, include, path

from game.accounts import views

# The pages that send e-mail; without EMAIL_URL each says that the host cannot.
BY_MAIL = {"account_email", "account_reset_password", "account_email_verification_sent"}
# Not used here (logging in with a code sent by mail), or replaced by views of ours.
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
