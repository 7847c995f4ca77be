"""What `nox -s evaluate` prints: the scores as lines of text."""

from __future__ import annotations

import statistics

from ...editing.refinement import FULL_VIDEO, IMG2IMG_PASS
from ..measures import mean
from .compositing import UNTOUCHED, VISIBLE_SEAM
from .refinement import BLURS, CHOSEN
from .selection import summary

BLUR_GAIN, SHARP_LOSS, SUCCESS_LOSS, CHEAPER, LIGHT_LOSS = 3.0, 0.3, 0.01, 4.0, 0.5  # dB, dB, share, times, dB


def scores_table(scores: dict) -> str:
    """How often each family of edits succeeds, a line each."""
    lines = [f"{'family':<12} {'scenes':>6} {'success':>8} {'background':>11} {'last frame':>11} {'VAE':>8}"]
    for name, of in [*scores["families"].items(), ("all", scores["all"])]:
        background = "-" if of["background"] is None else f"{of['background']:.1f} dB"
        lines.append(
            f"{name:<12} {of['scenes']:>6} {of['success']:>8.1%} {background:>11} "
            f"{of['psnr']:>8.1f} dB {of['vae_psnr']:>5.1f} dB"
        )
    return "\n".join(lines)


def schedules_table(scores: dict) -> str:
    """The schedules of temporal latent dropout, beside full sampling."""
    whole = scores["all"]
    lines = [
        f"{'schedule':<40} {'positions':<9} {'success':>8} {'background':>11} {'to full':>8} {'time':>6}",
        f"{'full sampling':<40} {'':<9} {whole['success']:>8.1%} {whole['background']:>8.1f} dB {'':>8} {1:>6.0%}",
    ]
    for of in scores["schedules"]:
        lines.append(
            f"{of['schedule']:<40} {of['positions']:<9} {of['success']:>8.1%} {of['background']:>8.1f} dB "
            f"{of['to_full']:>5.1f} dB {of['seconds'] / scores['seconds']:>6.0%}"
        )
    return "\n".join(lines)


def wording_line(scores: dict) -> str:
    """How free-worded instructions did, beside captions as in training."""
    free, trained = scores["free_worded"], scores["all"]["success"]
    worst = min(free["families"], key=lambda name: free["families"][name]["success"])
    return (
        f"free-worded instructions, captions by rules: {free['all']['success']:.1%} (captions as in training: "
        f"{trained:.1%}); the worst family is {worst}: {free['families'][worst]['success']:.1%} "
        f"({scores['families'][worst]['success']:.1%})"
    )


def selection_table(rows: list[dict]) -> str:
    """The methods that choose a frame, a line each."""
    lines = [
        f"{'frame chosen':<16} {'at the true end':>16} {'success':>8} {'background':>11} {'drift':>6} {'frame':>6}"
    ]
    for method, of in summary(rows).items():
        lines.append(
            f"{method:<16} {of['beside']:>16.1%} {of['success']:>8.1%} {of['background']:>8.1f} dB {of['drift']:>6.2f} "
            f"{of['frame']:>6.1f}"
        )
    return "\n".join(lines)


def refinement_table(rows: list[dict]) -> str:
    """A line for each kind of picture and strength, then what they are held to."""
    lines = [
        f"{'picture':<12} {'refined by':<17} {'scenes':>6} {'taken':>6} {'before':>8} {'after':>8} {'gain':>8} "
        f"{'least':>8} {'rendered':>16} {'success':>17} {'sampling':>9} {'total':>7}"
    ]
    for run in dict.fromkeys((row["kind"], row["strength"]) for row in rows):
        some = _of(rows, *run)
        gains = [row["after"] - row["before"] for row in some]
        keys = [key + when for key in ("", "rendered_", "success_") for when in ("before", "after")]
        means = {key: _mean_of(some, key) for key in ("taken", *keys)}
        time_taken = [f"{seconds:.2f} s" for seconds in _seconds(some)] or ["-", "-"]
        lines.append(
            f"{run[0]:<12} {run[1]:<17} {len(some):>6} {means['taken']:>6.0%} {means['before']:>5.1f} dB "
            f"{means['after']:>5.1f} dB {sum(gains) / len(gains):>+5.1f} dB {min(gains):>+5.1f} dB "
            f"{means['rendered_before']:>4.1f} -> {means['rendered_after']:>4.1f} dB "
            f"{means['success_before']:>6.1%} -> {means['success_after']:>6.1%} {time_taken[0]:>9} {time_taken[1]:>7}"
        )
    return "\n".join([*lines, *(f"{text}: {'met' if met else 'MISSED'}" for text, met in refinement_targets(rows))])


