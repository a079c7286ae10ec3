from simple_package import a, b


def test_bar_is_in_a() -> None:
    assert a.bar() == "bar, in module a"


def test_foo_is_in_b() -> None:
    assert b.foo() == "foo, in module b"
