"""Histories that must be violations of a promise, and histories that must not."""

import pytest

from model import Bounds, Model

BOUNDS = Bounds(alone=10, recovery=20, calm=30, reading=5)


class Told:
    """A model with one repository "r", published at "/r" and followed on "main"."""

    def __init__(self):
        self.model = Model(BOUNDS)
        self.model.follow("/r", "r", "main")

    def push(self, commit, time, served=None, **known):
        value = self.model.pushed("r", "main", commit, time, **known)
        value.served = time if served is None else served
        return self

    def see(self, *commits, time=100.0):
        for commit in commits:
            self.model.observed("/r", commit, time)
        return self

    def broken(self):
        return [violation.promise for violation in self.model.violations]


@pytest.fixture
def told():
    return Told()


# Whole trees

def test_a_tree_that_is_its_commit_is_whole(told):
    told.push("A", 1, digest="a").see("A")
    told.model.compared("/r", "A", "a", "", 2, 3)
    assert told.broken() == []


@pytest.mark.parametrize("digest", ["b", None])
def test_a_tree_that_is_another_or_cannot_be_read_is_not_whole(told, digest):
    told.push("A", 1, digest="a").push("B", 2, digest="b").see("A")
    told.model.compared("/r", "A", digest, "a file is gone", 3, 4)
    assert told.broken() == ["whole"]


def test_a_reader_slower_than_old_trees_are_kept_says_nothing(told):
    told.push("A", 1, digest="a").see("A")
    told.model.compared("/r", "A", None, "a file is gone", 3, 3 + BOUNDS.reading + 1)
    assert told.broken() == []


# Along the values of a ref

def test_values_may_be_passed_over(told):
    assert told.push("A", 1).push("B", 2).push("C", 3).see("A", "A", "C").broken() == []


def test_a_commit_that_the_ref_never_had_is_a_violation(told):
    assert told.push("A", 1).see("B").broken() == ["its own"]


def test_a_commit_that_is_seen_before_it_was_pushed_is_a_violation(told):
    assert told.push("A", 1).push("B", 50).see("B", time=49).broken() == ["its own"]


def test_going_back_is_a_violation_and_is_told_once(told):
    assert told.push("A", 1).push("B", 2).see("A", "B", "A", "A").broken() == ["never back"]


def test_a_ref_that_was_moved_back_may_be_followed(told):
    assert told.push("A", 1).push("B", 2).push("A", 3).see("A", "B", "A").broken() == []


def test_it_may_be_followed_once_only(told):
    assert told.push("A", 1).push("B", 2).push("A", 3).see("B", "A", "B").broken() == ["never back"]


def test_a_deleted_ref_leaves_the_last_tree(told):
    assert told.push("A", 1).push("B", 2).push(None, 3).see("A", "B", "B").broken() == []


# In place

def in_place(told):
    return told.push("A", 1, versions={"x": 1, "y": 1}).push("B", 2, versions={"x": 2, "y": 1}).push(
        "C", 3, versions={"x": 3})


def test_files_in_place_go_forward_each_for_itself(told):
    in_place(told)
    for versions in {"x": 1, "y": 1}, {"x": 3, "y": 1}, {"x": 3}:
        told.model.observed_files("/r", versions, 9)
    assert told.broken() == []


@pytest.mark.parametrize("versions, promise", [
    ({"x": None}, "whole"), ({"x": 2}, "never back"), ({"x": 7}, "its own"), ({"z": 1}, "its own")])
def test_a_file_in_place_that_is_torn_or_goes_back_or_is_nobodys_is_a_violation(told, versions, promise):
    in_place(told)
    told.model.observed_files("/r", {"x": 3}, 8)
    told.model.observed_files("/r", versions, 9)
    assert told.broken() == [promise]


# A 202

def promised(told, sent=5.0, status=202):
    told.push("A", 1).push("B", 4).see("A", time=4)
    told.model.delivered("r", "main", status, sent)
    return told


