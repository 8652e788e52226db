"""Fine-tune the pretrained encoder on labels, pseudo-labels and consistency; beside it, what it has to beat: the same
encoder with the labels alone, and the same network from random.

Head first, on frozen features; then all layers, the encoder at a smaller rate; then, where the recipe says so, a
student that learns from the result. What has to be chosen or judged is cross-fitted on the labels: no label is held
out for good, and no test row is ever looked at..
"""

import shutil
import time
from pathlib import Path

import numpy as np

from components.config import Config
from components.data.table import Table
from components.evaluation.labels.confirmation_bias import Confirmation
from components.implementations import name_of
from components.semisupervised import check_method
from components.tasks.registry import USUAL, TaskConfig
from components.training.finetune import final_parts
from components.training.view_choice import ViewChoice
from pipelines.engine.artifact import Artifact
from pipelines.engine.context import Context
from pipelines.inference.encoder import pretrained
from pipelines.registry.candidate_times import VIEWS, figures, spans
from pipelines.registry.candidates import METHOD, Portfolio
from pipelines.stages.finetune.champion_labels import hand_on
from pipelines.stages.finetune.config import FinetuneConfig
from pipelines.stages.finetune.data import material_of, warn, with_views
from pipelines.stages.finetune.head import freeze, head_note
from pipelines.stages.finetune.judges import first_look, train_judges
from pipelines.stages.finetune.lead import Leaderboard, from_scratch
from pipelines.stages.finetune.outputs import described, save_all, serve
from pipelines.stages.finetune.portfolio import Candidate
from pipelines.stages.finetune.trainings import Meter, cross_fitted, finetune
from pipelines.stages.finetune.view_policy import view_policy


class Request(FinetuneConfig):
    """What the stage finetune is given."""

    task: TaskConfig = USUAL
    """What labels mean."""

    snapshot: str
    """Reference of the finished snapshot; the run fills it in."""

    pretrain: str
    """Reference of the finished pretrain; the run fills it in."""

    pseudo_label: str
    """Reference of the finished pseudo_label; the run fills it in."""

    champion: str | None = None
    """Reference of the finetune whose predictions are pseudo-labels too; the plan fills it in for a warm
    start."""

    def check(self) -> None:
        """Raises UserError where the method does not work on this kind of data."""
        check_method(self.method, name_of(self.modality))


class Output(Config):
    """model, config: model.safetensors and model.json in one folder; likewise alone: the same encoder with the labels
    alone; scratch: the same network from random; own: the method's own network, where that is not the model.

    skipped: why nothing was trained; all else is then None. method: by which the model was made. start: why its
    training began from random, empty where it began from the pretrained encoder. head_validation,
    validation, scratch_validation: shares of cross-fitted labels that are right, of the linear head alone, of the
    whole, of the baseline. validated: labels they rest on. held: Parquet, what cross-fitting answered on each of
    them. confirmation: whether these trainings were led astray by their own guesses. agreement: share of unlabelled
    samples that the method's own network and the labels alone name alike, which has a say in the temperature
    (components.evaluation.classification.agreement). mask: share of unlabelled samples that the consistency term
    used, at the end. processes: that shared the batches of the training that is kept. views: the policy of its
    views, and why. portfolio: the candidates and what is served; None where the recipe has none, or no label could
    be held out. made_of: the baseline that is served as it is, by the name that evaluation gives it: the gate does
    not compare the model with itself.
    """

    skipped: str | None = None
    model: Artifact | None = None
    config: Artifact | None = None
    method: str = ""
    alone: Artifact | None = None
    alone_config: Artifact | None = None
    own: Artifact | None = None
    own_config: Artifact | None = None
    scratch: Artifact | None = None
    scratch_config: Artifact | None = None
    scratch_rate: float | None = None
    steps: int | None = None
    labels: int | None = None
    pseudo_labels: int | None = None
    head_strength: float | None = None
    head_validation: float | None = None
    validation: float | None = None
    scratch_validation: float | None = None
    validated: int | None = None
    held: Artifact | None = None
    confirmation: Confirmation | None = None
    mask: float | None = None
    agreement: float | None = None
    temperature: float | None = None
    seconds: float | None = None
    samples_per_second: float | None = None
    processes: int | None = None
    views: ViewChoice | None = None
    portfolio: Portfolio | None = None
    made_of: tuple[str, ...] = ()
    start: str = ""
    note: str = ""


def run(request: Request, folder: Path, context: Context) -> Output:
    began, snapshot = time.monotonic(), context.output(request.snapshot)
    table = Table.load(context.file(request.snapshot, snapshot.table))
    present = np.unique(table.label[table.labelled_rows()])
    if len(present) < 2:
        reason = f"labels of one class only ({snapshot.classes[present[0]]})" if len(present) else "no labels"
        context.say(f"fine-tuning skipped: {reason}; label samples of at least two classes")
        return Output(skipped=f"{reason}: a classifier needs labels of at least two classes")
    note = warn(snapshot.classes, present, context)
    material = material_of(request, request.pseudo_label, request.snapshot, snapshot, table, folder, context)
    if request.champion is not None:
        request, material = hand_on(request, material, request.champion, snapshot.classes, context)
    encoder, encoder_config = pretrained(context, request.pretrain)
    material.placement.put(encoder)
    meter = Meter(request, material, folder, context, began)

    context.progress(0.0, "head on frozen features")
    frozen = freeze(request, encoder, material)
    plain = described(snapshot, encoder_config, None, 1.0, request.cross_fit)
    lead = Leaderboard(plain, meter)
    first = first_look(request, encoder, frozen, material, meter, lead)
    with meter.timed(VIEWS):
        choice = view_policy(request, request.snapshot, request.pretrain, snapshot, table, context)
    if choice is not None:
        material = with_views(material, request, choice.policy)
    judges = train_judges(request, encoder, frozen, first, material, meter, lead)
    context.say(head_note(judges.probe.choice, len(material.labels)))
    if judges.reason:
        context.say(judges.reason)
    held, confirmation = cross_fitted(request, material, judges.of, judges.simple, judges.folds)
    if held is not None:
        lead.tell(
            {METHOD: held},
            from_scratch(judges.scratch, encoder_config),
            f"{name_of(request.method)} on all labels",
        )
    final = finetune(request, judges.start, material, np.arange(len(material.labels)), meter)
    own = Candidate(held, final_parts(final), encoder_config)
    served = serve(request, own, encoder, judges, plain, material, meter)
    context.log(0, **figures(spans(meter.times(), lead.accuracies())))
    made = save_all(request, served, own, judges, frozen, snapshot, table, material, meter)
    shutil.rmtree(folder / "checkpoints")  # only now: until here a retry finds what is already trained
    lead.end()
    context.progress(1.0, "done")
    return Output(
        **made,
        steps=final.steps,
        labels=len(material.labels),
        pseudo_labels=len(material.kept),
        head_strength=judges.probe.choice.strength,
        head_validation=judges.probe.choice.accuracy,
        confirmation=confirmation,
        mask=final.figures.get("loss/mask"),
        seconds=round(final.seconds, 3),
        samples_per_second=round(final.samples_per_second, 1),
        processes=final.processes,
        views=choice,
        start=judges.reason or "",
        note=note,
    )