def refinement_targets(rows: list[dict]) -> list[tuple[str, bool]]:
    """What refinement is held to, with the figures, and whether it gets there."""
    found = []
    blurred = [row for kind in BLURS for row in _of(rows, kind, IMG2IMG_PASS)]
    chosen = _of(rows, CHOSEN, IMG2IMG_PASS)
    if blurred:
        gain = _mean_of(blurred, "after") - _mean_of(blurred, "before")
        found.append(
            (f"blurred pictures gain at least {BLUR_GAIN:g} dB, on average ({gain:+.1f} dB)", gain >= BLUR_GAIN)
        )
    if chosen:
        loss = max(row["before"] - row["after"] for row in chosen)
        found.append((f"no chosen picture loses more than {SHARP_LOSS} dB (at most {loss:.2f} dB)", loss <= SHARP_LOSS))
        change = _mean_of(chosen, "success_after") - _mean_of(chosen, "success_before")
        found.append(
            (f"success of chosen pictures within {SUCCESS_LOSS:.0%} ({change:+.1%})", abs(change) <= SUCCESS_LOSS)
        )
    both = [kind for kind in BLURS if _of(rows, kind, IMG2IMG_PASS) and _of(rows, kind, FULL_VIDEO)]
    if both:
        light, full = ([row for kind in both for row in _of(rows, kind, how)] for how in (IMG2IMG_PASS, FULL_VIDEO))
        less = _mean_of(full, "after") - _mean_of(light, "after")
        found.append(
            (
                f"the img2img pass brings at most {LIGHT_LOSS} dB less than the full one ({less:+.2f} dB less)",
                less <= LIGHT_LOSS,
            )
        )
        if _seconds(light) and _seconds(full):
            sampling, total = (b / a for a, b in zip(_seconds(light), _seconds(full), strict=True))
            found.append(
                (
                    f"sampling the img2img pass is at least {CHEAPER:g} times cheaper ({sampling:.1f} times; "
                    f"{total:.1f} times with encoding, decoding and choosing)",
                    sampling >= CHEAPER,
                )
            )
    return found


def _of(rows: list[dict], kind: str, strength: str) -> list[dict]:
    return [row for row in rows if (row["kind"], row["strength"]) == (kind, strength)]


def _mean_of(rows: list[dict], key: str) -> float:
    return mean([float(row[key]) for row in rows])


def _seconds(rows: list[dict]) -> list[float]:
    """Seconds of a picture: of sampling, and in all; empty where none had to be refined."""
    measured = [row["seconds"] for row in rows if row["seconds"]]
    return [statistics.median(one[key] for one in measured) for key in ("sampling", "total")] if measured else []


def compositing_table(rows: list[dict]) -> str:
    """How much of the source stays untouched around the edits, a line per family."""
    lines = [
        f"{'family':<12} {'scenes':>6} {'untouched':>10} {'outside':>9} {'edit':>8} {'success':>8} "
        f"{'composited':>9} {'seams':>6} {'taken':>6} {'whole':>6}"
    ]
    families = list(dict.fromkeys(row["family"] for row in rows))
    for name in [*families, "all"]:
        some = [row for row in rows if name in (row["family"], "all")]
        outside = [row["outside"] for row in some if row["outside"] is not None]
        untouched, worst, before = "-", "-", "-"
        if outside:
            untouched = f"{mean([value >= UNTOUCHED for value in outside]):.1%}"
            worst = f"{min(min(outside), 99.9):.1f} dB"
            before = f"{mean([row['before'] for row in some]):.1f} dB"
        lines.append(
            f"{name:<12} {len(some):>6} {untouched:>10} {worst:>9} {before:>8} "
            f"{mean([row['success_before'] for row in some]):>8.1%} "
            f"{mean([row['success'] for row in some]):>9.1%} "
            f"{mean([row['seam'] > VISIBLE_SEAM for row in some]):>6.1%} "
            f"{mean([row['share'] for row in some]):>6.1%} "
            f"{mean([row['whole'] for row in some]):>6.1%}"
        )
    lines.append(
        f"untouched: scenes with at least {UNTOUCHED:.0f} dB against the photo outside of the object and its "
        "shadow; outside: the worst of them; edit: mean of the edits as they were; seams: a step above "
        f"{VISIBLE_SEAM} in the mask's edge that neither picture has"
    )
    return "\n".join(lines)
