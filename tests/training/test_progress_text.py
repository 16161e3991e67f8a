from dataclasses import replace

from keisei.training.progress_text import log_line
from tests.training.progress import EMPTY, FULL


def test_log_line_tells_progress_learning_games_and_time_left() -> None:
    assert log_line(FULL) == (
        "50,000/200,000 25.0%  2,890 sps  update 12  policy -0.0123  value 0.4321  "
        "entropy 2.010  normalised 0.610  kl 0.00412  ev +0.430  "
        "games 100 (black 40.0%, white 30.0%)  ends checkmate 75%, ply cap 25%  pool 62.5%  "
        "eval 95.3% rating 412, random 99.2%, greedy 91.4%  "
        "eta 1:02:03"
    )


def test_the_last_step_may_pass_the_end_by_a_few_plies() -> None:
    assert "200,192/200,000 100.0%" in log_line(replace(FULL, global_timestep=200_192))


def test_log_line_before_the_first_update_names_only_what_is_known() -> None:
    assert log_line(EMPTY) == "0/200,000 0.0%  - sps  update 0  eta -"


def test_an_evaluation_without_rungs_has_no_rating() -> None:
    line = log_line(replace(EMPTY, evaluation={"score": 0.5, "a_policy_score": 0.5}))
    assert line.endswith("  eval 50.0% a_policy 50.0%  eta -")
