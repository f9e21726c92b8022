from o365lib.reports.parts import Bars, Section, Sentence, Stacks, Words, filled


def test_sections_without_anything_are_left_out():
    full = Section("One", [Sentence("text")])
    assert filled(full, Section("Two", [])) == (full,)


def test_the_longest_bar_is_never_shorter_than_one():
    assert Bars("what", []).most == 1
    assert Bars("what", [("a", 0)]).most == 1
    assert Bars("what", [("a", 3), ("b", 7)]).most == 7


def test_the_longest_stack_is_the_greatest_sum():
    kinds = [Words("a"), Words("b")]
    assert Stacks("what", "Month", kinds, []).most == 1
    assert Stacks("what", "Month", kinds, [("1", [3, 4]), ("2", [5, 1])]).most == 7
