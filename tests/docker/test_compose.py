"""The scaled-out profile, as far as it can be checked without a container engine.

compose-spec.json is the Compose Specification's schema (Apache-2.0, compose-spec.LICENSE), as the PyPI package
check-jsonschema 0.39.0 carries it.
"""

import copy
import json
import os
import re
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipelines.engine.scaled_out import reasons
from pipelines.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
DOCKER = ROOT / "docker"
NAME = re.compile(r"\$(?:\$|\{([A-Z][A-Z0-9_]*)(?:(:[?-])([^}]*))?\})")
SECRET = re.compile(r"PASSWORD|TOKEN|SECRET|_KEY|FERNET|AUTH$")


class UnsetError(Exception):
    """What compose says when a variable with :? is empty."""


def interpolate(value: Any, environ: dict[str, str]) -> Any:
    """As compose does it, for the forms that the file may use."""
    if isinstance(value, dict):
        return {key: interpolate(item, environ) for key, item in value.items()}
    if isinstance(value, list):
        return [interpolate(item, environ) for item in value]
    if not isinstance(value, str):
        return value

    def put(match: re.Match[str]) -> str:
        name, form, rest = match.groups()
        if name is None:
            return "$"
        if environ.get(name):
            return environ[name]
        if form != ":-":
            raise UnsetError(name)
        return rest

    return NAME.sub(put, value)


def example() -> dict[str, str]:
    """NAME -> value of env.example; the secrets are empty."""
    text = (DOCKER / "env.example").read_text()
    return dict(line.split("=", 1) for line in text.splitlines() if re.match(r"[A-Z]", line))


def raw() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((DOCKER / "compose.yaml").read_text())
    return loaded


def secrets() -> dict[str, str]:
    return {name: f"a1b2c3d4e5f6{number:012x}" for number, name in enumerate(example())}


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return interpolate(raw(), secrets())  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def ours(compose: dict[str, Any]) -> dict[str, Any]:
    return {name: s for name, s in compose["services"].items() if s["image"].startswith("selfsup:")}


def leaves(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for item in value.values():
            yield from leaves(item)
    elif isinstance(value, list):
        for item in value:
            yield from leaves(item)
    else:
        yield str(value)


def module(name: str) -> dict[str, Any]:
    """What a script of docker/ defines; it is no package."""
    space: dict[str, Any] = {"__name__": name, "__file__": str(DOCKER / f"{name}.py")}
    exec(compile((DOCKER / f"{name}.py").read_text(), f"{name}.py", "exec"), space)
    return space


# The file as a whole


def test_compose_is_what_the_specification_asks_for(compose: dict[str, Any]) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads(Path(__file__).with_name("compose-spec.json").read_text())
    check = jsonschema.Draft202012Validator(schema)
    assert [error.message for error in check.iter_errors(raw())] == []
    assert [error.message for error in check.iter_errors(compose)] == []
    wrong = copy.deepcopy(compose)
    wrong["services"]["redis"]["restarts"] = "always"
    assert not check.is_valid(wrong)  # the schema does look


def test_the_parts_of_the_profile_are_there(compose: dict[str, Any]) -> None:
    services = compose["services"]
    asked = {"postgres", "redis", "objects", "mlflow", "ray-head", "ray-worker"}
    asked |= {
        f"airflow-{part}" for part in ("api", "scheduler", "dag-processor", "triggerer", "worker", "init")
    }
    assert asked <= services.keys()
    for name, service in services.items():
        if service.get("restart") == "no":  # runs once
            continue
        assert service["restart"] == "unless-stopped", name
        assert service["healthcheck"]["test"], name
        assert set(service["deploy"]["resources"]["limits"]) == {"cpus", "memory"}, name


def test_who_is_waited_for_can_become_ready(compose: dict[str, Any]) -> None:
    services = compose["services"]
    waited = [(d, how) for s in services.values() for d, how in s.get("depends_on", {}).items()]
    assert len(waited) > 15
    for name, how in waited:
        if how["condition"] == "service_healthy":
            assert "healthcheck" in services[name], name
        else:
            assert how["condition"] == "service_completed_successfully"
            assert services[name]["restart"] == "no", name


def test_volumes_and_networks_are_declared(compose: dict[str, Any]) -> None:
    used = {v.split(":")[0] for s in compose["services"].values() for v in s.get("volumes", [])}
    named = {name for name in used if not name.startswith((".", "/"))}
    assert named == set(compose["volumes"])
    assert {n for s in compose["services"].values() for n in s["networks"]} == set(compose["networks"])
    for mount in used - named:
        assert (DOCKER / mount).exists(), mount
    for name in ("postgres", "redis", "objects"):
        assert compose["services"][name]["networks"] == ["back"]
    assert compose["networks"]["back"]["internal"] is True


# What must not be


def test_every_published_port_is_on_loopback(compose: dict[str, Any]) -> None:
    ports = [port for s in compose["services"].values() for port in s.get("ports", [])]
    assert len(ports) == 3
    assert all(re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port) for port in ports)
    assert not any(s.get("network_mode") or s.get("privileged") for s in compose["services"].values())


