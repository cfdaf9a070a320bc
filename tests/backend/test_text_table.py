from backend.text_table import aligned


def test_columns_stand_under_each_other() -> None:
    table = aligned([("name", "n", "end"), ("a", "1", "x"), ("longer", "1,000", "")], right=(1,))
    assert table.splitlines() == [
        "name        n  end",
        "------  -----  ---",
        "a           1  x",
        "longer  1,000",
    ]
