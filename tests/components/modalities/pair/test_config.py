"""What a recipe may say of pairs."""

import pytest
from pydantic import ValidationError

from components.modalities.pair.config import PairConfig


@pytest.mark.parametrize("image", [{"keep": True}, {"window": (40, 400)}, {"channels": 4}])
def test_images_whose_values_would_be_kept_are_refused(image: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match="images of pairs have 8 bits and 1 or 3 channels"):
        PairConfig.model_validate({"image": image})


def test_a_prompt_has_one_place_for_the_class() -> None:
    assert PairConfig(prompts=("a picture of {}",)).prompts == ("a picture of {}",)
    for prompt in ("a picture", "{} beside {}"):
        with pytest.raises(ValidationError, match="once, in place of the class"):
            PairConfig(prompts=(prompt,))
