"""Samples become rows: each by itself, and only replies are learnt. Without torch."""

from pathlib import Path

import pytest

from inference.finetune.training.packing import (
    NOT_LEARNT,
    Row,
    SamplesError,
    pack,
    padded,
    read_samples,
    row_of,
)

SAMPLE = {
    "adventure": "The Well",
    "text": "Asked: go down\nIt is wet.|Asked: up\nIt is dry.|",
    "spans": [[15, 26], [36, 47]],
}


def letters(text):
    return [ord(letter) for letter in text], [(place, place + 1) for place in range(len(text))]


def learnt(row):
    return "".join(chr(label) if label != NOT_LEARNT else "·" for label in row.labels)


def test_only_replies_are_learnt_with_what_ends_them():
    row = row_of(SAMPLE, letters, 100)
    assert [told for told in learnt(row).split("·") if told] == ["It is wet.|", "It is dry.|"]
    assert row.learnt == 22


def test_a_token_that_begins_before_a_reply_is_not_learnt():
    def halves(text):
        return [1, 2], [(0, 16), (16, len(text))]

    row = row_of({**SAMPLE, "spans": [[15, 26]]}, halves, 100)
    assert row.labels == [NOT_LEARNT, 2]


def test_samples_share_a_row_and_each_counts_from_its_beginning():
    rows = [Row([n] * n, [NOT_LEARNT] + [n] * (n - 1), list(range(n))) for n in (3, 7, 2, 5)]
    packed = pack(rows, 10)
    assert [len(row.tokens) for row in packed] == [10, 7]
    assert packed[0].tokens == [7] * 7 + [3] * 3
    assert packed[0].positions == [*range(7), *range(3)]
    assert packed[0].labels[7] == NOT_LEARNT
    assert sum(row.learnt for row in packed) == sum(row.learnt for row in rows)
    assert rows[1].tokens == [7] * 7, "what is packed is left as it was"


def test_what_fills_a_row_up_is_a_sample_of_its_own():
    batch = padded([Row([1, 2, 3], [NOT_LEARNT, 2, 3], [0, 1, 2]), Row([4], [NOT_LEARNT], [0])], 9)
    assert batch["input_ids"] == [[1, 2, 3], [4, 9, 9]]
    assert batch["position_ids"] == [[0, 1, 2], [0, 0, 1]]
    assert batch["labels"][1] == [NOT_LEARNT] * 3


def test_a_sample_longer_than_the_window_is_refused_by_name():
    with pytest.raises(SamplesError, match="The Well: a sample has 47 tokens, and the window has"):
        row_of(SAMPLE, letters, 9)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty: no adventure is on the held-out side"),
        (b"\xff\xfe", "holds no samples"),
        (b"{not json", "holds no samples"),
    ],
)
def test_samples_that_are_none_are_refused_in_one_line(tmp_path, content, said):
    file = tmp_path / "chat-held-out.jsonl"
    file.write_bytes(content)
    with pytest.raises(SamplesError, match=said) as caught:
        read_samples(file)
    assert "\n" not in str(caught.value)


def test_samples_that_are_not_there():
    with pytest.raises(SamplesError, match="cannot be read"):
        read_samples(Path("nowhere"))
