"""Figures as a person reads them: at zero, below zero, and where one is unknown. Counts: components.wording."""

from collections.abc import Collection, Mapping


def percent(value: float | None, digits: int = 1) -> str:
    """0.5: "50.0 %"; None: "unknown", for a cell of a table alone: a sentence says what is not known and why."""
    return "unknown" if value is None else f"{100 * value:.{digits}f} %"


def beside(margin: float, what: str) -> str:
    """A difference of accuracies: 0.077: "0.077 above WHAT"; -0.065: "0.065 below WHAT"; 0: "equal to WHAT"."""
    if abs(margin) < 0.0005:
        return f"equal to {what}"
    return f"{abs(margin):.3f} {'above' if margin > 0 else 'below'} {what}"


def p_value(p: float) -> str:
    """0.0123: "0.012"; what three digits show as 0: "< 0.001"."""
    return "< 0.001" if p < 0.0005 else f"{p:.3f}"


def amount(value: float, sign: bool = False) -> str:
    """A number in the unit of the target, of four digits at least: 0.01234: "0.01234"; 19507.2: "19,507"."""
    size = abs(value)
    digits = "" if size == 0 else f"{value:,.0f}" if size >= 1000 else f"{value:.4g}"
    if size >= 1e12 or 0 < size < 1e-4:
        digits = f"{value:.3e}"
    return f"{'+' if sign and value > 0 else ''}{digits or '0'}"


def left_out_of_margin(served: Collection[str], figures: Mapping[str, float]) -> str:
    """The end of a sentence on a margin over the best baseline, where baselines are served: {"ridge": 0.8} ->
    "; served within the model, and so left out of the margin: ridge 0.800"; "" where none is."""
    named = ", ".join(f"{name} {figures[name]:.3f}" for name in served if name in figures)
    return f"; served within the model, and so left out of the margin: {named}" if named else ""
