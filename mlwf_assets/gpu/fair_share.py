"""How many GPUs each queue is entitled to: what it deserves first, and what is idle lent by priority and weight.

Source: the division of KAI-Scheduler (proportion plugin), with one fault of it not copied: what is handed out of the
rounding never lifts a queue above its request or its limit. All arithmetic is exact, in integers and fractions.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True, slots=True)
class Claim:
    """What the division knows of a queue; amounts in parts, None is unlimited.

    Attributes:
        weight: over-quota weight, in any one scale.
        requested: what its running and waiting work asks for.
        usage: its part of the GPU time of the recent past, 0 to 1.
        parent: the queue whose share it divides; None divides the total.
    """

    name: str
    requested: int
    deserved: int | None = 0
    limit: int | None = None
    weight: int = 1
    priority: int = 100
    created: int = 0
    usage: Fraction = Fraction(0)
    parent: str | None = None

    @property
    def wanted(self) -> int:
        """The most that it can get."""
        return self.requested if self.limit is None else min(self.requested, self.limit)


def fair_shares(
    total: int, claims: Iterable[Claim], *, unit: int = 1000, usage_weight: Fraction = Fraction(0)
) -> tuple[dict[str, int], int]:
    """Divide a total among a tree of queues, level by level from the top: a child divides its parent's share.

    Args:
        total: parts to divide.
        claims: all queues of the tree, in any order.
        unit: parts of a whole GPU, to which grants are floored.
        usage_weight: k of time-based fair share; 0 looks at the present alone.
    Returns:
        Each queue's share in parts, and the parts of the total that nobody gets.
    Example:
        >>> fair_shares(5000, [Claim("a", 9000, 1000), Claim("b", 9000, 1000, weight=2)])
        ({'a': 2000, 'b': 3000}, 0)
    """
    below: dict[str | None, list[Claim]] = {}
    for claim in sorted(claims, key=lambda claim: (claim.created, claim.name)):
        below.setdefault(claim.parent, []).append(claim)
    shares, remaining = _divide(total, below.get(None, []), unit, usage_weight)
    level = list(below.get(None, []))
    while level:
        parent = level.pop()
        if children := below.get(parent.name):
            shares |= _divide(shares[parent.name], children, unit, usage_weight)[0]
            level += children
    return shares, remaining


def _divide(total: int, claims: list[Claim], unit: int, usage_weight: Fraction) -> tuple[dict[str, int], int]:
    """Divide among siblings, which stand in the order of creation."""
    shares = {claim.name: min(total if claim.deserved is None else claim.deserved, claim.wanted) for claim in claims}
    left = max(0, total - sum(shares.values()))
    floored: dict[str, Fraction] = {}
    tiers = sorted({claim.priority for claim in claims}, reverse=True)
    for tier in tiers:
        left = _lend(left, [claim for claim in claims if claim.priority == tier], shares, floored, unit, usage_weight)
    return shares, _hand_out(left, claims, shares, floored, unit)


def _lend(
    left: int,
    claims: list[Claim],
    shares: dict[str, int],
    floored: dict[str, Fraction],
    unit: int,
    usage_weight: Fraction,
) -> int:
    """Lend to one tier in rounds, until nobody leaves over what others could use; return what is left."""
    again = True
    while again and left > 0:
        again, amount = False, left
        weights = _weights([claim for claim in claims if shares[claim.name] < claim.wanted], usage_weight)
        weight_sum = sum(weights.values())
        for claim in claims:
            if not (weight := weights.get(claim.name)):
                continue
            wanted, fair = claim.wanted - shares[claim.name], Fraction(amount * weight, weight_sum)
            if wanted <= fair:
                shares[claim.name] += wanted
                left -= wanted
                floored.pop(claim.name, None)
                again = again or wanted < fair
                continue
            whole = fair // unit * unit
            shares[claim.name] += whole
            left -= whole
            if fair > whole:
                floored[claim.name] = fair - whole
    return left


def _weights(unsatisfied: list[Claim], usage_weight: Fraction) -> dict[str, Fraction] | dict[str, int]:
    """Over-quota weights; with time-based fair share, those that used more than their part weigh less."""
    total = sum(claim.weight for claim in unsatisfied)
    if not usage_weight or not total:
        return {claim.name: claim.weight for claim in unsatisfied}
    normal = {claim.name: Fraction(claim.weight, total) for claim in unsatisfied}
    return {
        claim.name: max(Fraction(0), normal[claim.name] + usage_weight * (normal[claim.name] - claim.usage))
        for claim in unsatisfied
        if claim.weight
    }


def _hand_out(
    left: int, claims: list[Claim], shares: dict[str, int], floored: Mapping[str, Fraction], unit: int
) -> int:
    """Give what rounding left over, a unit at a time; return what nobody gets."""
    place = {claim.name: number for number, claim in enumerate(claims)}
    waiting = [claim for claim in claims if claim.name in floored]
    waiting.sort(key=lambda claim: (-claim.priority, -floored[claim.name], place[claim.name]))
    while left > 0 and waiting:
        for claim in waiting:
            given = min(unit, left, claim.wanted - shares[claim.name])
            shares[claim.name] += given
            left -= given
        waiting = [claim for claim in waiting if shares[claim.name] < claim.wanted]
    return left
