from o365lib.evidence.verification.findings import MOST_PROBLEMS, Findings, Kind, some


def test_problems_are_sorted_and_one_of_a_kind_is_enough_for_a_file():
    findings = Findings()
    findings.add(Kind.EDITED, "First.", file="b")
    findings.add(Kind.EDITED, "Second.", file="b")
    findings.add(Kind.MISSING, "Third.", file="b")
    findings.add(Kind.EDITED, "Fourth.", file="a", client="alpine-books")
    told = [(each.file, each.sentence) for each in findings.problems()]
    assert told == [("b", "First."), ("b", "Third."), ("a", "Fourth.")]
    assert findings.more_problems() == 0


def test_more_problems_than_anybody_reads_are_counted_only():
    findings = Findings()
    for number in range(MOST_PROBLEMS + 7):
        findings.add(Kind.EDITED, "It is.", file=str(number))
    assert (len(findings.problems()), findings.more_problems()) == (MOST_PROBLEMS, 7)


def test_many_names_become_some_and_a_number():
    assert some(["b", "a"]) == "a, b"
    assert some("gfedcba") == "a, b, c, d, e and 2 more"