@pytest.mark.parametrize("name", example())
def test_compose_refuses_to_start_without(name: str) -> None:
    given = {key: value for key, value in secrets().items() if key != name}
    with pytest.raises(UnsetError, match=f"^{name}$"):
        interpolate(raw(), given)
    with pytest.raises(UnsetError, match=f"^{name}$"):
        interpolate(raw(), {**given, name: ""})


def test_no_secret_has_a_default_and_env_example_names_them_all() -> None:
    required, with_default = set(), set()
    for text in leaves(raw()):
        for match in NAME.finditer(text):
            name, form, rest = match.groups()
            if name is None:
                continue
            assert form in (":?", ":-"), f"{name} may be empty"
            (required if form == ":?" else with_default).add(name)
            assert form == ":-" or rest == f"set {name} in docker/.env"
    assert required == set(example())
    assert not any(value for value in example().values())
    assert not any(SECRET.search(name) for name in with_default)
    said = set(re.findall(r"^# ([A-Z][A-Z0-9_]+)=", (DOCKER / "env.example").read_text(), re.M))
    assert said == with_default


def test_every_secret_in_an_environment_is_asked_for() -> None:
    for name, service in raw()["services"].items():
        for key, value in service.get("environment", {}).items():
            if SECRET.search(key) and key != "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE":
                assert re.fullmatch(r"\$\{\w+:\?[^}]+\}", value), (name, key)
            if "://" in str(value) and "@" in str(value):
                assert re.search(r":\$\{\w+:\?[^}]+\}@", value), (name, key)


def test_sqlite_is_nowhere() -> None:
    files = [DOCKER / "compose.yaml", DOCKER / "Dockerfile", DOCKER / "env.example"]
    for file in [*files, *DOCKER.glob("*.sh"), *(DOCKER / "kuberay").iterdir()]:
        assert "sqlite" not in file.read_text().lower(), file


def test_no_image_names_a_registry(compose: dict[str, Any]) -> None:
    base = re.findall(r"^FROM (\S+)", (DOCKER / "Dockerfile").read_text(), re.M)
    for image in [*base, *(service["image"] for service in compose["services"].values())]:
        assert re.fullmatch(r"([a-z0-9-]+/)?[a-z0-9-]+:[\w.-]+", image), image
        assert not image.endswith(":latest")


# Ours


def test_every_selfsup_variable_is_a_setting(ours: dict[str, Any]) -> None:
    known = {f"SELFSUP_{name.upper()}" for name in Settings.model_fields}
    worker = ours["airflow-worker"]["environment"]
    for name, service in ours.items():
        given = {k: str(v) for k, v in service["environment"].items() if k.startswith("SELFSUP_")}
        assert given.keys() <= known, name
    settings = Settings.load({k: str(v) for k, v in worker.items()})
    assert settings.ray == "ray-head:6379"
    assert settings.mlflow == "http://mlflow:5000"
    assert settings.jobs == "http://ray-head:8265"
    assert settings.workers >= 1  # with 0 the cluster would have nothing to do
    for name in ("airflow-worker", "ray-worker"):
        mounted = [v.split(":")[1] for v in ours[name]["volumes"]]
        for folder in (settings.home, settings.data, settings.store, settings.recipes):
            assert any(folder.is_relative_to(mount) for mount in mounted), (name, folder)


