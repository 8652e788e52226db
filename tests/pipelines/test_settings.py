import pickle
from pathlib import Path

import pytest

from components.cores import available
from components.errors import UserError
from pipelines.settings import Settings


def test_everything_that_is_written_lies_under_the_home():
    settings = Settings.load({"SELFSUP_HOME": "/somewhere"})
    assert settings.store == Path("/somewhere/store")
    assert settings.mlflow == "sqlite:////somewhere/mlflow/mlflow.db"
    assert settings.mlflow_artifacts == Path("/somewhere/mlflow/artifacts")
    assert settings.dvc_remote == "/somewhere/dvc-remote"


def test_paths_are_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    settings = Settings.load({"SELFSUP_DATA": "elsewhere"})
    assert settings.data == tmp_path / "elsewhere"
    assert settings.home == tmp_path / ".selfsup"
    assert settings.store == tmp_path / ".selfsup" / "store"
    assert settings.mlflow == f"sqlite:///{tmp_path}/.selfsup/mlflow/mlflow.db"


def test_a_child_process_loads_the_very_same(tmp_path):
    settings = Settings(home=tmp_path, workers=2, device="cpu", debug=True, store=tmp_path / "other")
    assert Settings.load({**settings.environ(), "PATH": "/bin"}) == settings


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        ({"SELFSUP_HOM": "x"}, "unknown variable 'SELFSUP_HOM'; did you mean 'SELFSUP_HOME'"),
        ({"SELFSUP_WORKERS": "-1"}, "workers: .*greater than or equal to 0"),
        ({"SELFSUP_WORKERS": "many"}, "workers: .*integer"),
        ({"SELFSUP_DEVICE": "gpu"}, "device: .*cuda"),
        ({"SELFSUP_PROFILE": "big"}, "profile: .*'embedded' or 'scaled-out'"),
        ({"SELFSUP_STORE_REMOTE": "/srv/store"}, "store_remote: .*s3://"),
        ({"SELFSUP_JOBS": "head:8265"}, "jobs: .*https"),
    ],
)
def test_a_mistake_is_one_line_that_names_it(environ, message):
    with pytest.raises(UserError, match=message) as caught:
        Settings.load(environ)
    assert "\n" not in str(caught.value)


def test_the_store_knows_where_others_find_its_runs(tmp_path):
    settings = Settings(home=tmp_path, store_remote="s3://runs/store", jobs="http://head:8265")
    again = [
        Settings.load(settings.environ()),
        Settings.model_validate(settings.model_dump(mode="json")),
        pickle.loads(pickle.dumps(settings)),
        settings.model_copy(update={"workers": 2}),
    ]
    for one in again:
        assert (one.store, one.store.remote) == (tmp_path / "store", "s3://runs/store")
    assert Settings(home=tmp_path).store.remote is None
    assert Settings.load(Settings(home=tmp_path).environ()) == Settings(home=tmp_path)


def test_a_remote_may_be_a_folder_or_a_bucket(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert Settings.load({"SELFSUP_DVC_REMOTE": "there"}).dvc_remote == str(tmp_path / "there")
    assert Settings.load({"SELFSUP_DVC_REMOTE": "s3://data/dvc"}).dvc_remote == "s3://data/dvc"


def test_an_empty_variable_is_no_value():
    assert Settings.load({"SELFSUP_WORKERS": ""}).workers == 0


def test_in_a_dvc_project_of_the_users_own_the_data_lie_in_the_home(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".dvc").mkdir()
    assert Settings.load({}).data == tmp_path / ".selfsup" / "data"
    with pytest.raises(UserError, match=r"data: .* is a DVC project of its own.* set SELFSUP_DATA"):
        Settings.load({"SELFSUP_DATA": "data"})
    assert Settings.load({"SELFSUP_DATA": "selfsup/data"}).data == tmp_path / "selfsup" / "data"
    (tmp_path / ".dvc" / "config").write_text("['remote \"selfsup\"']\n    url = there\n")  # as we make it
    assert Settings.load({"SELFSUP_DATA": "data"}).data == Settings.load({}).data == tmp_path / "data"


def test_a_question_mark_ends_the_address_of_a_database(tmp_path, monkeypatch):
    with pytest.raises(UserError, match=r"home: a folder without '\?' .*what\?.* SELFSUP_HOME"):
        Settings.load({"SELFSUP_HOME": "/srv/what?"})
    (tmp_path / "so?").mkdir()
    monkeypatch.chdir(tmp_path / "so?")
    with pytest.raises(UserError, match=r"set SELFSUP_HOME to another"):
        Settings.load({})  # the default lies in this folder
    assert Settings.load({"SELFSUP_HOME": "/srv/a b%#ü"}).home.name == "a b%#ü"


@pytest.mark.parametrize("given", ["0", "-1", "abc", "1.5"])
def test_a_number_of_cores_that_there_cannot_be(given):
    with pytest.raises(UserError, match=rf"environment \(SELFSUP_\*\): cpus: .*{given}"):
        Settings.load({"SELFSUP_CPUS": given})


def test_cores_are_all_that_may_be_used_unless_said():
    assert Settings.load({"SELFSUP_CPUS": "64"}).cores == 64
    assert Settings.load({}).cores == available()
    assert Settings.load(Settings.load({"SELFSUP_CPUS": "3"}).environ()).cores == 3
