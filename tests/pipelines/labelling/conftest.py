import pytest

from tests.pipelines.labelling.bench import RECIPE, Bench, serving


@pytest.fixture(scope="session")
def template(tmp_path_factory):
    """60 pictures, ingested and in a snapshot, of which nobody has labelled any."""
    bench = Bench(tmp_path_factory.mktemp("tones"))
    (bench.root / "recipes").mkdir()
    (bench.root / "recipes" / "tones.yaml").write_text(RECIPE)
    bench.deliver(60)
    bench.ingest()
    bench.snapshot()
    return bench


@pytest.fixture
def bench(template, tmp_path):
    return template.copy(tmp_path / "tones")


@pytest.fixture
def page(bench):
    """A page of its own."""
    with serving(bench) as made:
        yield made


@pytest.fixture(scope="module")
def shared(template, tmp_path_factory):
    """A page for tests that are to leave no answer; starting one takes seconds."""
    bench = template.copy(tmp_path_factory.mktemp("shared") / "tones")
    with serving(bench) as made:
        yield made
