"""What a person reads of each kind of suggestion; docs/suggestions.md says more."""

from collections.abc import Sequence
from decimal import Decimal

__all__ = ["WORDING", "wording"]

WORDING = {
    "repeated_prompts": (
        "{calls:,} calls had the prompt of an earlier call of that day; they cost {cost} dollars.",
        "Answer them from a response cache.",
    ),
    "retries": (
        "{calls:,} calls failed, were cancelled or were retries; they cost {cost} dollars.",
        "Look at why they fail, back off longer, and send no retry that will fail again.",
    ),
    "idle_premium_tier": (
        "{calls:,} calls that nobody waits for went through the priority tier; they cost {cost} dollars.",
        "Send them through the standard tier.",
    ),
    "batch_candidate": (
        "{calls:,} calls of operations that can wait came in steadily; they cost {cost} dollars.",
        "Send them through the batch tier, or the flex tier where there is one.",
    ),
    "expensive_model": (
        "{calls:,} calls were short and simple; they cost {cost} dollars.",
        "Try {names} for them.",
    ),
    "missing_prompt_cache": (
        "{calls:,} calls began like one just before, and read nothing from a prompt cache; they cost {cost} dollars.",
        "Switch prompt caching on, and put what is the same in front.",
    ),
    "oversized_outputs": (
        "{calls:,} answers were far longer than usual; they cost {cost} dollars.",
        "Limit the output tokens, or ask for shorter answers.",
    ),
    "cache_writes_unread": (
        "{calls:,} tokens were written to the prompt cache and {names} read: that lost {cost} dollars.",
        "Cache only what is read again within its time, or write for a longer one.",
    ),
    "model_optimization": (
        "{calls:,} calls cost {names} dollars each in the mean.",
        "Look whether a smaller model, or a shorter prompt, would do.",
    ),
}
"""What was seen and what to do, by kind."""

CENT = Decimal("0.01")


def wording(kind: str, *, calls: int, cost: Decimal, names: Sequence[str], is_known: bool) -> tuple[str, str]:
    """Return what was seen and what to do, each in a sentence.

    Args:
        kind: the kind of suggestion.
        calls: how many things it is about.
        cost: what they cost, in dollars.
        names: what is named in it: models, or a figure.
        is_known: there is a number for its saving.
    """
    message, action = WORDING[kind]
    values = {"calls": calls, "cost": f"{cost.quantize(CENT):,f}", "names": " or ".join(names) or "a smaller model"}
    needs_price = not is_known and kind != "model_optimization"
    note = " What it would save is unknown: no price of that is known." if needs_price else ""
    return message.format(**values) + note, action.format(**values)
