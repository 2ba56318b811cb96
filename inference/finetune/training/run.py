"""One training: rows of replies, a model or an adapter that learns them, checkpoints on the way.

transformers' Trainer does the work; what is ours is the loss (replies only), the measure (what is
held out, token by token), and what is said and kept when something goes wrong.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Nothing is asked of a hub, and nobody is told that somebody trains.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"

import torch
import transformers

from inference.finetune.outcome import ADAPTER, MODEL
from inference.finetune.recipe import Train
from inference.finetune.training import hardware
from inference.finetune.training.checkpoint import load_base, load_tokenizer
from inference.finetune.training.measuring import batch_of, mean_loss, summed_loss
from inference.finetune.training.memory import checkpoint_bytes, need_of
from inference.finetune.training.packing import Encode, Row, pack, read_samples, row_of
from inference.finetune.training.progress import PROGRESS, Progress, Show
from inference.finetune.trouble import TrainingFailed

RUN = "run.json"  # what a folder was trained of: another recipe begins anew
CHECKPOINTS = "checkpoints"
METRICS = "metrics.json"
KEPT = 2  # checkpoints: the best one and the last

Stopped = Callable[[], bool]


@dataclass(frozen=True)
class Task:
    """What is trained: a base's folder, samples of `format`, and where it all goes."""

    base: Path
    samples: Path
    format: str
    window: int
    train: Train
    out: Path

    @property
    def fingerprint(self) -> str:
        """Changes with anything that would give another model."""
        found = hashlib.sha256(f"{self.train.model_dump_json()} {self.window}".encode())
        for side in ("train", "held-out"):
            file = self.samples / f"{self.format}-{side}.jsonl"
            found.update(file.read_bytes() if file.is_file() else b"")
        found.update((self.base / "config.json").read_bytes())
        for weights in sorted(self.base.glob("*.safetensors")):
            found.update(f"{weights.name} {weights.stat().st_size}".encode())
        return found.hexdigest()


@dataclass(frozen=True)
class Material:
    """Rows to learn from, and rows to measure with."""

    train: list[Row]
    held_out: list[Row]


class ReplyTrainer(transformers.Trainer):
    """Learns from rows, and measures with those held out."""

    control: Any

    def __init__(self, held_out: list[Row], progress: Progress, **more: Any) -> None:
        super().__init__(**more)
        self._held_out_rows = held_out
        self._progress = progress
        # The loss is divided here by the tokens of the whole step, not row by row.
        self.model_accepts_loss_kwargs = True

    def compute_loss(
        self,
        model: Any,
        inputs: dict[str, torch.Tensor],
        return_outputs: bool = False,
        num_items_in_batch: Any = None,
    ) -> Any:
        """The loss per token of a batch. Raises TrainingFailed where it is not finite."""
        loss, tokens = summed_loss(model, inputs)
        self._progress.saw(inputs["input_ids"].numel())
        # Said before the optimizer takes it: no checkpoint ever holds such weights.
        if not torch.isfinite(loss):
            raise TrainingFailed(
                f"the loss is no number in step {self.state.global_step + 1}: "
                "try a smaller learning_rate, or precision: float32"
            )
        return loss / (num_items_in_batch if num_items_in_batch is not None else tokens)

    def evaluate(self, *args: Any, **more: Any) -> dict[str, float]:
        """The loss on the held-out rows as `eval_loss`. Raises TrainingFailed where it is no
        number."""
        found = mean_loss(self.model, self._held_out_rows)
        if found != found:
            raise TrainingFailed("the loss on what is held out is no number")
        self._progress.held_out = found
        metrics = {"eval_loss": found}
        self.log(dict(metrics))
        self.control = self.callback_handler.on_evaluate(
            self.args, self.state, self.control, metrics
        )
        return metrics