def test_the_profile_would_start(ours: dict[str, Any]) -> None:
    worker = {k: str(v) for k, v in ours["airflow-worker"]["environment"].items()}
    settings = Settings.load(worker)
    assert settings.profile == "scaled-out"
    assert reasons(settings, worker) == []
    for name in ("SELFSUP_STORE_REMOTE", "SELFSUP_DVC_REMOTE", "AIRFLOW__CORE__FERNET_KEY", "RAY_AUTH_TOKEN"):
        less = {key: value for key, value in worker.items() if key != name}
        assert any(name in reason for reason in reasons(Settings.load(less), less)), name


def test_who_runs_stages_reaches_the_object_store(compose: dict[str, Any]) -> None:
    services = compose["services"]
    buckets = set(services["buckets"]["command"][2:])
    for name in ("airflow-worker", "ray-worker", "buckets", "mlflow"):
        environ = services[name]["environment"]
        assert environ["AWS_ENDPOINT_URL"] == "http://objects:7070", name
        assert "back" in services[name]["networks"], name
        used = {match for value in environ.values() for match in re.findall(r"^s3://([a-z]+)", str(value))}
        assert used <= buckets, name
    assert "AWS_SECRET_ACCESS_KEY" not in services["airflow-scheduler"]["environment"]


def test_stages_and_ray_share_their_folder_and_settings(ours: dict[str, Any]) -> None:
    stages, *nodes = (ours[name] for name in ("airflow-worker", "ray-head", "ray-worker"))
    for node in nodes:
        assert "shared:/srv/selfsup" in node["volumes"]
        for key, value in node["environment"].items():
            assert stages["environment"][key] == value, key
        assert node["environment"]["RAY_AUTH_MODE"] == "token"
    assert "shared:/srv/selfsup" in stages["volumes"]


def test_every_airflow_setting_exists(ours: dict[str, Any]) -> None:
    from importlib.util import find_spec

    spec = find_spec("airflow")
    assert spec is not None
    assert spec.origin is not None
    file = Path(spec.origin).parent / "config_templates" / "config.yml"
    known = yaml.safe_load(file.read_text())
    celery = {
        "broker_url",
        "result_backend",
        "worker_concurrency",
        "visibility_timeout",
    }  # the provider's own
    given = {
        key for service in ours.values() for key in service["environment"] if key.startswith("AIRFLOW__")
    }
    assert len(given) > 12
    for key in given:
        section, option = key.removeprefix("AIRFLOW__").lower().split("__")
        assert option in (celery if section.startswith("celery") else known[section]["options"]), key


def test_commands_refer_to_what_exists(ours: dict[str, Any]) -> None:
    copied = re.findall(r"^COPY (.+) \S+$", (DOCKER / "Dockerfile").read_text(), re.M)
    sources = {source for line in copied for source in line.split()}
    for name, service in ours.items():
        first, *rest = service["command"]
        if rest[:1] == ["-m"]:
            assert (ROOT / rest[1].replace(".", "/")).with_suffix(".py").is_file(), name
        elif first == "python":
            assert rest[0] in sources, name
        elif "/" in first:
            file = Path(first).relative_to("/opt/selfsup")
            assert str(file) in sources, name
            assert (ROOT / file).stat().st_mode & stat.S_IXUSR, name
        else:
            assert first in {"airflow", "mlflow", "ray"}, name
    assert [name for name, service in ours.items() if "build" in service] == ["mlflow"]
    build = ours["mlflow"]["build"]
    assert (DOCKER / build["context"]).resolve() == ROOT
    assert (ROOT / build["dockerfile"]).is_file()


def test_airflow_subcommands_exist(ours: dict[str, Any]) -> None:
    text = "".join(" ".join(s["command"]) + "\n" for n, s in ours.items() if n.startswith("airflow-"))
    for part in ("api-server", "scheduler", "dag-processor", "triggerer"):
        assert f"airflow {part}" in text
    assert "exec airflow celery worker" in (DOCKER / "worker.sh").read_text()


# The image


def test_the_image_copies_what_exists_and_the_context_lets_through() -> None:
    text = (DOCKER / "Dockerfile").read_text()
    sources = {s for line in re.findall(r"^COPY (.+) \S+$", text, re.M) for s in line.split()}
    assert {"components", "pipelines", "dags", "requirements.lock"} <= sources
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert "*" in ignored
    for source in sources:
        assert (ROOT / source).exists(), source
        assert f"!{source}" in ignored, source
    assert {line[1:] for line in ignored if line.startswith("!")} == sources


