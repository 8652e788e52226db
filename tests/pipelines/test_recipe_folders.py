import pytest

from components.errors import UserError
from pipelines import recipe_folders
from pipelines.recipe import load
from pipelines.settings import Settings

TEXT = "name: {name}\nmodality: {{name: image}}\ninbox: in\n"


@pytest.fixture
def settings(tmp_path):
    made = Settings(home=tmp_path / "home", recipes=tmp_path / "recipes")
    for folder in (made.recipes, made.user_recipes):
        folder.mkdir(parents=True)
    write(made.recipes / "a.yaml", "shoes")
    write(made.user_recipes / "b.yaml", "bags")
    (made.recipes / "broken.yaml").write_text("name: [broken")
    return made


def write(file, name):
    file.write_text(TEXT.format(name=name))
    return file


def test_a_recipe_is_found_by_its_path_or_its_name(settings):
    assert recipe_folders.find("bags", settings).file == settings.user_recipes / "b.yaml"
    assert recipe_folders.find(settings.recipes / "a.yaml", settings).name == "shoes"
    with pytest.raises(
        UserError, match=r"no recipe 'shoe' in .*recipes or .*home/recipes; did you mean shoes"
    ):
        recipe_folders.find("shoe", settings)
    with pytest.raises(UserError, match="recipes there: bags, shoes"):
        recipe_folders.find("zzzz", settings)


def test_a_copy_with_the_old_name_is_refused_and_so_is_what_it_was_copied_from(settings, tmp_path):
    one = load(settings.recipes / "a.yaml")
    recipe_folders.refuse_namesakes(one, settings)
    copy = write(settings.user_recipes / "copy.yaml", "shoes")
    for file in (copy, one.file):
        with pytest.raises(
            UserError, match=r"the name shoes is in .* and .*: .* give all but one .* another name"
        ):
            recipe_folders.refuse_namesakes(load(file), settings)
    with pytest.raises(UserError, match="the name shoes is in"):
        recipe_folders.find("shoes", settings)
    copy.unlink()
    with pytest.raises(UserError, match="the name shoes is in"):  # wherever the copy lies
        recipe_folders.refuse_namesakes(load(write(tmp_path / "elsewhere.yaml", "shoes")), settings)


def test_one_folder_named_twice_and_a_link_are_no_namesakes(settings, tmp_path):
    (settings.user_recipes / "link.yaml").symlink_to(settings.recipes / "a.yaml")
    recipe_folders.refuse_namesakes(load(settings.recipes / "a.yaml"), settings)
    twice = settings.model_copy(update={"user_recipes": settings.recipes})
    assert recipe_folders.find("shoes", twice).name == "shoes"


def test_what_cannot_be_read_is_named(settings):
    found, mistakes = recipe_folders.read(settings)
    assert sorted(found) == ["bags", "shoes"]
    assert len(mistakes) == 1
    assert "broken.yaml" in mistakes[0]
