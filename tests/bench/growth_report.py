"""The curves of tests/bench/growth as tables."""

# What the figures are called in a table.
HEADINGS = {
    "cpu_per_poll_ms": "CPU of a poll, ms", "polls_per_second": "polls a second", "cpu_percent": "CPU, % of a core",
    "memory_mib": "memory, MiB", "first_start_s": "first start, s", "start_s": "later start, s",
    "delivery_to_published_ms": "delivery to published, ms",
    "poll_cpu_one_ms": "poll, one branch: CPU, ms", "poll_cpu_all_ms": "poll, all refs: CPU, ms",
    "ls_remote_cpu_ms": "git ls-remote: CPU, ms",
    "delivery_one_ms": "delivery, one branch, ms", "delivery_one_cpu_ms": "its CPU, ms",
    "delivery_all_ms": "delivery, all refs, ms", "delivery_all_cpu_ms": "its CPU, ms",
    "fetch_one_ms": "git fetch, one branch, ms", "fetch_one_cpu_ms": "its CPU, ms",
    "fetch_all_ms": "git fetch, all refs, ms", "fetch_all_cpu_ms": "its CPU, ms",
    "update_git_ms": "update, git = true, ms", "update_plain_ms": "update, git = false, ms",
    "reset_hard_ms": "git reset --hard, ms", "first_git_ms": "first checkout, git = true, ms",
    "first_plain_ms": "first checkout, git = false, ms", "worktree_add_ms": "git worktree add, ms",
}


def as_table(name: str, points: list[dict]) -> str:
    columns = [name, *(HEADINGS[column] for column in list(points[0])[1:])]
    lines = [" | ".join(columns), " | ".join(["---"] * len(columns))]
    lines += [" | ".join([f"{point['size']:,}"] + [f"{value:.4g}" for value in list(point.values())[1:]])
              for point in points]
    return "\n".join(f"| {line} |" for line in lines)
