from tests.cli.command_line import assert_mistake, run


def test_leaves_from_the_start_position() -> None:
    result = run("perft", "startpos", "3")
    assert result.exit_code == 0
    assert result.stdout == "25470 nodes at depth 3\n"
    assert "nodes a second" in result.stderr


def test_divide_lists_the_leaves_below_each_move() -> None:
    *moves, total = run("perft", "startpos", "2", "--divide").stdout.splitlines()
    assert len(moves) == 30
    assert moves[0] == "1g1f: 30"
    assert all(line.endswith(": 30") for line in moves)
    assert total == "900 nodes at depth 2"


def test_moves_may_come_between_position_and_depth() -> None:
    result = run("perft", "startpos", "moves", "7g7f", "1")
    assert result.stdout == "30 nodes at depth 1\n"


def test_a_bad_position_is_refused_in_one_sentence() -> None:
    assert_mistake(run("perft", "4k4/9/9/9 b - 1", "2"), "4 ranks")


def test_a_depth_that_nobody_can_reach_is_refused() -> None:
    result = run("perft", "startpos", "100000")
    assert result.exit_code == 2
    assert "'DEPTH'" in result.stderr
    assert "30" in result.stderr
