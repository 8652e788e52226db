import pytest

from components.errors import UserError
from pipelines.engine.scaled_out import reasons, refuse_unsafe
from pipelines.settings import Settings

SECRET = "a1b2c3d4e5f60718293a4b5c"
SAFE = {
    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"postgresql+psycopg2://u:{SECRET}@postgres/airflow",
    "AIRFLOW__CORE__FERNET_KEY": SECRET,
    "AIRFLOW__API__SECRET_KEY": SECRET,
    "AIRFLOW__API_AUTH__JWT_SECRET": SECRET,
    "RAY_AUTH_MODE": "token",
    "RAY_AUTH_TOKEN": SECRET,
}
SCALED = {
    "profile": "scaled-out",
    "mlflow": "http://mlflow:5000",
    "ray": "ray-head:6379",
    "store_remote": "s3://runs/store",
    "dvc_remote": "s3://data/dvc",
}


def scaled(tmp_path, **other):
    return Settings.model_validate({"home": tmp_path, **SCALED, **other})


def test_safe_settings_start(tmp_path):
    assert reasons(scaled(tmp_path), SAFE) == []
    refuse_unsafe(scaled(tmp_path), SAFE)


def test_the_embedded_profile_asks_for_nothing(tmp_path):
    refuse_unsafe(Settings(home=tmp_path), {})


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"mlflow": "sqlite:////srv/mlflow.db"}, "SELFSUP_MLFLOW is SQLite"),
        ({"mlflow": "postgresql://u:short@db/mlflow"}, "password in SELFSUP_MLFLOW has 5 characters"),
        ({"ray": "local"}, "SELFSUP_RAY is 'local'"),
        ({"store_remote": None}, "SELFSUP_STORE_REMOTE is not set"),
        ({"dvc_remote": "/srv/dvc"}, "SELFSUP_DVC_REMOTE is a folder"),
    ],
)
def test_a_setting_of_one_machine_is_refused(tmp_path, other, said):
    (found,) = reasons(scaled(tmp_path, **other), SAFE)
    assert said in found


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        *((name, "", "is not set") for name in SAFE),
        ("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "sqlite:////srv/airflow.db", "is SQLite"),
        ("AIRFLOW__CORE__FERNET_KEY", "changeme-changeme-1", "can be guessed"),
        ("AIRFLOW__API__SECRET_KEY", "a" * 30, "can be guessed"),
        ("AIRFLOW__API_AUTH__JWT_SECRET", "short", "has 5 characters"),
        ("RAY_AUTH_MODE", "disabled", "must be 'token'"),
        ("RAY_AUTH_TOKEN", "0123456789", "has 10 characters"),
    ],
)
def test_what_is_missing_or_weak_is_refused(tmp_path, name, value, said):
    (found,) = reasons(scaled(tmp_path), {**SAFE, name: value})
    assert found.startswith((name, f"the password in {name}"))
    assert said in found
    assert not value or len(value) < 6 or value not in found  # a secret is not shown


def test_a_token_may_lie_in_a_file(tmp_path):
    (tmp_path / "token").write_text(SECRET)
    given = {**SAFE, "RAY_AUTH_TOKEN": "", "RAY_AUTH_TOKEN_PATH": str(tmp_path / "token")}
    assert reasons(scaled(tmp_path), given) == []
    assert reasons(scaled(tmp_path), {**given, "RAY_AUTH_TOKEN_PATH": str(tmp_path / "none")}) != []


def test_all_reasons_are_one_line(tmp_path):
    with pytest.raises(UserError) as caught:
        refuse_unsafe(Settings(home=tmp_path, profile="scaled-out"), {})
    text = str(caught.value)
    assert "\n" not in text
    for name in (*SAFE, "SELFSUP_MLFLOW", "SELFSUP_RAY", "SELFSUP_STORE_REMOTE", "SELFSUP_DVC_REMOTE"):
        assert name in text


def test_run_and_up_refuse(project):
    project.recipe()
    code, _, err = project.selfsup("run", "recipes/small.yaml", SELFSUP_PROFILE="scaled-out")
    assert code == 2
    assert err.startswith(
        "selfsup: error [unsafe-settings]: the scaled-out profile does not start like this: "
    )
    assert project.calls == []
    code, _, err = project.selfsup("up", SELFSUP_PROFILE="scaled-out")
    assert (code, err.count("\n")) == (2, 1)
    assert "its own Airflow" in err
