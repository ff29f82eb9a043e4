"""Reading YAML: line numbers, duplicate keys, and the surprises of YAML 1.1."""

from config_samples import problems_in
from hypothesis import given
from hypothesis import strategies as st

from tradewind.config.document import Document, Mark, read


def test_places_of_keys_and_values() -> None:
    document = read("a:\n  b: [1, two]\n")

    assert document.keys["a", "b"] == Mark(2, 3)
    assert document.values["a", "b", 1] == Mark(2, 10)
    assert document.place(("a", "c")) == Mark(1, 1)
    assert document.data == {"a": {"b": [1, "two"]}}


def test_merge_keys_bring_what_is_not_written() -> None:
    document = read("one: &one {x: 1, y: 2}\ntwo: {<<: *one, y: 3}\nthree:\n  <<: [{z: 1}, *one, {z: 2}]\n")

    assert document.data["two"] == {"x": 1, "y": 3}
    assert document.data["three"] == {"z": 1, "x": 1, "y": 2}
    assert not document.problems


def test_numbers_are_what_they_look_like() -> None:
    assert read("[3:00, 010, 1_000, 0x10, 1.5, yes]").data == ["3:00", 10, 1000, 16, 1.5, True]


def test_each_duplicate_is_a_problem_and_the_first_stays() -> None:
    document = read("a: 1\na: 2\nb: {c: 1, c: 2}\n")

    assert document.data == {"a": 1, "b": {"c": 1}}
    assert [(one.path, one.line, one.column) for one in document.problems] == [("a", 2, 1), ("b.c", 3, 11)]


@given(st.text())
def test_no_text_breaks_the_reader(text: str) -> None:
    assert isinstance(read(text), Document)


@given(st.text("a:-[]{}&*!|>'\"#%@`,? \n\t1<"))
def test_no_text_is_a_configuration_by_chance(text: str) -> None:
    assert problems_in(text)
