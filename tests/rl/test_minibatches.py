from hypothesis import given
from hypothesis import strategies as st

from keisei.config_schema import TrainingConfig
from keisei.rl.minibatches import divide_plies


def test_uneven_ranks_take_the_steps_of_one_that_has_all_plies() -> None:
    for sizes in ({"minibatch_size": 32}, {"num_minibatches": 6}):
        config = TrainingConfig.model_validate(sizes)
        one = divide_plies([95], 192, config)
        two = divide_plies([85, 10], 96, config)
        assert len(two.totals) == len(one.totals)


def test_what_is_compiled_for_one_size_holds_the_plies_of_each_rank() -> None:
    config = TrainingConfig(minibatch_size=32, compile=True)
    parts = divide_plies([85, 10], 96, config)
    assert parts.room == 16
    assert max(parts.sizes) <= parts.room


@given(
    st.lists(st.integers(0, 96), min_size=1, max_size=4).filter(any),
    st.sampled_from([{"minibatch_size": 24}, {"minibatch_size": 96}, {"num_minibatches": 8}]),
    st.booleans(),
)
def test_every_ply_is_in_one_minibatch(
    counts: list[int], sizes: dict[str, int], is_compiled: bool
) -> None:
    config = TrainingConfig.model_validate({**sizes, "compile": is_compiled})
    parts = divide_plies(counts, 96, config)
    assert sum(parts.totals) == sum(counts)
    assert min(parts.totals) > 0
    assert not is_compiled or max(parts.sizes) <= parts.room
