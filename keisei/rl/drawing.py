"""Which plies of a rollout an epoch learns from, when it is not to be all of them.

Plies are drawn by their advantage and weighted so that means stay what they are over all plies
(importance sampling: A. Katharopoulos, F. Fleuret, *Not All Samples Are Created Equal*,
arXiv:1803.00942, section 3). One draw decides the plies of an epoch: marks at equal distances over
the sums of priorities (systematic resampling, as in G. Kitagawa, *Monte Carlo Filter and Smoother
for Non-Gaussian Nonlinear State Space Models*, 1996).
"""

# pyright: reportUnknownMemberType=false
# (torch leaves parts of its signatures open.)

import torch
from torch import Tensor

_UNIT = 1 << 20
_LARGEST = 1 << 10


def priorities_of(advantages: Tensor) -> Tensor:
    """Priorities int64[P] of plies whose normalised advantages are float32[P]: |a| + 1, in units.

    Whole numbers, whose sums do not depend on the order in which a device adds.
    """
    return ((advantages.abs() + 1.0).clamp_max(_LARGEST) * _UNIT).long()


def draw_plies(priorities: Tensor, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Draw so many of P plies, each as often on average as its priority asks.

    Args:
        priorities: int64[P], above 0, from :func:`priorities_of`.
        count: 1 to P; a ply may come more than once.
        generator: on the device of the priorities.

    Returns:
        Plies int64[count] in random order, and their weights float32[count]: a mean over the drawn
        plies of something times the weight is on average its mean over all P.
    """
    device = priorities.device
    order = torch.randperm(len(priorities), generator=generator, device=device)
    ends = priorities[order].cumsum(0)
    offset = torch.rand(1, generator=generator, device=device, dtype=torch.float64)
    marks = (torch.arange(count, device=device) + offset) * (ends[-1].double() / count)
    drawn = order[torch.searchsorted(ends, marks.long(), right=True).clamp_max(len(order) - 1)]
    return drawn, (ends[-1] / (len(order) * priorities[drawn])).float()
