"""Writes the part of TOML that a configuration of freshet needs."""

import json


def to_toml(table: dict, prefix: str = "") -> str:
    lines, tables = [], []
    for key, value in table.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict):
            tables.append(f"\n[{name}]\n{to_toml(value, name + '.')}")
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            tables += [f"\n[[{name}]]\n{to_toml(entry, name + '.')}" for entry in value]
        else:
            lines.append(f"{key} = {json.dumps(value)}\n")
    return "".join(lines + tables)
