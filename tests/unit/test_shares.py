"""Room that is scarce is shared fairly."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mission_control.domain.shares import Wish, fair_shares

wishes = st.lists(
    st.builds(
        Wish,
        agent=st.text("abcdefgh", min_size=1, max_size=2),
        slots=st.integers(1, 5),
        live=st.integers(0, 5),
        last=st.integers(0, 9),
    ),
    unique_by=lambda wish: wish.agent,
    max_size=8,
)


@given(wishes, st.integers(0, 20))
def test_no_room_is_left_that_somebody_could_use_and_no_slot_is_given_twice(wishes, room):
    shares = fair_shares(wishes, room)
    free = {wish.agent: max(wish.slots - wish.live, 0) for wish in wishes}
    assert all(0 < shares[agent] <= free[agent] for agent in shares)
    assert sum(shares.values()) == min(room, sum(free.values()))


@given(wishes, st.integers(0, 20))
def test_nobody_gets_more_while_another_who_could_use_it_has_less(wishes, room):
    shares = fair_shares(wishes, room)
    after = {wish.agent: wish.live + shares.get(wish.agent, 0) for wish in wishes}
    for poor in wishes:
        if after[poor.agent] < poor.slots:
            assert all(after[agent] <= after[poor.agent] + 1 for agent in shares)


def test_who_has_waited_longest_comes_first_where_all_have_the_same():
    squad = [Wish(name, slots=1, live=0, last=last) for name, last in (("ada", 7), ("bob", 3), ("cyd", 5))]
    assert fair_shares(squad, 1) == {"bob": 1}
    assert fair_shares(squad, 2) == {"bob": 1, "cyd": 1}
