"""One list over kind of data and method: what a method needs is there, and it trains and resumes; or it is refused.

Images train in test_every_method.py.
"""

import re

import numpy as np
import pytest
import torch
from pydantic import TypeAdapter

from components.encoders import EncoderConfig, build_encoder
from components.errors import UserError
from components.modalities.registry import MODALITIES
from components.objectives.needs import GIVEN
from components.semisupervised import METHODS, build_method, check_method
from components.semisupervised.parts.mixing import MixConfig
from components.semisupervised.supervised import SupervisedConfig
from components.training.device import place
from components.training.labelled_source import LabelledSource, Supervision
from components.training.learner import Learner
from components.training.loop import TrainConfig, train
from components.training.optimiser import AdamwConfig
from tests.components.modalities.cases import CASES as KINDS
from tests.components.modalities.cases import made
from tests.components.semisupervised.cases import CASES

K, L, U, EPOCHS, STEPS = 2, 8, 8, 4, 5
CONFIGS = {name: next(c.config for c in CASES.values() if c.config.name == name) for name in METHODS}
FITS = {
    (kind, name): METHODS[name].needs in GIVEN.get(kind, ("any",)) for kind in MODALITIES for name in METHODS
}
TRAINS = [pair for pair, fits in FITS.items() if fits]
REFUSED = [pair for pair, fits in FITS.items() if not fits]


class StopHereError(Exception):
    pass


@pytest.fixture(scope="module", params=[kind for kind in MODALITIES if kind != "image"])
def kind(request, tmp_path_factory):
    return request.param, made(request.param, tmp_path_factory.mktemp(request.param)).samples


def run(name, kind, folder, stop=None):
    modality, samples = kind
    views, packed = samples.views, samples.open()
    torch.manual_seed(0)
    encoder_config = TypeAdapter(EncoderConfig).validate_python(KINDS[modality].encoder)
    encoder = build_encoder(encoder_config, samples.packing)
    method = build_method(CONFIGS[name], encoder, K, len(packed), torch.ones(K))
    targets = torch.full((len(packed),), -1)
    targets[:L] = torch.arange(L) % K
    targets[L : L + 4] = 1  # pseudo-labels
    supervision = Supervision(targets, (targets >= 0).float(), torch.arange(L), torch.arange(len(packed)))
    how = views.policy(views.usual)
    source = LabelledSource(
        packed, views, supervision, (how.weak, method.weak), (how.strong, method.strong),
        labelled=4, unlabelled=U if method.uses_unlabelled else 0, steps=STEPS, seed=0, device=torch.device("cpu"),
    )  # fmt: skip
    settings = TrainConfig(
        epochs=EPOCHS,
        optimiser=AdamwConfig(),
        ema_decay=0.9,
        checkpoint_seconds=0 if stop else 1e9,
        watch_steps=1,
    )
    seen = []

    def watch(step, figures):
        seen.append(figures["loss/total"])
        if stop is not None and step > stop:
            raise StopHereError

    placement = place("cpu", "float32")
    trained = train(Learner(encoder, method), source, settings, folder, watch, seed=0, placement=placement)
    return trained, seen


@pytest.mark.parametrize("name", METHODS)
def test_it_trains_twenty_steps_and_resumes_bit_equal(kind, name, tmp_path):
    if not FITS[kind[0], name]:
        with pytest.raises(UserError):
            check_method(CONFIGS[name], kind[0])
        return
    check_method(CONFIGS[name].model_copy(update={"mix": None}), kind[0])
    through, losses = run(name, kind, tmp_path / "through")
    assert through.steps == EPOCHS * STEPS
    assert np.isfinite(losses).all()
    with pytest.raises(StopHereError):
        run(name, kind, tmp_path / "stopped", stop=8)
    resumed, later = run(name, kind, tmp_path / "stopped")
    assert 0 < len(later) < len(losses)
    for a, b in ((through.learner, resumed.learner), (through.average, resumed.average)):
        for (key, x), (_, y) in zip(a.state_dict().items(), b.state_dict().items(), strict=True):
            assert torch.equal(x, y), key
            assert torch.isfinite(x.double()).all(), key


def test_the_head_of_each_has_learnt(kind, tmp_path):
    """That the list above would notice a training in which nothing moves."""
    torch.manual_seed(0)
    trained, _ = run("supervised", kind, tmp_path)
    encoder_config = TypeAdapter(EncoderConfig).validate_python(KINDS[kind[0]].encoder)
    torch.manual_seed(0)
    encoder = build_encoder(encoder_config, kind[1].packing)
    begun = build_method(CONFIGS["supervised"], encoder, K, len(kind[1].open()), torch.ones(K))
    assert not torch.equal(begun.head.weight, trained.learner.objective.head.weight)
    pairs = zip(encoder.parameters(), trained.learner.encoder.parameters(), strict=True)
    changed = [not torch.equal(before, after) for before, after in pairs]
    assert any(changed)


@pytest.mark.parametrize(("modality", "name"), REFUSED)
def test_what_does_not_fit_is_refused_by_name_and_those_that_do_are_named(modality, name):
    with pytest.raises(
        UserError, match=f"method {name} needs .*, and the recipe's modality is {modality}"
    ) as caught:
        check_method(CONFIGS[name], modality)
    named = re.split(", ", str(caught.value).split(f"for {modality}: ")[1])
    assert named == sorted(other for (kind, other) in TRAINS if kind == modality)


def test_every_kind_has_methods_and_only_images_have_all_but_those_of_tables():
    for kind in MODALITIES:
        fit = {name for (of, name) in TRAINS if of == kind}
        assert {"fixmatch", "supervised", "setfit", "feature_mixup", "pseudolabel", "uda"} <= fit
        assert ("vime_semi" in fit) == (kind == "table")
    assert {name for (of, name) in TRAINS if of == "image"} == set(METHODS) - {"vime_semi"}
    assert not {"mixmatch", "vat", "s4l", "m2", "ssgan"} & {
        n for (of, n) in TRAINS if of in ("text", "table")
    }


@pytest.mark.parametrize("modality", MODALITIES)
def test_views_are_mixed_only_where_they_are_continuous(modality):
    config = SupervisedConfig(mix=MixConfig())
    if "continuous" in GIVEN[modality]:
        check_method(config, modality)
        return
    with pytest.raises(UserError, match="mixes views of continuous values"):
        check_method(config, modality)
