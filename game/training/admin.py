"""Trainings in Django's admin: begun, watched, stopped, gone on with."""

from functools import partial
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.db import transaction
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from game.models import TrainingConsent, TrainingRun
from game.training import runs, tasks
from inference.finetune.training.progress import Step, duration

UNSENT = _("The queue does not answer: choose “Start again” when it does.")


@admin.register(TrainingConsent)
class TrainingConsentAdmin(admin.ModelAdmin):
    """Consent is an owner's to give: here it can be read and taken back."""

    list_display = ("adventure", "player", "given")
    raw_id_fields = ("adventure", "player")
    readonly_fields = ("adventure", "player", "given")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False


@admin.register(TrainingRun)
class TrainingRunAdmin(admin.ModelAdmin):
    """For superusers: a recipe names folders of this machine."""

    list_display = ("name", "status", "stage", "how_far", "loss", "held_out", "left", "created")
    list_filter = ("status",)
    readonly_fields = (
        *("status", "stage", "how_far", "loss", "held_out", "tokens_a_second", "left"),
        *("message", "lies_in", "by", "created", "heard", "ended"),
    )
    actions = ("start_again", "stop")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return is_superuser(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_superuser(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_superuser(request) and (obj is None or obj.status != TrainingRun.Status.RUNNING)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, str | list[str]]:
        usual = Path(settings.BASE_DIR) / "params.yaml"
        return {"recipe": usual.read_text(encoding="utf-8") if usual.is_file() else ""}

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        # What was trained is not what a recipe says that was changed since.
        return (*self.readonly_fields, "recipe") if obj else self.readonly_fields

    def save_model(self, request: HttpRequest, obj: TrainingRun, form: Any, change: bool) -> None:
        if not change:
            obj.by = request.user  # type: ignore[assignment]
        super().save_model(request, obj, form, change)
        if not change:
            transaction.on_commit(partial(self.send, request, obj))

    def send(self, request: HttpRequest, run: TrainingRun) -> None:
        if tasks.send(run.pk):
            self.message_user(request, _("A worker of the queue “finetune” will take it."))
            return
        TrainingRun.objects.filter(pk=run.pk, status=TrainingRun.Status.WAITING).update(
            status=TrainingRun.Status.FAILED, message=str(UNSENT)
        )
        self.message_user(request, UNSENT, messages.ERROR)

    @admin.action(description=_("Start again, from where it was"))
    def start_again(self, request: HttpRequest, queryset: Any) -> None:
        for run in queryset:
            if runs.begin_again(run):
                self.send(request, run)
            else:
                said = _("“%(run)s” is already waiting, running or done.") % {"run": run}
                self.message_user(request, said, messages.WARNING)

    @admin.action(description=_("Stop, and keep what was learned"))
    def stop(self, request: HttpRequest, queryset: Any) -> None:
        for run in queryset:
            runs.stop(run)

    # ---- columns

    @admin.display(description=_("step"))
    def how_far(self, run: TrainingRun) -> str:
        step = step_of(run)
        return f"{step.step} / {step.steps}" if step else "–"

    @admin.display(description=_("loss"))
    def loss(self, run: TrainingRun) -> str:
        step = step_of(run)
        return f"{step.loss:.3f}" if step else "–"

    @admin.display(description=_("held-out loss"))
    def held_out(self, run: TrainingRun) -> str:
        step = step_of(run)
        return f"{step.held_out:.3f}" if step and step.held_out else "–"

    @admin.display(description=_("tokens a second"))
    def tokens_a_second(self, run: TrainingRun) -> str:
        step = step_of(run)
        return f"{step.tokens_a_second:.0f}" if step else "–"

    @admin.display(description=_("time left"))
    def left(self, run: TrainingRun) -> str:
        if runs.seems_lost(run):
            return str(_("Its worker is gone: start it again."))
        step = step_of(run)
        running = run.status == TrainingRun.Status.RUNNING and run.stage == "train"
        return duration(step.seconds_left) if step and running else "–"

    @admin.display(description=_("folder"))
    def lies_in(self, run: TrainingRun) -> str:
        return str(runs.folder_of(run))


def step_of(run: TrainingRun) -> Step | None:
    try:
        return Step(**run.progress) if run.progress else None
    except TypeError:  # noted by another version
        return None


def is_superuser(request: HttpRequest) -> bool:
    return bool(getattr(request.user, "is_superuser", False))
