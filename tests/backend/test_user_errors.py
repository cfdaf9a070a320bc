import pytest

from backend.user_errors import told_in_one_line
from smpl_rig.errors import LimberError


@told_in_one_line
def program(error: Exception | None) -> int:
    """Does something."""
    if error is not None:
        raise error
    return 3


@pytest.mark.parametrize("error", [LimberError("No such rig."), FileNotFoundError(2, "No such file", "rig.fbx")])
def test_users_errors_are_told_in_one_line(error: Exception, capsys: pytest.CaptureFixture[str]) -> None:
    assert program(error) == 1
    assert capsys.readouterr().err == f"limber: {error}\n"


def test_other_errors_and_results_pass() -> None:
    assert program(None) == 3
    with pytest.raises(ValueError, match="a fault of ours"):
        program(ValueError("a fault of ours"))
    assert program.__doc__ == "Does something."