def test_the_image_is_not_root_and_holds_no_secret() -> None:
    lines = (DOCKER / "Dockerfile").read_text().splitlines()
    assert [line for line in lines if line.startswith("USER")] == ["USER 1000:1000"]
    assert lines.index("USER 1000:1000") > max(i for i, line in enumerate(lines) if line.startswith("RUN"))
    named = [line for line in lines if line.startswith(("ARG", "ENV")) or "=" in line.split(" #")[0]]
    assert not any(re.search(r"PASSWORD|TOKEN|SECRET|FERNET", line) for line in named)


def test_the_lock_holds_what_the_profile_needs() -> None:
    lock = dict(re.findall(r"^([a-z0-9._-]+)==([\w.]+)", (ROOT / "requirements.lock").read_text(), re.M))
    wanted = {
        "apache-airflow-providers-celery",
        "apache-airflow-providers-postgres",
        "psycopg2-binary",
        "boto3",
        "dvc-s3",
        "redis",
    }
    assert wanted <= lock.keys()
    cluster = yaml.safe_load((DOCKER / "kuberay" / "raycluster.yaml").read_text())
    assert cluster["spec"]["rayVersion"] == lock["ray"]


# The scripts


def test_the_entry_point_lets_the_profile_start(ours: dict[str, Any]) -> None:
    mistakes = module("entrypoint")["mistakes"]
    for name, service in ours.items():
        environ = {key: str(value) for key, value in service["environment"].items()}
        assert mistakes([str(word) for word in service["command"]], environ) == [], name


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "sqlite:////srv/airflow.db", "is SQLite"),
        ("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "", "is not set"),
        ("SELFSUP_MLFLOW", "sqlite:////srv/mlflow.db", "is SQLite"),
        ("SELFSUP_MLFLOW", "", "is not set"),
        ("SELFSUP_RAY", "local", "is 'local'"),
        ("RAY_AUTH_MODE", "disabled", "must be 'token'"),
        ("RAY_AUTH_MODE", "", "is not set"),
        ("RAY_AUTH_TOKEN", "", "is not set"),
        ("RAY_AUTH_TOKEN", "short", "has 5 characters"),
        ("RAY_AUTH_TOKEN", "a" * 32, "can be guessed"),
        ("AIRFLOW__API__SECRET_KEY", "changeme-changeme-1", "can be guessed"),
        ("AIRFLOW__CORE__FERNET_KEY", "", "is not set"),
        ("AIRFLOW__CELERY__BROKER_URL", "redis://:redis@redis:6379/0", "the password in AIRFLOW__CELERY"),
        (
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN",
            "postgresql+psycopg2://airflow:airflowairflowairflow@postgres/airflow",
            "can be guessed",
        ),
    ],
)
def test_the_entry_point_refuses(ours: dict[str, Any], name: str, value: str, said: str) -> None:
    service = ours["airflow-worker"]
    environ = {key: str(v) for key, v in service["environment"].items()} | {name: value}
    found = module("entrypoint")["mistakes"](service["command"], environ)
    assert len(found) == 1
    assert said in found[0]
    assert name in found[0]
    assert not value or len(value) < 6 or value not in found[0]  # secrets are not shown


def test_the_entry_point_refuses_mlflow_without_a_database() -> None:
    assert module("entrypoint")["mistakes"](["mlflow", "server"], {}) == [
        "MLFLOW_BACKEND_STORE_URI is not set"
    ]


def test_the_entry_point_becomes_the_command_or_exits() -> None:
    def start(*command: str, **environ: str) -> subprocess.CompletedProcess[str]:
        script = [sys.executable, str(DOCKER / "entrypoint.py"), *command]
        given = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **environ}
        return subprocess.run(script, env=given, capture_output=True, text=True)

    done = start(sys.executable, "-c", "import sys; sys.exit(7)")
    assert done.returncode == 7
    refused = start(sys.executable, "-c", "print('ran')", RAY_AUTH_MODE="disabled")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.startswith("selfsup: RAY_AUTH_MODE must be 'token'")
    assert start().returncode == 2


