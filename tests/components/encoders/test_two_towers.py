"""Two towers: each side passes through its own encoder, heads see the image, and what is locked stays."""

import pytest
import torch
from pydantic import ValidationError

from components.encoders import build_encoder, start_encoder
from components.encoders.start import Start, digest
from components.encoders.two_towers import TwoTowersConfig
from components.errors import UserError
from components.modalities.pair.views import seen_pair
from components.objectives import build_objective
from components.objectives.base import Batch
from components.objectives.clip import ClipConfig
from components.training.checkpoint import export_encoder
from tests.components.objectives.pairs import PACKING, TOWERS, pairs


def built(config=TOWERS, seed=0):
    torch.manual_seed(seed)
    return build_encoder(config, PACKING)


def test_the_feature_is_the_images_alone():
    encoder, view = built().eval(), pairs(5)
    seen = seen_pair(view, PACKING)
    assert encoder.feature_dim == encoder.image.feature_dim == 8
    torch.testing.assert_close(encoder(view), encoder.image(seen.image), rtol=0, atol=0)
    other = view.clone()
    other[:, -3:] = 0
    torch.testing.assert_close(encoder(other), encoder(view), rtol=0, atol=0)


def test_both_sides_are_projected_linearly_into_one_space():
    encoder, view = built().eval(), pairs(5)
    seen, embedded = seen_pair(view, PACKING), encoder.embed(view)
    image = build_encoder(TOWERS.image, PACKING.image).eval()
    image.load_state_dict(encoder.image.state_dict())
    text = build_encoder(TOWERS.text, PACKING.text).eval()
    text.load_state_dict(encoder.text.state_dict())
    torch.testing.assert_close(embedded.image, image(seen.image) @ encoder.image_projection.weight.T)
    torch.testing.assert_close(embedded.text, text(seen.text) @ encoder.text_projection.weight.T)
    assert embedded.image.shape == embedded.text.shape == (5, 6)
    assert encoder.image_projection.bias is None


def weights(folder, seed=3):
    torch.manual_seed(seed)
    image, text = build_encoder(TOWERS.image, PACKING.image), build_encoder(TOWERS.text, PACKING.text)
    made = []
    for name, encoder in (("image", image), ("text", text)):
        file = folder / f"{name}.safetensors"
        export_encoder(file, encoder)
        made.append(Start(weights=str(file), sha256=digest(file)))
    return made, image, text


def test_each_side_begins_from_its_own_weights(tmp_path):
    (of_image, of_text), image, text = weights(tmp_path)
    config = TwoTowersConfig(
        image=TOWERS.image.model_copy(update={"start": of_image}),
        text=TOWERS.text.model_copy(update={"start": of_text}),
        embedding=6,
    )
    encoder = start_encoder(config, PACKING)
    for one, other in ((encoder.image, image), (encoder.text, text)):
        for (name, own), (_, its) in zip(one.state_dict().items(), other.state_dict().items(), strict=True):
            assert torch.equal(own, its), name
    assert not torch.equal(
        built(config).image.stem[0].weight, image.stem[0].weight
    )  # only a training begins there
    assert all(parameter.requires_grad for parameter in encoder.parameters())


def test_a_locked_image_encoder_learns_nothing_and_captions_do(tmp_path):
    (of_image, _), image, _ = weights(tmp_path)
    config = TwoTowersConfig(
        image=TOWERS.image.model_copy(update={"start": of_image}), text=TOWERS.text, embedding=6, lock="image"
    )
    encoder = start_encoder(config, PACKING).train()
    objective = build_objective(ClipConfig(), encoder, 24, 70)
    learning = [*encoder.parameters(), *objective.parameters()]
    optimiser = torch.optim.SGD([p for p in learning if p.requires_grad], 0.1)
    before = {name: value.clone() for name, value in encoder.state_dict().items()}
    for step in range(3):
        optimiser.zero_grad()
        objective(encoder, Batch([pairs(8, seed=step)], torch.arange(8))).total.backward()
        optimiser.step()
    changed = {name for name, value in encoder.state_dict().items() if not torch.equal(value, before[name])}
    assert {name.split(".")[0] for name in changed} == {"text", "image_projection", "text_projection"}
    for name, value in image.state_dict().items():
        assert torch.equal(encoder.image.state_dict()[name], value), name


def test_locking_needs_weights():
    with pytest.raises(ValidationError, match=r"lock: image needs image\.start"):
        TwoTowersConfig(lock="image")


def test_it_takes_pairs_alone_and_towers_of_the_right_kind():
    with pytest.raises(
        UserError, match="encoder two_towers takes pair samples and the recipe's modality is image"
    ):
        build_encoder(TOWERS, PACKING.image)
    with pytest.raises(UserError, match=r"encoder resnet takes image samples .* for pair: two_towers"):
        build_encoder(TOWERS.image, PACKING)
    with pytest.raises(ValidationError):
        TwoTowersConfig.model_validate({"image": {"name": "text_bag"}})
    with pytest.raises(ValidationError):
        TwoTowersConfig.model_validate({"text": {"name": "two_towers"}})