def test_a_promise_is_kept_by_the_commit_that_the_ref_had(told):
    promised(told).see("B", time=9)
    told.model.late(1000)
    assert told.broken() == [] and told.model.checked["202"] == 1


def test_a_promise_is_kept_by_a_later_commit(told):
    promised(told).push("C", 6).see("C", time=9)
    told.model.late(1000)
    assert told.broken() == []


def test_a_promise_is_kept_when_the_ref_goes_back_to_what_is_published(told):
    promised(told).push("A", 6).see("A", time=9)
    told.model.late(1000)
    assert told.broken() == []


def test_a_promise_that_is_not_kept_in_time_is_a_violation_and_told_once(told):
    promised(told)
    told.model.late(5 + BOUNDS.alone - 1)
    assert told.broken() == []
    told.model.late(5 + BOUNDS.alone + 1)
    told.model.late(5 + BOUNDS.alone + 2)
    assert told.broken() == ["202"]


@pytest.mark.parametrize("status", [200, 401, 503])
def test_another_answer_promises_nothing(told, status):
    promised(told, status=status)
    told.model.late(1000)
    assert told.broken() == []


def test_a_delivery_sent_before_the_ref_moved_promises_only_what_was_there(told):
    promised(told, sent=3.0)
    assert told.model.checked["202"] == 1
    told.model.late(1000)
    assert told.broken() == []


def test_every_checkout_of_the_ref_has_to_show_it(told):
    told.model.follow("/other", "r", "main")
    promised(told).see("B", time=9)
    assert told.model.checked["202"] == 0
    told.model.observed("/other", "B", 9)
    assert told.model.checked["202"] == 1


@pytest.mark.parametrize("whom", ["r", None])
def test_time_under_harm_does_not_count(told, whom):
    promised(told)
    told.model.harmed(whom, 6)
    told.model.late(500)
    told.model.healed(whom, 500)
    told.model.late(500 + BOUNDS.recovery - 1)
    assert told.broken() == []
    told.model.late(500 + BOUNDS.recovery + 1)
    assert told.broken() == ["202"]


# Alone

def test_failing_without_a_reason_is_a_violation(told):
    told.model.state("r", "failing", "timeout", 5)
    assert told.broken() == ["alone"]


@pytest.mark.parametrize("whom", ["r", None])
def test_failing_is_excused_under_harm_and_a_while_after_it(told, whom):
    told.model.harmed(whom, 1)
    told.model.state("r", "failing", "timeout", 100)
    told.model.healed(whom, 100)
    told.model.state("r", "failing", "timeout", 100 + BOUNDS.recovery - 1)
    assert told.broken() == []
    told.model.state("r", "failing", "timeout", 100 + BOUNDS.recovery + 1)
    assert told.broken() == ["alone"]


def test_anothers_harm_is_no_excuse(told):
    told.model.follow("/s", "s", "main")
    told.model.harmed("s", 1)
    told.model.state("r", "failing", "timeout", 2)
    assert told.broken() == ["alone"]


# The calm

def test_everything_is_settled_when_all_are_ok_and_show_the_last_commit(told):
    promised(told).see("B", time=9)
    told.model.calm(10)
    told.model.state("r", "ok", "", 11)
    assert told.model.unsettled() == [] and not told.model.overdue(12)


def test_a_state_seen_before_the_calm_says_nothing_of_it(told):
    promised(told).see("B", time=9)
    told.model.state("r", "ok", "", 9)
    told.model.calm(10)
    assert told.model.unsettled() == ["r: not seen since"]


@pytest.mark.parametrize("state, commit", [("failing", "B"), ("ok", "A")])
def test_what_is_not_settled_in_time_is_a_violation(told, state, commit):
    told.push("A", 1).push("B", 4).see(commit, time=9)
    told.model.harmed("r", 1)
    told.model.healed("r", 30)
    told.model.calm(10)
    told.model.state("r", state, "", 40)
    assert told.model.overdue(10 + BOUNDS.calm + 1)
    assert told.broken() == ["settled"]