def test_the_admins_password_is_written_for_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "passwords.json"
    environ = {"AIRFLOW_ADMIN_PASSWORD": "x" * 20}
    environ["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE"] = str(file)
    module("entrypoint")["write_passwords"](environ)
    assert json.loads(file.read_text()) == {"admin": "x" * 20}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "AIRFLOW_ADMIN_PASSWORD" not in environ


def test_new_env_fills_every_secret_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from cryptography.fernet import Fernet

    (tmp_path / "env.example").write_text((DOCKER / "env.example").read_text())
    main = module("new_env")["main"]
    assert main(tmp_path) == 0
    written = (tmp_path / ".env").read_text()
    values = dict(line.split("=", 1) for line in written.splitlines() if re.match(r"[A-Z]", line))
    assert values.keys() == example().keys()
    assert len(set(values.values())) == len(values)
    Fernet(values["AIRFLOW_FERNET_KEY"])
    assert stat.S_IMODE((tmp_path / ".env").stat().st_mode) == 0o600
    mistakes = module("entrypoint")["mistakes"]
    for service in interpolate(raw(), values)["services"].values():
        environ = {key: str(value) for key, value in service.get("environment", {}).items()}
        assert mistakes(service.get("command", ["x"]), environ) == []
    assert main(tmp_path) == 1
    assert (tmp_path / ".env").read_text() == written
    assert not any(value in capsys.readouterr().out for value in values.values())


# Kubernetes


def manifests() -> dict[str, dict[str, Any]]:
    folder = DOCKER / "kuberay"
    return {file.stem: yaml.safe_load(file.read_text()) for file in sorted(folder.glob("*.yaml"))}


def pods() -> list[tuple[str, dict[str, Any]]]:
    spec = manifests()["raycluster"]["spec"]
    groups = [("head", spec["headGroupSpec"])] + [(g["groupName"], g) for g in spec["workerGroupSpecs"]]
    return [(name, group["template"]["spec"]) for name, group in groups]


def test_kuberay_manifests_are_of_their_kinds() -> None:
    found = {name: (m["apiVersion"], m["kind"]) for name, m in manifests().items()}
    assert found == {
        "raycluster": ("ray.io/v1", "RayCluster"),
        "volume": ("v1", "PersistentVolumeClaim"),
        "networkpolicy": ("networking.k8s.io/v1", "NetworkPolicy"),
        "kustomization": ("kustomize.config.k8s.io/v1beta1", "Kustomization"),
    }
    assert {f"{name}.yaml" for name in found if name != "kustomization"} == set(
        manifests()["kustomization"]["resources"]
    )
    cluster = manifests()["raycluster"]["spec"]
    assert cluster["headGroupSpec"]["serviceType"] == "ClusterIP"
    for group in cluster["workerGroupSpecs"]:
        assert 0 < group["minReplicas"] <= group["replicas"] <= group["maxReplicas"]
    for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"]):
        assert all(isinstance(value, str) for value in group["rayStartParams"].values())


@pytest.mark.parametrize(("name", "pod"), pods())
def test_kuberay_pods(name: str, pod: dict[str, Any], compose: dict[str, Any]) -> None:
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] == 1000  # the image's
    claim = next(v for v in pod["volumes"] if "persistentVolumeClaim" in v)
    assert claim["persistentVolumeClaim"]["claimName"] == manifests()["volume"]["metadata"]["name"]
    (container,) = pod["containers"]
    assert container["image"] == compose["services"]["ray-head"]["image"]
    assert container["securityContext"]["allowPrivilegeEscalation"] is False
    assert {"name": claim["name"], "mountPath": "/srv/selfsup"} in container["volumeMounts"]
    assert set(container["resources"]) == {"requests", "limits"}
    env = {item["name"]: item for item in container["env"]}
    assert env["RAY_AUTH_MODE"]["value"] == "token"
    assert env["RAY_AUTH_TOKEN"]["valueFrom"]["secretKeyRef"]["optional"] is False
    assert all("value" not in item for key, item in env.items() if SECRET.search(key))
    given = {key: item["value"] for key, item in env.items() if key.startswith("SELFSUP_")}
    worker = compose["services"]["airflow-worker"]["environment"]
    assert given
    for key, value in given.items():
        assert worker[key] == value, key


def test_no_secret_is_shipped() -> None:
    assert not [m for m in manifests().values() if m["kind"] == "Secret"]
    assert ".env" in (DOCKER / ".gitignore").read_text().split()
