"""The pages."""


def test_the_list_is_empty_at_first(client) -> None:
    answer = client.get("/")
    assert answer.status_code == 200
    assert "There is no package yet." in answer.text