class Watch(transformers.TrainerCallback):
    """Notes each step, and ends the training when somebody asks for it."""

    def __init__(self, progress: Progress, device: torch.device, stopped: Stopped) -> None:
        self._progress, self._device, self._stopped = progress, device, stopped
        self.was_stopped = False

    def on_train_begin(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        """transformers' hook: the training begins or is resumed."""
        self._progress.begin(state.global_step)

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **more: Any) -> None:
        """transformers' hook: record loss, speed and memory."""
        if logs and "loss" in logs:
            memory = hardware.memory_in_use(self._device)
            self._progress.note(
                state.global_step, state.max_steps, state.epoch or 0.0, logs["loss"], memory
            )

    def on_step_end(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        """transformers' hook: save and stop where that was asked for."""
        if self._stopped():
            self.was_stopped = True
            control.should_save = True
            control.should_training_stop = True


def train(task: Task, show: Show, stopped: Stopped = lambda: False) -> dict[str, float]:
    """Train, or go on where a killed run left off; the metrics. Raises TrainingFailed, Broken,
    SamplesError."""
    device = hardware.pick(task.train)
    if device.type == "cpu" and task.train.threads:
        torch.set_num_threads(task.train.threads)
    tokenizer = load_tokenizer(task.base)
    material = material_of(task, tokenizer, show)
    last = begin_or_go_on(task, show)
    torch.manual_seed(task.train.seed)  # before LoRA draws its first weights
    model = model_for(task, device)
    foretell(task, model, device, show)
    progress = Progress(task.out, show)
    watch = Watch(progress, device, stopped)
    trainer = ReplyTrainer(
        held_out=material.held_out,
        progress=progress,
        model=model,
        args=arguments(task, material, device),
        train_dataset=material.train,
        eval_dataset=material.held_out,
        data_collator=batch_of,
        callbacks=[watch, transformers.EarlyStoppingCallback(task.train.patience)],
    )
    trainer.remove_callback(transformers.trainer_callback.PrinterCallback)
    trainer.remove_callback(transformers.trainer_callback.ProgressCallback)
    try:
        base_loss = base_loss_of(task, model, material, show)
        trainer.train(resume_from_checkpoint=str(last) if last else None)
    except TrainingFailed as failed:
        raise TrainingFailed(f"{failed}; {what_is_kept(task)}") from failed
    except torch.OutOfMemoryError as error:
        raise TrainingFailed(
            f"the memory is full: try rows: 1, checkpointing: true, or a smaller window; "
            f"{what_is_kept(task)}"
        ) from error
    except OSError as error:
        raise TrainingFailed(f"{task.out}: {error.strerror or error}") from error
    if watch.was_stopped:
        raise TrainingFailed(f"stopped in step {trainer.state.global_step}; {what_is_kept(task)}")
    return finish(task, trainer, tokenizer, base_loss)


def material_of(task: Task, tokenizer: Any, show: Show) -> Material:
    """The samples of both sides as rows. Raises SamplesError."""

    encode = encoder(tokenizer)
    sides = {}
    for side in ("train", "held-out"):
        samples = read_samples(task.samples / f"{task.format}-{side}.jsonl")
        rows = [row_of(sample, encode, task.window) for sample in samples]
        sides[side] = pack(rows, task.window)
        tokens = sum(len(row.tokens) for row in rows)
        learnt = sum(row.learnt for row in rows)
        show(f"{side}: {len(rows)} samples in {len(sides[side])} rows, {tokens} tokens, of which "
             f"{learnt} are told")  # fmt: skip
    return Material(sides["train"], sides["held-out"])


def encoder(tokenizer: Any) -> Encode:
    """A tokenizer as a function: the tokens of a text, and where each stands in it."""

    def encode(text: str) -> tuple[list[int], list[tuple[int, int]]]:
        found = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
        return found["input_ids"], found["offset_mapping"]

    return encode


def begin_or_go_on(task: Task, show: Show) -> Path | None:
    """The last whole checkpoint of the same training; None where there is none."""
    note = task.out / RUN
    same = note.is_file() and json.loads(note.read_text()).get("of") == task.fingerprint
    if not same:
        shutil.rmtree(task.out, ignore_errors=True)
        task.out.mkdir(parents=True)
        note.write_text(json.dumps({"of": task.fingerprint}) + "\n")
        return None
    found = whole_checkpoints(task.out)
    for half in set((task.out / CHECKPOINTS).glob("checkpoint-*")) - set(found):
        shutil.rmtree(half)  # the run was killed while it was written
    if found:
        show(f"going on from step {step_of(found[-1])}")
        return found[-1]
    (task.out / PROGRESS).unlink(missing_ok=True)
    return None


def whole_checkpoints(out: Path) -> list[Path]:
    """Those that were written to the end, oldest first: their state is written last."""
    whole = []
    for folder in (out / CHECKPOINTS).glob("checkpoint-*"):
        try:
            json.loads((folder / "trainer_state.json").read_text())
        except (OSError, ValueError):
            continue
        whole.append(folder)
    return sorted(whole, key=step_of)


def step_of(checkpoint: Path) -> int:
    """The number of the step in a checkpoint's name."""
    return int(checkpoint.name.rpartition("-")[2])


def model_for(task: Task, device: torch.device) -> Any:
    """The base, ready to learn: all of it, or an adapter on its linear layers."""
    how = task.train
    model = load_base(task.base, hardware.weights(how, device)).to(device)
    if how.checkpointing:
        model.config.use_cache = False
        if how.method == "lora":
            model.enable_input_require_grads()
    if how.method == "full":
        return model
    import peft  # noqa: PLC0415  only here

    adapter = peft.LoraConfig(
        r=how.lora.rank,
        lora_alpha=how.lora.alpha,
        lora_dropout=how.lora.dropout,
        target_modules="all-linear",
        task_type="CAUSAL_LM",
    )
    return peft.get_peft_model(model, adapter)


def foretell(task: Task, model: Any, device: torch.device, show: Show) -> None:
    """Say what it will take before it begins. Raises TrainingFailed where there is no room."""
    size = hardware.size_of(model, task.train, device, task.window)
    need, there = need_of(size), hardware.memory_there(device)
    show(
        f"{size.parameters / 1e6:.0f}M parameters, of which {size.learning / 1e6:.1f}M learn, "
        f"on {device} in {str(hardware.computes_in(task.train, device)).removeprefix('torch.')}"
    )
    show(f"memory: about {need}; there is {there / 1e9:.1f} GB")
    if need.sure > there:
        raise TrainingFailed(
            f"weights and optimizer take {need.sure / 1e9:.1f} GB, and there is "
            f"{there / 1e9:.1f} GB: take method: lora, or a smaller base"
        )
    wanted = (KEPT + 2) * checkpoint_bytes(size)
    free = shutil.disk_usage(task.out).free
    if wanted > free:
        raise TrainingFailed(
            f"checkpoints take {wanted / 1e9:.1f} GB, and {task.out} has {free / 1e9:.1f} GB left"
        )


def arguments(task: Task, material: Material, device: torch.device) -> Any:
    """The settings of the training as transformers takes them."""
    how = task.train
    steps = -(-len(material.train) // how.rows_a_step)  # an epoch
    every = max(1, round(steps / how.evaluations))
    cuda = device.type == "cuda"
    return transformers.TrainingArguments(
        output_dir=str(task.out / CHECKPOINTS),
        per_device_train_batch_size=how.rows,
        gradient_accumulation_steps=how.rows_a_step // how.rows,
        num_train_epochs=how.epochs,
        learning_rate=how.learning_rate,
        warmup_steps=round(how.warmup * steps * how.epochs),
        weight_decay=how.weight_decay,
        lr_scheduler_type="cosine",
        max_grad_norm=1.0,
        bf16=cuda and hardware.computes_in(how, device) == torch.bfloat16,
        use_cpu=not cuda,
        gradient_checkpointing=how.checkpointing,
        logging_steps=1,
        logging_nan_inf_filter=False,
        eval_strategy="steps",
        eval_steps=every,
        save_strategy="steps",
        save_steps=every,
        save_total_limit=KEPT,
        load_best_model_at_end=True,
        metric_for_best_model="eval_loss",
        greater_is_better=False,
        remove_unused_columns=False,
        dataloader_pin_memory=cuda,
        report_to=[],
        disable_tqdm=True,
        seed=how.seed,
    )


def base_loss_of(task: Task, model: Any, material: Material, show: Show) -> float:
    """The held-out loss before anything is learnt; kept, for a run that goes on has learnt."""
    note = task.out / RUN
    known: dict[str, Any] = json.loads(note.read_text())
    if "base_loss" not in known:
        # An adapter that has learnt nothing changes nothing.
        known["base_loss"] = mean_loss(model, material.held_out)
        note.write_text(json.dumps(known) + "\n")
    show(f"held out, before: {known['base_loss']:.4f}")
    return float(known["base_loss"])


def what_is_kept(task: Task) -> str:
    """The last checkpoint, as the end of a sentence."""
    found = whole_checkpoints(task.out)
    return f"the last good checkpoint is {found[-1]}" if found else "there is no checkpoint yet"


def finish(task: Task, trainer: ReplyTrainer, tokenizer: Any, base_loss: float) -> dict[str, float]:
    """Write the best of it, and how it went."""
    place = task.out / (ADAPTER if task.train.method == "lora" else MODEL)
    half = task.out / f"{place.name}.half"
    shutil.rmtree(half, ignore_errors=True)
    trainer.save_model(str(half))
    for left in ("training_args.bin", "README.md"):
        (half / left).unlink(missing_ok=True)  # a pickle, and a card without a word in it
    if task.train.method == "full":
        tokenizer.save_pretrained(half)
    shutil.rmtree(place, ignore_errors=True)
    half.replace(place)
    metrics = {
        "held_out_loss": round(float(trainer.state.best_metric or base_loss), 4),
        "held_out_loss_before": round(base_loss, 4),
        "best_step": trainer.state.best_global_step or 0,
        "steps": trainer.state.global_step,
    }
    (task.out / METRICS).write_text(json.dumps(metrics, indent=2) + "\n")
    return metrics
