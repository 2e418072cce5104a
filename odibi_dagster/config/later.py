"""Names of Odibi's that are known and not built yet: refused as such, never as a typing error."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from odibi_dagster.core.fate import not_yet
from odibi_dagster.errors import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from odibi_dagster.core.registry import Registry

LATER: Mapping[str, str] = {
    "connection type": "azure_blob delta http sql_server unity_catalog",
    "format": "api avro cloudFiles delta excel simulation sql sql_server",
    "test": "distribution freshness pandera schema volume_drop",
    "transform": """
        add_prefix add_suffix aggregation apply_mapping coalesce_columns concat_columns
        convert_timezone cross_check date_add date_diff date_dimension date_trunc detect_deletes
        detect_sequential_phases dict_based_mapping dimension explode_list_column
        extract_date_parts fact flatten_struct fluid_properties generate_numeric_key
        generate_surrogate_key geocode hash_columns merge normalize_column_names normalize_json
        normalize_schema parse_json pivot psychrometrics regex_replace replace_values row_number
        sample saturation_properties scd2 sessionize split_events_by_period split_part
        trim_whitespace unit_convert unpack_struct unpivot validate_and_flag window_calculation
    """,
    "operation": "drop drop_duplicates fill_na fillna rename",
}
"""By kind of name. What has been registered since works, whatever stands here."""


def lookup(registry: Registry[Any], name: str, extra: Iterable[str] = ()) -> Any:
    """The class of that name; ValueError says whether it comes later or is unknown.

    `extra` are further names that would have been right, for the suggestion.
    """
    if name in registry.known:
        return registry.known[name]
    if name in LATER.get(registry.kind, "").split():
        raise ValueError(not_yet(f"{registry.kind} '{name}'"))
    hint = did_you_mean(name, [*registry.known, *extra])
    msg = f"'{name[:60]}' is not a registered {registry.kind}; {hint}"
    raise ValueError(msg)
