import pytest

from components.errors import UserError
from pipelines.serving.options import canary_of, checked, is_loopback, token_of


def test_loopback_needs_no_token_and_all_else_does() -> None:
    assert checked({}).host == "127.0.0.1"
    for host in ("127.0.0.1", "127.8.0.1", "::1", "localhost"):
        assert is_loopback(host)
        assert checked({"host": host}).token is None
    for host in ("0.0.0.0", "::", "192.168.0.7", "example.org", "localhost.example.org"):
        assert not is_loopback(host)
        with pytest.raises(UserError, match=f"a token is required .*host {host}.*add --token TOKEN"):
            checked({"host": host})
        assert checked({"host": host, "token": "0123456789abcdef"}).host == host


def test_a_short_token_is_refused() -> None:
    with pytest.raises(UserError, match="token: String should have at least 16 characters"):
        checked({"token": "0123456789abcde"})


def test_a_canary_as_the_command_line_writes_it() -> None:
    rule = checked({"canary": canary_of("challenger=0.1")}).canary
    assert rule is not None
    assert (rule.alias, rule.share, rule.errors, rule.slower) == ("challenger", 0.1, 0.02, 2.0)
    with pytest.raises(
        UserError, match=r"--canary must be ALIAS=SHARE, such as challenger=0.1 \(got 'challenger'\)"
    ):
        canary_of("challenger")
    for text in ("challenger=1", "challenger=0", "challenger=ten", "=0.1"):
        with pytest.raises(UserError, match="canary"):
            checked({"canary": canary_of(text)})


def test_a_token_from_a_file(tmp_path) -> None:
    (tmp_path / "token").write_text("0123456789abcdef\n")
    assert token_of(f"@{tmp_path / 'token'}") == "0123456789abcdef"
    assert (token_of("plain"), token_of(None)) == ("plain", None)
    with pytest.raises(UserError, match="the file cannot be read"):
        token_of(f"@{tmp_path / 'none'}")
