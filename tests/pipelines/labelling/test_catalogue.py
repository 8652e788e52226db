from pipelines.labelling.catalogue import row_table


def test_a_row_is_shown_with_all_its_columns_escaped():
    values = {f"c{k}": str(k) for k in range(9)} | {"<b>": "<script>", "none": None}
    html = row_table(values)
    assert html.count("<tr>") == 10
    assert "&lt;b&gt;" in html
    assert "<script>" not in html
    assert "none" not in html
