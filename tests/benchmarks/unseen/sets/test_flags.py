from PIL import Image

from benchmarks.unseen.sets.flags import EMOJI, ISO, LAYOUTS, _files


def test_a_country_has_one_layout():
    codes = " ".join(LAYOUTS.values()).split()
    assert len(codes) == len(set(codes)) == 190
    assert all(len(code) == 2 and code.isupper() for code in codes)


def test_an_emoji_is_found_by_its_regional_indicators(tmp_path):
    file = tmp_path / "npm/node_modules/emoji-datasource-google/img/google/64/1f1e9-1f1ea.png"
    file.parent.mkdir(parents=True)
    Image.new("RGBA", (4, 4)).save(file)
    assert [path for path in _files("DE", tmp_path) if path.is_relative_to(tmp_path)] == [file]
    assert EMOJI[0].path(tmp_path) == file.parents[3]
    assert ISO.registry == "Debian"
