"""The rows of docs/trust.md: the truth of a run beside leakbench's result."""

import math
import re
from collections import Counter

HEADER = "| case | truth | before | verdict | rate | limit | example | result |\n|---|---|---|---|---|---|---|---|"
# Largest error of a rate that counts as right.
RATE_ERROR = 0.2


def expected_rates(run):
    """The resources of which each may be named, with their true rates or None."""
    return {name: rate or None for name, rate in run.case.get("leaks", {}).items()}


def grade(run, result):
    """'right', 'wrong: WHY' or 'inconclusive'."""
    verdict = result["verdict"]
    if verdict == "inconclusive":
        return "inconclusive"
    if run.kind != "bug":
        return "right" if verdict == "clean" else f"wrong: {verdict}"
    if verdict != "leak":
        return f"wrong: {verdict}"
    expected = expected_rates(run)
    hit = next((hit for suspect in result["suspects"] if (hit := named_truth(suspect, expected))), None)
    if hit is None:
        return f"wrong: names {', '.join(suspect['resource'] for suspect in result['suspects']) or 'nothing'}"
    rate, truth = resource(result, hit)["rate_per_s"], expected[hit]
    if truth and (rate is None or abs(rate - truth) > RATE_ERROR * truth):
        return f"wrong: {amount(hit, rate)}/s, true are {amount(hit, truth)}/s"
    return "right"


def named_truth(suspect, expected):
    """The resource of the truth that the suspect names, as itself or as its evidence."""
    return next((name for name in [suspect["resource"], *suspect["evidence"]] if name in expected), None)


def resource(result, name):
    return next(row for row in result["resources"] if row["name"] == name)


def amount(name, value):
    """An amount with its unit."""
    if value is None:
        return "unknown"
    if name.endswith("_bytes"):
        for unit, size in (("MiB", 1 << 20), ("KiB", 1 << 10)):
            if abs(value) >= size:
                return f"{value / size:.3g} {unit}"
    return f"{value:.3g}"


def noun(name):
    return name.replace("_fds", " descriptors").replace("_bytes", " memory").replace("_", " ")


def cell(text, width=70):
    """Text of a program, as one cell of a table. Paths of this machine are cut."""
    text = re.sub(r"/\S*/target/trust/(work/)?", "", " ".join(str(text).split()))
    text = text if len(text) <= width else text[: width - 1] + "…"
    return re.sub(r"([|`<>*_\\\[\]])", r"\\\1", text)


def of_truth(name, rate):
    return f"{noun(name)} {amount(name, rate)}/s" if rate else noun(name)


def named_once(expected):
    """The resources of the truth. A leak of memory shows in several that are one."""
    memory = [name for name in expected if name.endswith("_bytes")]
    return [(name, rate) for name, rate in expected.items() if name not in memory[1:]]


def row(run, result, before=""):
    """The run as a row of the table. `before` is the verdict of an earlier version."""
    expected = expected_rates(run)
    truth = "clean"
    if run.kind == "bug":
        truth = "leak: " + ", ".join(of_truth(name, rate) for name, rate in named_once(expected))
    verdict, rate, limit, example = result["verdict"], "", "", ""
    if result["suspects"]:
        named = [suspect["resource"] for suspect in result["suspects"]]
        suspect = next((s for s in result["suspects"] if named_truth(s, expected)), result["suspects"][0])
        name, forecast = named_truth(suspect, expected) or suspect["resource"], suspect["forecast"]
        grown = resource(result, name)
        verdict += ": " + ", ".join(noun(name) for name in named)
        rate = f"{amount(name, grown['rate_per_s'])} [{amount(name, grown['ci_low'])}, {amount(name, grown['ci_high'])}]/s"
        if forecast:
            limit = f"{forecast['limit_name']} of {forecast['limit']:,} in {forecast['seconds'] / 60:,.0f} min"
        if grown["example"]:
            example = ": ".join([grown["example"]["what"], *grown["example"]["holders"][:1]])
    elif verdict == "inconclusive":
        example = result["headline"]
    source = f"[{run.name}]({run.case['source']})" if "source" in run.case else run.name
    cells = [source, truth, before, verdict, rate, cell(limit), cell(example), grade(run, result)]
    return "| " + " | ".join(cells) + " |"


def wilson(hits, trials):
    """A share as a percentage, with its 95 % interval by Wilson."""
    z, share = 1.96, hits / trials
    middle = (share + z * z / (2 * trials)) / (1 + z * z / trials)
    half = z / (1 + z * z / trials) * math.sqrt(share * (1 - share) / trials + (z / (2 * trials)) ** 2)
    low, high = max(0.0, middle - half), min(1.0, middle + half)
    return f"{100 * share:.1f} % [{100 * low:.1f}, {100 * high:.1f}]"


def summary(graded):
    """Counts of the results of each kind, with the rates that matter."""
    lines = ["| kind | runs | right | wrong | inconclusive | rate, 95 % interval | before |",
             "|---|---|---|---|---|---|---|"]
    for kind, names in (("bug", "detected"), ("fixed", "false alarms"), ("healthy", "false alarms")):
        results = [result for run, result, _ in graded if run.kind == kind]
        before = [verdict for run, _, verdict in graded if run.kind == kind and verdict]
        if results:
            number = Counter(result.split(":")[0] for result in results)
            hits = results.count("right" if kind == "bug" else "wrong: leak")
            lines.append(f"| {kind} | {len(results)} | {number['right']} | {number['wrong']} | "
                         f"{number['inconclusive']} | {names}: {wilson(hits, len(results))} | "
                         f"{before.count('leak')} of {len(before)} called a leak |")
    return lines


def models(printed):
    """The models' rows: each has the share of trials called a leak, and called inconclusive."""
    lines, trials, kind = [], 0, ""
    for line in printed.splitlines():
        # The test runner prints a dot for each test, without a line's end.
        line = line.lstrip(".")
        if head := re.match(r"leak/inconclusive % of (\d+), (.*)", line):
            trials, kind = int(head[1]), head[2]
        elif found := re.match(r" *(\d+) s  (.*\S) +([\d.]+)/([\d.]+)", line):
            leaks, unsure = (wilson(round(float(share) * trials / 100), trials) for share in found.group(3, 4))
            lines.append(f"| {kind} | {found[2]} | {found[1]} s | {leaks} | {unsure} |")
    return ["| kind | model | window | called leak | inconclusive |", "|---|---|---|---|---|", *lines]
