"""What a prompt cache saves is measured."""

import json

from inference.lab import cache_bench

NARRATOR = """
narrators:
  - name: canned
    line: Tells what is written.
    engine: scripted
    context: 2048
    slots: 2
    options: {pace: 0, prefill_seconds: 0}
"""


def test_both_parts_are_measured_where_none_is_named(tmp_path, capsys):
    file = tmp_path / "narrators.yaml"
    file.write_text(NARRATOR)
    few = ["--turns", "2", "--stories", "2", "--rounds", "1", "--narrators-file", str(file)]
    cache_bench.main(["canned", *few])
    figures = {json.loads(line)["figure"] for line in capsys.readouterr().out.splitlines()}
    assert {"ahead_to_without", "share_cached"} <= figures
