"""Training runs and consents in Django's admin."""

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
    """Consents, to read and to withdraw; only an owner can give one."""

    list_display = ("adventure", "player", "given")
    raw_id_fields = ("adventure", "player")
    readonly_fields = ("adventure", "player", "given")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nobody consents for an owner."""
        return False


@admin.register(TrainingRun)
class TrainingRunAdmin(admin.ModelAdmin):
    """Training runs, for superusers only, since a recipe names folders of this machine."""

    list_display = ("name", "status", "stage", "step", "loss", "held_out", "time_left", "created")
    list_filter = ("status",)
    readonly_fields = (
        *("status", "stage", "step", "loss", "held_out", "tokens_a_second", "time_left"),
        *("message", "folder", "by", "created", "heard", "ended"),
    )
    actions = ("start_again", "stop")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Superusers only."""
        return is_superuser(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Superusers only."""
        return is_superuser(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Superusers only, and never a run that is running."""
        return is_superuser(request) and (obj is None or obj.status != TrainingRun.Status.RUNNING)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, str | list[str]]:
        """The recipe of a new run is params.yaml."""
        default = Path(settings.BASE_DIR) / "params.yaml"
        return {"recipe": default.read_text(encoding="utf-8") if default.is_file() else ""}

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """The recipe can be edited only before the run is stored."""
        # A recipe that was changed later would not describe what was trained.
        return (*self.readonly_fields, "recipe") if obj else self.readonly_fields

    def save_model(self, request: HttpRequest, obj: TrainingRun, form: Any, change: bool) -> None:
        """Store a run; a new one is sent to a worker after the commit."""
        if not change:
            obj.by = request.user  # type: ignore[assignment]
        super().save_model(request, obj, form, change)
        if not change:
            transaction.on_commit(partial(self.send, request, obj))

    def send(self, request: HttpRequest, run: TrainingRun) -> None:
        """Send the run to the queue; it fails with a message if the queue does not answer."""
        if tasks.send(run.pk):
            self.message_user(request, _("A worker of the queue “finetune” will take it."))
            return
        TrainingRun.objects.filter(pk=run.pk, status=TrainingRun.Status.WAITING).update(
            status=TrainingRun.Status.FAILED, message=str(UNSENT)
        )
        self.message_user(request, UNSENT, messages.ERROR)

    @admin.action(description=_("Start again, from where it was"))
    def start_again(self, request: HttpRequest, queryset: Any) -> None:
        """Queue the chosen runs again; they continue from their last checkpoint."""
        for run in queryset:
            if runs.restart(run):
                self.send(request, run)
            else:
                message = _("“%(run)s” is already waiting, running or done.") % {"run": run}
                self.message_user(request, message, messages.WARNING)

    @admin.action(description=_("Stop, and keep what was learned"))
    def stop(self, request: HttpRequest, queryset: Any) -> None:
        """Stop the chosen runs; their weights are saved."""
        for run in queryset:
            runs.stop(run)

    # Columns
    @admin.display(description=_("step"))
    def step(self, run: TrainingRun) -> str:
        """Current and last step of the training."""
        step = step_of(run)
        return f"{step.step} / {step.steps}" if step else "–"

    @admin.display(description=_("loss"))
    def loss(self, run: TrainingRun) -> str:
        """Training loss at the last step."""
        step = step_of(run)
        return f"{step.loss:.3f}" if step else "–"

    @admin.display(description=_("held-out loss"))
    def held_out(self, run: TrainingRun) -> str:
        """Loss on the held-out part, once it was measured."""
        step = step_of(run)
        return f"{step.held_out:.3f}" if step and step.held_out else "–"

    @admin.display(description=_("tokens a second"))
    def tokens_a_second(self, run: TrainingRun) -> str:
        """Speed at the last step, in tokens per second."""
        step = step_of(run)
        return f"{step.tokens_a_second:.0f}" if step else "–"

    @admin.display(description=_("time left"))
    def time_left(self, run: TrainingRun) -> str:
        """Estimated time until the training ends, or that its worker is lost."""
        if runs.seems_lost(run):
            return str(_("Its worker is gone: start it again."))
        step = step_of(run)
        running = run.status == TrainingRun.Status.RUNNING and run.stage == "train"
        return duration(step.seconds_left) if step and running else "–"

    @admin.display(description=_("folder"))
    def folder(self, run: TrainingRun) -> str:
        """The folder with the run's files."""
        return str(runs.folder_of(run))


def step_of(run: TrainingRun) -> Step | None:
    """The last recorded step of a run; None without one."""
    try:
        return Step(**run.progress) if run.progress else None
    except TypeError:  # written by another version
        return None


def is_superuser(request: HttpRequest) -> bool:
    """Whether the request is a superuser's."""
    return bool(getattr(request.user, "is_superuser", False))
