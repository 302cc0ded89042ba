"""The block of a mission in a crontab: no byte around it ever changes, and no change inside it goes unseen."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mission_control.ops.crontab.block import Block, BlockDamaged, cut

HOMES = ("/home/ada/mission", "/home/ada/mission 2", "/srv/50% of 'it'", "/m\udcff")
LINE = "*/15 * * * * umask 077; PATH=/bin /bin/missionctl --home /m heartbeat ada >>/m/logs/ada-cron.log 2>&1"
NAMES = st.none() | st.sets(st.sampled_from(["ada", "bob", "samurai_jack"]), min_size=1).map(lambda n: tuple(sorted(n)))
BLOCKS = st.builds(Block, st.sampled_from(HOMES), NAMES, st.lists(st.just(LINE), min_size=1, max_size=3).map(tuple))
# What real crontabs end and separate lines with, and what they should not hold but do.
FOREIGN = st.binary() | st.lists(
    st.sampled_from([b"\n", b"\r\n", b"\r", b"\x00", b"\xff", b"* * * * * true", b"# BEGIN", b"%", "é".encode()])
).map(b"".join)


@given(crontab=FOREIGN, block=BLOCKS)
def test_put_and_taken_out_again_leaves_every_byte_as_it_was(crontab: bytes, block: Block) -> None:
    then = cut(crontab, block.home).with_block(block)
    assert then.endswith(crontab)
    assert cut(then, block.home).with_block(None) == crontab


@given(above=FOREIGN, below=FOREIGN, old=BLOCKS, new=BLOCKS)
def test_a_block_is_renewed_in_its_place_wherever_somebody_moved_it(
    above: bytes, below: bytes, old: Block, new: Block
) -> None:
    new = Block(old.home, new.names, new.lines)
    above = above + b"\n" if above else above
    then = cut(above + old.to_bytes() + below, old.home).with_block(new)
    assert then == above + new.to_bytes() + below


@given(crontab=FOREIGN, first=BLOCKS, second=BLOCKS)
def test_missions_never_touch_the_blocks_of_others(crontab: bytes, first: Block, second: Block) -> None:
    if first.home == second.home:
        return
    both = cut(cut(crontab, first.home).with_block(first), second.home).with_block(second)
    assert Block.from_bytes(cut(both, first.home).own) == first
    assert Block.from_bytes(cut(both, second.home).own) == second
    assert cut(both, first.home).with_block(None) == cut(crontab, second.home).with_block(second)
    assert cut(cut(both, first.home).with_block(None), second.home).with_block(None) == crontab


@given(block=BLOCKS)
def test_a_block_is_read_as_it_was_written(block: Block) -> None:
    assert Block.from_bytes(block.to_bytes()) == block
    assert Block.from_bytes(block.to_bytes().removesuffix(b"\n")) == block, "a lost last newline changes nothing of it"


@given(block=BLOCKS, data=st.data())
def test_one_changed_byte_inside_the_block_is_seen(block: Block, data: st.DataObject) -> None:
    own = block.to_bytes()
    first, last = own.index(b"\n") + 1, own.rindex(b"# END")
    place = data.draw(st.integers(first, last - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda byte: byte != own[place]))
    edited = own[:place] + bytes([byte]) + own[place + 1 :]
    assert Block.from_bytes(edited) is None


@given(block=BLOCKS, line=FOREIGN)
def test_a_line_that_somebody_put_inside_the_block_is_seen(block: Block, line: bytes) -> None:
    own = block.to_bytes()
    end = own.rindex(b"# END")
    assert Block.from_bytes(own[:end] + line + b"\n" + own[end:]) is None


def test_an_editor_that_changed_all_line_ends_has_edited_the_block() -> None:
    own = Block("/m", None, (LINE,)).to_bytes().replace(b"\n", b"\r\n")
    parts = cut(b"# mine\r\n" + own, "/m")
    assert (parts.before, parts.own, parts.after) == (b"# mine\r\n", own, b"")
    assert Block.from_bytes(own) is None


BEGIN, END = b"# BEGIN missionctl /m\n", b"# END missionctl /m\n"


@pytest.mark.parametrize("damaged", [BEGIN, END, END + BEGIN, BEGIN + END + BEGIN + END, BEGIN + BEGIN + END])
def test_markers_that_do_not_belong_together_are_refused(damaged: bytes) -> None:
    with pytest.raises(BlockDamaged, match="crontab -e"):
        cut(b"# mine\n" + damaged, "/m")


def test_the_marker_of_a_longer_path_is_not_ours() -> None:
    other = Block("/m/inner", None, (LINE,)).to_bytes()
    assert cut(other, "/m").own == b""
